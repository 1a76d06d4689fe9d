//! Permits of schedules with a rate: which were granted to whom, and which were used.

use std::collections::VecDeque;
use std::time::Duration;

use rehearsal_convert::Index;

use super::CheckContext;
use super::InvariantName::ScannerManners;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::table::{IncarnationIndex, ScheduleIndex};
use crate::check::state::{ObservedScanRequest, WorldState};
use crate::model::observation::LearnedAnswer;
use crate::model::{IncarnationId, Timestamp};

/// Maximum time after a grant in which no permit is granted.
const MAX_TRAIL: Duration = Duration::from_secs(2);

/// Maximum number of used permits of one schedule that are remembered.
const USED_MAX: usize = 1 << 14;

/// Name of a request by its schedule.
pub(super) fn of_schedule(state: &WorldState, request: &ObservedScanRequest<'_>) -> String {
    format!(
        "for schedule {} by {}",
        state.schedules.ids[usize::from(request.schedule)],
        request.incarnation
    )
}

/// Checks of grants, and of permits that are used.
#[derive(Debug, Default)]
pub(super) struct PermitCheck {
    used: Vec<UsedPermits>,
}

impl PermitCheck {
    /// Checks that a grant has no more permits than the holder has images left. Permits without a
    /// request slow the whole schedule down.
    pub fn grant(
        context: &mut CheckContext<'_>,
        incarnation: &IncarnationId,
        answer: &LearnedAnswer<'_>,
    ) {
        let LearnedAnswer::PermitsGranted {
            schedule: id,
            count,
            trail,
            ..
        } = *answer
        else {
            return;
        };
        let state = context.state;
        let Some(schedule) = state.schedules.find(id) else {
            return;
        };
        let holder = state.incarnations.find(incarnation);
        check_trail(context, incarnation, holder, trail);
        let Some(left) = holder.and_then(|holder| images_left(state, holder, schedule)) else {
            return;
        };
        context.check(ScannerManners, true, count <= left, || {
            ViolationDetail::of(format_args!(
                "the number of permits for schedule {id} that {incarnation} reserves"
            ))
            .is(count)
            .expected(format_args!("at most {left}"))
            .because("its segments of that schedule have no more images left")
        });
    }

    /// Checks that a permit was granted to the sender, is used once, and not before its instant.
    pub fn check(
        &mut self,
        context: &mut CheckContext<'_>,
        request: &ObservedScanRequest<'_>,
        permit: Timestamp,
    ) {
        let state = context.state;
        context.check(ScannerManners, true, request.is_granted, || {
            ViolationDetail::of(format_args!(
                "the permit for {permit} {}",
                of_schedule(state, request)
            ))
            .is("used")
            .expected("one of those that the store granted to the process")
            .because("the store keeps the schedule's rate by its grants")
        });
        let is_unused = self.used(request.schedule).take(permit);
        context.check(ScannerManners, true, is_unused, || {
            ViolationDetail::of(format_args!(
                "the permit for {permit} {}",
                of_schedule(state, request)
            ))
            .is("used again")
            .expected("used once")
            .because("each request takes a permit of its own")
        });
        let is_early = permit > state.now;
        let is_excused = || state.faults.clocks_wrong_since(request.worked_since);
        context.check(ScannerManners, false, !is_early || is_excused(), || {
            ViolationDetail::of(format_args!("a request {}", of_schedule(state, request)))
                .is(format_args!("sent at {}", state.now))
                .expected(format_args!("sent at {permit} or later"))
                .because("that is the instant of its permit")
        });
    }

    fn used(&mut self, schedule: ScheduleIndex) -> &mut UsedPermits {
        let index = usize::from(schedule);
        if self.used.len() <= index {
            self.used.resize_with(index + 1, Default::default);
        }
        &mut self.used[index]
    }
}

/// Checks that a grant has a trail only after a slow answer, and no longer than it may be. A trail
/// slows the whole schedule down.
fn check_trail(
    context: &mut CheckContext<'_>,
    incarnation: &IncarnationId,
    holder: Option<IncarnationIndex>,
    trail: Duration,
) {
    let state = context.state;
    let slow_at = holder.and_then(|holder| state.incarnations[holder].permits_slow_at);
    // By a wrong clock an answer seems slow that is not.
    let may_have_one = slow_at.is_some() || state.faults.clocks_wrong_since(Timestamp::ZERO);
    let longest = if may_have_one {
        MAX_TRAIL
    } else {
        Duration::ZERO
    };
    context.check(ScannerManners, false, trail <= longest, || {
        ViolationDetail::of(format_args!(
            "the trail of permits that {incarnation} reserves"
        ))
        .is(format_args!("{trail:?}"))
        .expected(format_args!("at most {longest:?}"))
        .because("no permit is granted in it; a slow answer of the store makes up to 2 s necessary")
    });
}

/// Returns the maximum number of images that a session of the process with segments of the schedule
/// has still to ask for; none if it has no such segment.
fn images_left(
    state: &WorldState,
    holder: IncarnationIndex,
    schedule: ScheduleIndex,
) -> Option<u32> {
    let deliveries = &state.messages.deliveries;
    let records = deliveries.values();
    let own = records.filter(|known| known.incarnation == holder && known.schedule == schedule);
    let left = own.map(|known| {
        let asked = known.requests.iter().filter(|requests| **requests > 0);
        // The image of the last request may be asked for again.
        (known.requests.len() - asked.count().saturating_sub(1)).index_u32()
    });
    let left = left.max()?;
    // Of a message that another holder has removed, only the work is known.
    let works = state.works.of(holder);
    let unknown = works.filter(|(delivery, _)| !deliveries.contains_key(delivery));
    let unanswered = unknown.map(|(_, work)| work.unanswered);
    Some(unanswered.fold(left, u32::max))
}

/// Permits that were used, in the order of their instants.
#[derive(Debug, Default)]
struct UsedPermits(VecDeque<Timestamp>);

impl UsedPermits {
    /// Uses a permit. False if it was used before; one that is too old to remember passes.
    fn take(&mut self, permit: Timestamp) -> bool {
        // Requests leave nearly in the order of their permits.
        let is_last = self.0.back().is_none_or(|last| *last < permit);
        let place = if is_last {
            self.0.len()
        } else {
            self.0.partition_point(|used| *used < permit)
        };
        if self.0.get(place) == Some(&permit) {
            return false;
        }
        self.0.insert(place, permit);
        if self.0.len() > USED_MAX {
            self.0.pop_front();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_are_used_once_in_whatever_order() {
        let mut permits = UsedPermits::default();
        let mut take = |seconds| permits.take(Timestamp::from_seconds(seconds));
        assert!(take(5) && take(9) && take(7));
        assert!(!take(7) && !take(9) && !take(5));
        assert!(take(6));
    }
}
