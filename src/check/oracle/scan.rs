//! Requests to the scanner: the hottest path of all.

use super::Oracle;
use crate::check::invariant::lease_discipline;
use crate::check::invariant::scanner_manners::{self, Request, Rules};
use crate::check::state::WorldState;
use crate::model::observation::{Observation, ScanAnswer};
use crate::model::{ImageDigest, IncarnationId};

impl Oracle {
    /// A request goes out. One look-up by delivery finds all that there is to know of it.
    pub(super) fn scan_sent(&mut self, observation: &Observation<'_>) {
        let Observation::ScanSent {
            incarnation,
            schedule,
            rate_per_second,
            image,
            delivery,
            permit,
            late,
            ..
        } = *observation
        else {
            return;
        };
        let WorldState {
            messages,
            incarnations,
            faults,
            schedules,
            options,
            tally,
            now,
            ..
        } = &mut self.state;
        tally.scanner_requests += 1;
        tally.late_requests += u64::from(late);
        let mut known = messages.deliveries.get_mut(&delivery);
        let index = match &known {
            Some(known) => known.schedule,
            None => schedules.number(schedule, *now),
        };
        let own = known.as_deref().filter(|known| {
            is_same(
                &incarnations.incarnations[known.incarnation].id,
                incarnation,
            )
        });
        let sender = own.map(|own| &incarnations.incarnations[own.incarnation]);
        let request = Request {
            incarnation,
            schedule: index,
            rate_per_second,
            image,
            delivery,
            permit,
            is_late: late,
            permits_slow_at: sender.and_then(|sender| sender.permits_slow_at),
            worked_since: known
                .as_ref()
                .map_or_else(|| now.before(options.lease), |known| known.since),
        };
        let rules = Rules {
            faults,
            schedules: &schedules.ids,
            attempts_max: options.scanner_attempts,
        };
        let held_back = sender.and_then(|sender| sender.held_back);
        lease_discipline::judge_request(&mut self.results, faults, options.lease, &request, own);
        if let Some(known) = &mut known {
            scanner_manners::judge_attempt(&mut self.results, rules, known, &request);
        }
        scanner_manners::judge_held_back(&mut self.results, faults, &request, held_back);
        self.memory
            .manners
            .judge_rate(&mut self.results, rules, &request);
    }

    /// An answer arrives.
    pub(super) fn scan_answered(&mut self, delivery: u64, image: &ImageDigest, answer: ScanAnswer) {
        match answer {
            ScanAnswer::Report(_) | ScanAnswer::Failed | ScanAnswer::Unanswered => return,
            ScanAnswer::Refused => self.memory.causes.refused(image),
            ScanAnswer::Throttled(_) => {}
        }
        let Some(known) = self.state.messages.deliveries.get_mut(&delivery) else {
            return;
        };
        let Some(position) = known.position(image) else {
            return;
        };
        match answer {
            ScanAnswer::Throttled(until) => {
                known.throttled.push((position, until));
                let held_back =
                    &mut self.state.incarnations.incarnations[known.incarnation].held_back;
                let longest = held_back.map_or(until, |(before, _)| before.max(until));
                *held_back = Some((longest, self.state.now));
            }
            _ => known.refused.push(position),
        }
    }
}

/// Equality of names that are mostly the very same text in memory.
#[inline]
fn is_same(a: &IncarnationId, b: &IncarnationId) -> bool {
    let (own, other) = (a.process.as_str(), b.process.as_str());
    a.number == b.number && (std::ptr::eq(own, other) || own == other)
}
