//! Requests to the scanner and their answers: the hottest path of the oracle.
//!
//! One look-up by delivery finds the lease, the segment and the schedule of a request. Per image
//! and delivery the state keeps one byte of attempts, and lists of the rare throttled and refused
//! images, so that a request allocates nothing.

use super::WorldState;
use super::fact::{ObservedScanRequest, ScanAttempt};
use super::message::DeliveryRecord;
use super::permit_grant::KnownPermit;
use crate::check::instruments::{CounterSeries, ExtensionSeries, RequestOutcome};
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, ScanAnswer};
use crate::model::{ImageDigest, IncarnationId, Timestamp};
use rehearsal_convert::Index;

impl WorldState {
    /// Records a request; none if the observation is of another kind.
    #[inline]
    pub(crate) fn record_request<'a>(
        &mut self,
        observation: &Observation<'a>,
    ) -> Option<ObservedScanRequest<'a>> {
        let Observation::ScanSent {
            incarnation,
            schedule,
            rate_per_second,
            image,
            delivery,
            permit,
            ..
        } = *observation
        else {
            return None;
        };
        self.tally.scanner_requests += 1;
        let known = self.messages.deliveries.get_mut(&delivery);
        let schedule = match &known {
            Some(known) => known.schedule,
            None => self.schedules.number(schedule, self.now),
        };
        let granted = permit.map(|at| self.permits.find(schedule, incarnation, at));
        let due = match granted {
            Some(KnownPermit::Granted { due }) => Some(due),
            _ => permit,
        };
        let tolerance = self.options.worker.permit_tolerance;
        let is_late = due.is_some_and(|due| self.now.since(due) > tolerance);
        let mut request = ObservedScanRequest {
            incarnation,
            rate_per_second,
            image,
            delivery,
            permit,
            is_granted: !matches!(granted, Some(KnownPermit::Unknown)),
            is_late,
            schedule,
            deadline: None,
            permits_slow_at: None,
            held_back: None,
            run_ended_at: None,
            worked_since: self.now.before(self.options.worker.lease),
            attempt: None,
        };
        if let Some(known) = known {
            request.worked_since = known.since;
            request.run_ended_at = self.runs[known.run].completed_at;
            let holder = &self.incarnations[known.incarnation];
            if is_same(&holder.id, incarnation) {
                request.deadline = known.deadline;
                request.permits_slow_at = holder.permits_slow_at;
                request.held_back = holder.held_back;
            }
            known.asked_at = self.now;
            request.attempt = known.record_attempt(image, self.now);
        }
        if is_late {
            self.tally.late_requests += 1;
            self.count_late_request(delivery);
        }
        Some(request)
    }

    /// Counts a request with a late permit, unless a pause or a wrong clock may be the reason. The
    /// permit was reserved at some time since the delivery: a low rate leaves minutes between two.
    fn count_late_request(&mut self, delivery: u64) {
        const EXCUSES: [FaultKind; 2] = [FaultKind::ProcessPause, FaultKind::ClockSkew];
        let reserved_since = self
            .messages
            .deliveries
            .get(&delivery)
            .map(|known| known.since);
        let since = reserved_since.unwrap_or(Timestamp::ZERO);
        let is_excused = self.faults.any_since(&EXCUSES, since);
        if let Some(work) = self.works.get_mut(delivery).filter(|_| !is_excused) {
            let permits = &mut self.incarnations[work.incarnation].expected.permits;
            permits.late[work.mode.index()] += 1;
        }
    }

    /// Records an answer.
    pub(crate) fn record_scan_answer(
        &mut self,
        delivery: u64,
        image: &ImageDigest,
        answer: ScanAnswer,
    ) {
        let Some(known) = self.messages.deliveries.get_mut(&delivery) else {
            return;
        };
        known.answered_at = Some(self.now);
        let until = match answer {
            ScanAnswer::Report(_) => return,
            ScanAnswer::Refused => None,
            ScanAnswer::Throttled(until) => {
                known.fail_request(self.now);
                Some(until)
            }
            ScanAnswer::Failed | ScanAnswer::TimedOut | ScanAnswer::Unreachable => {
                known.fail_request(self.now);
                return;
            }
            ScanAnswer::Abandoned => {
                known.failed_at = Some(self.now);
                return;
            }
        };
        let Some(position) = known.position(image) else {
            return;
        };
        let Some(until) = until else {
            known.refused.push(position);
            return;
        };
        known.throttled.push((position, until));
        let held_back = &mut self.incarnations[known.incarnation].held_back;
        let longest = held_back.map_or(until, |(before, _)| before.max(until));
        *held_back = Some((longest, self.now));
    }

    /// Counts an answer for its holder. It is compared with other counters: marking the holder for
    /// each image would cost more than the rest.
    #[inline]
    pub(crate) fn count_scan_answer(&mut self, delivery: u64, answer: ScanAnswer) {
        let Some(work) = self.works.get_mut(delivery) else {
            return;
        };
        let outcome = match answer {
            ScanAnswer::Report(_) => RequestOutcome::Succeeded,
            ScanAnswer::Refused => RequestOutcome::Refused,
            ScanAnswer::Throttled(_) => RequestOutcome::RateLimited,
            ScanAnswer::Failed => RequestOutcome::ServerError,
            ScanAnswer::TimedOut => RequestOutcome::TimedOut,
            ScanAnswer::Unreachable => RequestOutcome::Unreachable,
            ScanAnswer::Abandoned => return,
        };
        if matches!(answer, ScanAnswer::Report(_) | ScanAnswer::Refused) {
            work.unanswered = work.unanswered.saturating_sub(1);
        }
        let series = ExtensionSeries::Requests(work.mode, outcome);
        let expected = &mut self.incarnations[work.incarnation].expected;
        expected.count(CounterSeries::Extension(series), 1);
    }
}

impl DeliveryRecord {
    /// Records a failed request that may be repeated.
    fn fail_request(&mut self, now: Timestamp) {
        self.failed_at = Some(now);
        self.failed_requests += 1;
    }

    /// Counts one more request for an image; none if the image is not of the segment.
    #[inline]
    fn record_attempt(&mut self, image: &ImageDigest, now: Timestamp) -> Option<ScanAttempt> {
        let position = self.position(image)?;
        let requests = &mut self.requests[position.to_index()];
        *requests = requests.saturating_add(1);
        let requests = u32::from(*requests);
        if requests > 1 && self.failed_at == Some(now) {
            self.hasty_requests = self.hasty_requests.saturating_add(1);
        }
        let mut throttled = self.throttled.iter();
        let throttled = throttled.position(|(image, _)| *image == position);
        Some(ScanAttempt {
            requests,
            is_needless: self.is_needless,
            is_refused: self.refused.contains(&position),
            hasty_requests: self.hasty_requests,
            failed_at: self.failed_at.filter(|_| requests > 1),
            throttled_until: throttled.map(|index| self.throttled.swap_remove(index).1),
        })
    }
}

/// Equality of names that are mostly the very same text in memory.
#[inline]
fn is_same(a: &IncarnationId, b: &IncarnationId) -> bool {
    let (own, other) = (a.process.as_str(), b.process.as_str());
    a.number == b.number && (std::ptr::eq(own, other) || own == other)
}
