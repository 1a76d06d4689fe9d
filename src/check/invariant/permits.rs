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
use crate::model::time::nanos_of;
use crate::model::{IncarnationId, Permit, Timestamp};

/// Maximum number of used permits of one schedule that are remembered.
const USED_MAX: usize = 1 << 14;

/// Maximum number of grants of one schedule that are remembered.
const GRANTS_MAX: usize = 1 << 10;

/// Name of a request by its schedule.
pub(super) fn of_schedule(state: &WorldState, request: &ObservedScanRequest<'_>) -> String {
    format!(
        "for schedule {} by {}",
        state.schedules.ids[usize::from(request.schedule)],
        request.incarnation
    )
}

/// Permits by schedule.
#[derive(Debug, Default)]
pub(super) struct PermitCheck {
    schedules: Vec<SchedulePermits>,
}

#[derive(Debug, Default)]
struct SchedulePermits {
    used: UsedPermits,
    /// The latest grants, in their order.
    grants: VecDeque<Grant>,
}

/// Permits at `first + n * interval`, with `n < count`, which may all be late by `trail`.
#[derive(Debug)]
struct Grant {
    incarnation: IncarnationId,
    first: Timestamp,
    interval: Duration,
    count: u32,
    trail: Duration,
}

impl Grant {
    fn contains(&self, permit: Timestamp) -> bool {
        let Some(offset) = permit.nanos().checked_sub(self.first.nanos()) else {
            return false;
        };
        let interval = nanos_of(self.interval).max(1);
        offset % interval == 0 && offset / interval < u64::from(self.count)
    }
}

impl PermitCheck {
    /// Records a grant, and checks that it has no more permits than the holder has images left.
    /// Permits without a request slow the whole schedule down.
    pub fn grant(
        &mut self,
        context: &mut CheckContext<'_>,
        incarnation: &IncarnationId,
        answer: &LearnedAnswer<'_>,
    ) {
        let LearnedAnswer::PermitsGranted {
            schedule: id,
            first,
            interval,
            count,
            trail,
        } = *answer
        else {
            return;
        };
        let state = context.state;
        let Some(schedule) = state.schedules.find(id) else {
            return;
        };
        self.schedule(schedule).grant(Grant {
            incarnation: incarnation.clone(),
            first,
            interval,
            count,
            trail,
        });
        let holder = state.incarnations.find(incarnation);
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

    /// Checks that a permit was granted to the sender, is used once, not before its instant and no
    /// later than the grant allows.
    pub fn check(
        &mut self,
        context: &mut CheckContext<'_>,
        request: &ObservedScanRequest<'_>,
        Permit { at: permit, latest }: Permit,
    ) {
        let state = context.state;
        let permits = self.schedule(request.schedule);
        let granted = permits.find(request.incarnation, permit);
        let allowed =
            granted.map(|grant| permit.after(grant.trail + state.options.worker.permit_tolerance));
        let is_granted = granted.is_some() || permits.is_forgotten(permit);
        context.check(ScannerManners, true, is_granted, || {
            ViolationDetail::of(format_args!(
                "the permit for {permit} {}",
                of_schedule(state, request)
            ))
            .is("used")
            .expected("one of those that the store granted to the process")
            .because("the store keeps the schedule's rate by its grants")
        });
        let is_kept = allowed.is_none_or(|allowed| latest <= allowed);
        let is_unused = permits.used.take(permit);
        context.check(ScannerManners, false, is_kept, || {
            ViolationDetail::of(format_args!(
                "the end of the permit for {permit} {}",
                of_schedule(state, request)
            ))
            .is(latest)
            .expected(format_args!(
                "{} at the latest",
                allowed.unwrap_or_default()
            ))
            .because("a request may be late by permitTolerance and by the trail of its grant")
        });
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

    fn schedule(&mut self, schedule: ScheduleIndex) -> &mut SchedulePermits {
        let index = usize::from(schedule);
        if self.schedules.len() <= index {
            self.schedules.resize_with(index + 1, Default::default);
        }
        &mut self.schedules[index]
    }
}

impl SchedulePermits {
    fn grant(&mut self, grant: Grant) {
        self.grants.push_back(grant);
        if self.grants.len() > GRANTS_MAX {
            self.grants.pop_front();
        }
    }

    /// Returns the grant of a permit to a process, if it is remembered.
    fn find(&self, incarnation: &IncarnationId, permit: Timestamp) -> Option<&Grant> {
        let mut latest = self.grants.iter().rev();
        latest.find(|grant| grant.incarnation == *incarnation && grant.contains(permit))
    }

    /// Whether the grant of a permit may be too old to be remembered.
    fn is_forgotten(&self, permit: Timestamp) -> bool {
        let oldest = self.grants.front();
        self.grants.len() == GRANTS_MAX && oldest.is_some_and(|oldest| permit < oldest.first)
    }
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
