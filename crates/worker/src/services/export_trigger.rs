//! Export trigger: creates runs for advisory and VEX exports.
//!
//! Each export is one commit that also moves the export cursor, so that of several processes one
//! handles it, and all runs of an export exist or none.

use crate::context::WorkerContext;
use crate::model::commit::RunWrite;
use crate::model::{CommitAnswer, CommitStep, Run, SharedList};
use crate::ports::{Export, Ports, ScheduleEntry, Store};

/// Maximum number of exports handled per poll.
const MAX_EXPORTS: usize = 64;

/// Creates runs for exports.
pub struct ExportTriggerService<'a, P: Ports> {
    context: &'a WorkerContext<P>,
}

impl<'a, P: Ports> ExportTriggerService<'a, P> {
    /// Creates the service of one process.
    pub fn new(context: &'a WorkerContext<P>) -> Self {
        Self { context }
    }

    /// Handles exports until the process stops.
    pub async fn run(self) {
        while !self.context.intake.is_cancelled() {
            if !self.take_batch().await {
                self.context
                    .sleep_or_stopped(self.context.options.trigger_poll)
                    .await;
            }
        }
    }

    /// Handles the exports that wait, one commit each. Returns whether more may wait.
    async fn take_batch(&self) -> bool {
        let store = self.context.ports.store();
        let Ok(read) = self
            .context
            .track_store_health(store.exports(MAX_EXPORTS).await)
        else {
            return false;
        };
        let (mut cursor, exports) = read.value;
        if exports.is_empty() {
            return false;
        }
        let Ok(listed) = self.context.track_store_health(store.schedules().await) else {
            return false;
        };
        for export in &exports {
            let mut commit = self.context.new_commit(CommitStep::Export, 0);
            commit.runs = runs_for(export, &listed.value);
            commit.exports = Some((cursor, export.sequence));
            match self.context.commit(commit).await {
                CommitAnswer::Applied(_) => cursor = export.sequence,
                // Another process has handled it: read the cursor again.
                _ => return true,
            }
        }
        exports.len() == MAX_EXPORTS
    }
}

/// Returns a run for each schedule that subscribes to the export.
fn runs_for(export: &Export, schedules: &SharedList<ScheduleEntry>) -> Vec<RunWrite> {
    schedules
        .iter()
        .map(|entry| &entry.schedule)
        .filter(|schedule| {
            schedule.enabled
                && schedule.triggers.contains(&export.trigger)
                && export
                    .tenant
                    .as_ref()
                    .is_none_or(|tenant| *tenant == schedule.tenant)
        })
        .map(|schedule| {
            let mut run = Run::new(schedule, export.trigger, &export.id);
            run.product_keys.clone_from(&export.product_keys);
            run.usage_only = export.usage_only;
            RunWrite {
                run,
                expected: None,
            }
        })
        .collect()
}
