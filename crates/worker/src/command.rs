//! What people ask for: start, cancel and retry runs, redrive dead letters.
//!
//! A command may be asked again, of another process, when the first gave no answer: `occurrence`
//! names the run that it makes, so that it makes one.

use super::context::{Context, MAX_COMMIT_ATTEMPTS};
use super::ending::end_run;
use super::ports::{Ports, Queue, Store};
use super::trigger::new_run;
use crate::model::commit::{EndReason, RunWrite};
use crate::model::observation::QueueName;
use crate::model::{CommitAnswer, CommitStep, Run, RunId, ScheduleId, Trigger};

/// Dead letters put back by one command at most.
const REDRIVE_AT_ONCE: usize = 10_000;

/// Carries out commands in a process. Each tells whether it was carried out (or need not be); if
/// not, it may be asked again.
pub struct CommandService<'a, P: Ports> {
    context: &'a Context<P>,
}

impl<'a, P: Ports> CommandService<'a, P> {
    /// The service of one process.
    pub fn new(context: &'a Context<P>) -> Self {
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
                self.create(new_run(&document.schedule, Trigger::Manual, occurrence))
                    .await
            }
            None => true,
        }
    }

    /// Retries a terminal run: a new manual run of its schedule, with the same products.
    pub async fn retry(&self, run: &RunId, occurrence: &str) -> bool {
        let store = self.context.ports.store();
        let read = self.context.retry_until_ok(|| store.run(run)).await;
        let may_retry = |document: &super::ports::RunDocument| {
            document.run.value.state.is_terminal() && !document.schedule.deleted
        };
        let Some(document) = read.value.filter(may_retry) else {
            return true;
        };
        let old = document.run.value;
        let mut run = new_run(&document.schedule.schedule, Trigger::Manual, occurrence);
        run.product_keys = old.product_keys;
        run.usage_only = old.usage_only;
        self.create(run).await
    }

    /// Creates a run, unless an earlier try has made it.
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
            self.context.backoff_after_conflict(attempt).await;
        }
        false
    }

    /// Puts the dead letters of a queue back.
    pub async fn redrive(&self, queue: QueueName) -> bool {
        let ports = &self.context.ports;
        match queue {
            QueueName::Planner => ports.planner_queue().redrive(REDRIVE_AT_ONCE).await.is_ok(),
            QueueName::Runner => ports.runner_queue().redrive(REDRIVE_AT_ONCE).await.is_ok(),
        }
    }
}
