//! The wait of a run from its creation to the begin of its planning.

use rustc_hash::FxHashMap;

use super::{StageWait, call_time, check_wait};
use crate::check::invariant::CheckContext;
use crate::check::state::table::RunIndex;
use crate::check::state::{PlannedRun, RecordedCommit};
use crate::model::{RunState, Timestamp};
use rehearsal_convert::Index;

/// Runs in `Planning`.
#[derive(Debug, Default)]
pub(super) struct PlanningWaits(FxHashMap<RunIndex, WaitingPlan>);

#[derive(Debug, Clone, Copy)]
struct WaitingPlan {
    at: Timestamp,
    /// Number of runs in `Planning` when it was created.
    ahead: u32,
    is_begun: bool,
}

impl PlanningWaits {
    /// Takes over the runs that a commit creates, and those whose planning it ends.
    pub fn record(&mut self, context: &CheckContext<'_>, recorded: &RecordedCommit<'_>) {
        for change in &recorded.accepted.changes {
            if change.after.state != RunState::Planning {
                self.0.remove(&change.run);
            } else if change.before.is_none() {
                let created = WaitingPlan {
                    at: context.now(),
                    ahead: (self.0.len() as u64).index_u32(),
                    is_begun: false,
                };
                self.0.insert(change.run, created);
            }
        }
    }

    /// Checks the wait of a run whose planning begins for the first time, if one batch of a planner
    /// could hold all runs that waited when it was created.
    pub fn check(&mut self, context: &mut CheckContext<'_>, planned: &PlannedRun<'_>) {
        let Some(created) = self.0.get_mut(&planned.index) else {
            return;
        };
        if std::mem::replace(&mut created.is_begun, true) {
            return;
        }
        let state = context.state;
        let options = &state.options.worker;
        if created.ahead >= options.planner_batch {
            return;
        }
        let work = call_time(state).saturating_mul(created.ahead + 1);
        let wait = StageWait {
            since: created.at,
            bound: options.planner_poll.saturating_add(work),
            object: &|| {
                format!(
                    "the time from the creation of run {} to its planning",
                    planned.run.id
                )
            },
        };
        check_wait(context, &wait);
    }
}
