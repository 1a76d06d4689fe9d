//! `notify-independent`: only the event relay calls Notify, and work goes on while Notify is down.

use std::time::Duration;

use super::{
    CheckContext, EvaluationTime, FaultChange, Invariant, InvariantDefinition, InvariantName,
};
use crate::check::invariant::InvariantName::NotifyIndependent;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::{ObservedIncarnation, RecordedCommit, RunEnd, WorldState};
use crate::model::fault::FaultKind;
use crate::model::{CommitStep, IncarnationId, Timestamp};

/// Name and documentation of `notify-independent`.
pub(crate) const NOTIFY_INDEPENDENT: InvariantDefinition = InvariantDefinition {
    name: "notify-independent",
    evaluated: EvaluationTime::Always,
    meaning: "Only the relay waits for Notify, and work goes on while Notify is down.",
    method: "No task but the event relay may call Notify. While only Notify is down and runs are \
             open, some commit must advance the work within ten minutes + 3 × the time of the \
             longest segment, as in `liveness`; every other invariant is checked as always.",
    exercised_by: "calls of Notify, and commits during its outages",
};

/// Name of the task of the event relay.
const RELAY: &str = "event-relay";

/// Maximum time without progress during an outage of Notify alone, besides that of a long segment:
/// twice the longest backoff.
const STANDSTILL_MAX: Duration = Duration::from_secs(600);

/// Checks `notify-independent`; remembers the outage and the last progress.
#[derive(Debug, Default)]
pub(crate) struct NotifyCheck {
    down_since: Option<Timestamp>,
    /// The latest of the begin of the outage, the last progress, and the last other fault.
    moved_at: Timestamp,
}

impl Invariant for NotifyCheck {
    fn names(&self) -> &[InvariantName] {
        &[NotifyIndependent]
    }

    fn notify_called(
        &mut self,
        context: &mut CheckContext<'_>,
        (incarnation, role): (&IncarnationId, &'static str),
    ) {
        context.check(NotifyIndependent, true, role == RELAY, || {
            ViolationDetail::of(format_args!("the task that calls Notify in {incarnation}"))
                .is(role)
                .expected(RELAY)
                .because("no other task may wait for Notify")
        });
    }

    fn fault_changing(&mut self, context: &mut CheckContext<'_>, fault: FaultChange) {
        if !fault.begins {
            self.check_progress(context);
        }
    }

    fn fault_changed(&mut self, context: &mut CheckContext<'_>, _: FaultChange) {
        self.restart(context.state);
    }

    fn commit_recorded(&mut self, context: &mut CheckContext<'_>, recorded: &RecordedCommit<'_>) {
        let accepted = recorded.accepted;
        let creates = matches!(
            accepted.commit.step,
            CommitStep::Fire { .. }
                | CommitStep::Export
                | CommitStep::Manual
                | CommitStep::AdoptOrphanedCount
        );
        if !creates && self.down_since.is_some() {
            self.check_progress(context);
            context.held(NotifyIndependent, 1, 1);
            self.moved_at = context.state.now;
        } else if creates && !accepted.changes.is_empty() {
            self.restart(context.state);
        }
    }

    fn scraped(&mut self, context: &mut CheckContext<'_>, _: &ObservedIncarnation<'_>) {
        self.check_progress(context);
    }

    fn finished(&mut self, context: &mut CheckContext<'_>, _: &RunEnd<'_>) {
        self.check_progress(context);
    }
}

impl NotifyCheck {
    /// Measures from now: a fault began or ended, or a run was created.
    fn restart(&mut self, state: &WorldState) {
        let is_down = state.faults.is_active(FaultKind::NotifyOutage);
        self.down_since = is_down.then(|| self.down_since.unwrap_or(state.now));
        self.moved_at = state.now;
    }

    /// Checks that the work does not stand still while Notify is down.
    fn check_progress(&mut self, context: &mut CheckContext<'_>) {
        let Some(down_since) = self.down_since else {
            return;
        };
        let state = context.state;
        let open: u64 = state.runs.counts.open.iter().sum();
        if open == 0
            || state.faults.others_active(FaultKind::NotifyOutage)
            || state.incarnations.paused > 0
        {
            self.moved_at = state.now;
            return;
        }
        let still = state.now.since(self.moved_at);
        let allowed = match still <= STANDSTILL_MAX {
            true => STANDSTILL_MAX,
            false => STANDSTILL_MAX.saturating_add(state.longest_segment_time()),
        };
        context.check(NotifyIndependent, true, still <= allowed, || {
            ViolationDetail::of(format_args!("the work on {open} open runs"))
                .is(format_args!("without progress since {}", self.moved_at))
                .expected(format_args!("advanced within {} s", allowed.as_secs()))
                .because(format_args!("only Notify is down, since {down_since}"))
        });
        if still > allowed {
            self.moved_at = state.now;
        }
    }
}
