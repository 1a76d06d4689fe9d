//! Operator commands: start, cancel and retry runs, and redrive dead letters.
//!
//! An operator repeats a command, perhaps on another process, when the first gave no answer. The
//! caller therefore names the occurrence, which is part of the new run's identifier: repeats create
//! one run.

use crate::context::{MAX_COMMIT_ATTEMPTS, WorkerContext};
use crate::model::commit::{EndReason, RunWrite};
use crate::model::observation::QueueName;
use crate::model::{CommitAnswer, CommitStep, Run, RunId, ScheduleId, Trigger};
use crate::ports::{Ports, Queue, RunDocument, Store};
use crate::run_lifecycle::end_run::end_run;

/// Maximum number of dead letters redriven by one command.
const MAX_REDRIVE: usize = 10_000;

/// Carries out commands in a process. Each command returns whether it was carried out, or need not
/// be. After false it may be repeated.
pub struct CommandService<'a, P: Ports> {
    context: &'a WorkerContext<P>,
}

impl<'a, P: Ports> CommandService<'a, P> {
    /// Creates the service of one process.
    pub(crate) fn new(context: &'a WorkerContext<P>) -> Self {
        Self { context }
    }

    /// Cancels a run that is not terminal.
    pub async fn cancel(&self, run: &RunId) -> bool {
        end_run(self.context, run, EndReason::Command, "", 0).await
    }

    /// Starts a manual run of a schedule that is not deleted.
    pub async fn start(&self, schedule: &ScheduleId, occurrence: &str) -> bool {
        let store = self.context.ports.store();
        let read = self
            .context
            .retry_until_ok(|| store.schedule(schedule))
            .await;
        match read.value.filter(|document| !document.deleted) {
            Some(document) => {
                self.create(Run::new(&document.schedule, Trigger::Manual, occurrence))
                    .await
            }
            None => true,
        }
    }

    /// Retries a terminal run: creates a manual run of its schedule with the same products.
    pub async fn retry(&self, run: &RunId, occurrence: &str) -> bool {
        let store = self.context.ports.store();
        let read = self.context.retry_until_ok(|| store.run(run)).await;
        let may_retry = |document: &RunDocument| {
            document.run.value.state.is_terminal() && !document.schedule.deleted
        };
        let Some(document) = read.value.filter(may_retry) else {
            return true;
        };
        let old = document.run.value;
        let mut run = Run::new(&document.schedule.schedule, Trigger::Manual, occurrence);
        run.product_keys = old.product_keys;
        run.usage_only = old.usage_only;
        self.create(run).await
    }

    /// Creates a run, unless an earlier attempt has created it.
    async fn create(&self, run: Run) -> bool {
        let store = self.context.ports.store();
        for attempt in 1..=MAX_COMMIT_ATTEMPTS {
            let mut commit = self.context.new_commit(CommitStep::Manual, 0);
            commit.runs.push(RunWrite {
                run: run.clone(),
                expected: None,
            });
            if let CommitAnswer::Applied(_) = self.context.commit(commit).await {
                return true;
            }
            let known = self.context.retry_until_ok(|| store.run(&run.id)).await;
            if known.value.is_some() {
                return true;
            }
            if !self.context.backoff_after_conflict(attempt).await {
                break;
            }
        }
        false
    }

    /// Puts the dead letters of a queue back.
    pub async fn redrive(&self, queue: QueueName) -> bool {
        let ports = &self.context.ports;
        match queue {
            QueueName::Planner => ports.planner_queue().redrive(MAX_REDRIVE).await.is_ok(),
            QueueName::Runner => ports.runner_queue().redrive(MAX_REDRIVE).await.is_ok(),
        }
    }
}
