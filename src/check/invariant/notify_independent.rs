//! `notify-independent`: only the relay speaks to Notify, and work goes on while Notify is down.

use std::time::Duration;

use crate::check::invariant_name::InvariantName::NotifyIndependent;
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::WorldState;
use crate::model::fault::FaultKind;
use crate::model::{IncarnationId, Timestamp};

/// What the task of the event relay is called.
const RELAY: &str = "event-relay";

/// An outage of Notify alone in which nothing at all happens for this long, with open runs, stops
/// the work. It is twice the longest back-off.
const STANDSTILL_MAX: Duration = Duration::from_secs(600);

/// Remembers when Notify went down and when work last went on.
#[derive(Debug, Default)]
pub(crate) struct NotifyWatch {
    down_since: Option<Timestamp>,
    /// The later of the outage's begin, the last progress, and the last other trouble.
    moved_at: Timestamp,
}

impl NotifyWatch {
    /// Notify was called.
    pub fn called(results: &mut CheckResults, incarnation: &IncarnationId, role: &str) {
        results.check(NotifyIndependent, true, role == RELAY, || {
            ViolationDetail::new(incarnation, format_args!("its {role} task called Notify"))
                .expected("calls by the event relay only", role)
        });
    }

    /// A fault began or ended, or a run was created: the watch starts over.
    pub fn reset(&mut self, state: &WorldState) {
        let is_down = state.faults.is_active(FaultKind::NotifyOutage);
        self.down_since = is_down.then(|| self.down_since.unwrap_or(state.now));
        self.moved_at = state.now;
    }

    /// A commit moved the work on.
    pub fn progressed(&mut self, results: &mut CheckResults, state: &WorldState) {
        if self.down_since.is_some() {
            self.judge(results, state);
            results.held(NotifyIndependent, 1, 1);
            self.moved_at = state.now;
        }
    }

    /// Looks whether the work stands still since Notify is down.
    pub fn judge(&mut self, results: &mut CheckResults, state: &WorldState) {
        let Some(down_since) = self.down_since else {
            return;
        };
        let open: u64 = state.runs.counts.open.iter().sum();
        if open == 0
            || state.faults.others_active(FaultKind::NotifyOutage)
            || state.incarnations.paused > 0
        {
            self.moved_at = state.now;
            return;
        }
        let still = state.now.since(self.moved_at);
        results.check(NotifyIndependent, true, still <= STANDSTILL_MAX, || {
            let what = format!(
                "no work went on since {}, while Notify was down since {down_since}",
                self.moved_at
            );
            ViolationDetail::new("the fleet", what).expected(
                "progress as if Notify were up",
                format_args!("{open} open runs and none"),
            )
        });
        if still > STANDSTILL_MAX {
            self.moved_at = state.now;
        }
    }
}
