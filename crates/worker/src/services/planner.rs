//! Planning: chooses the images that a run affects and hands the run to the dispatcher.
//!
//! A plan, its impact snapshot and the intent to enqueue it are one commit. Planners of several
//! processes may plan the same run at once; the run's version lets one of them win. Assigning
//! tenants to planners was rejected: a dead planner's tenants would wait for their reassignment.

use crate::context::{MAX_COMMIT_ATTEMPTS, WorkerContext};
use crate::metrics::{AttemptOutcome, PlannerStatus};
use crate::model::commit::{ActiveRunsDelta, PlanOutcome};
use crate::model::{
    Commit, CommitAnswer, CommitStep, ImageDigest, ImpactSet, PlannerMessage, Run, RunFailure,
    RunId, RunState, Timestamp,
};
use crate::planning::{fairness, image_selection};
use crate::ports::{
    ImpactQuery, ImpactRequest, Impacted, PortResult, Ports, RunDocument, Store, Timestamped,
};
use crate::run_lifecycle::concurrency_window;

/// Plans waiting runs in fair batches.
pub struct PlannerBackgroundService<'a, P: Ports> {
    context: &'a WorkerContext<P>,
}

impl<'a, P: Ports> PlannerBackgroundService<'a, P> {
    /// Creates the service of one process.
    pub fn new(context: &'a WorkerContext<P>) -> Self {
        Self { context }
    }

    /// Plans until the process stops.
    pub async fn run(self) {
        while !self.context.intake.is_cancelled() {
            if !self.plan_batch().await {
                self.context
                    .sleep_or_stopped(self.context.options.planner_poll)
                    .await;
            }
        }
    }

    /// Plans a batch of the waiting runs. Returns whether more may wait.
    async fn plan_batch(&self) -> bool {
        let places = self.context.options.planner_batch as usize;
        let read = self.context.ports.store().planning_runs(places).await;
        let Ok(heads) = self.context.track_store_health(read) else {
            return false;
        };
        let planner = PlannerExecutionService {
            context: self.context,
        };
        let chosen = fairness::choose(heads.value, places);
        for head in &chosen {
            if self.context.intake.is_cancelled() || planner.plan(&head.run).await.is_err() {
                return false;
            }
        }
        chosen.len() == places
    }
}

/// Plans one run.
pub struct PlannerExecutionService<'a, P: Ports> {
    context: &'a WorkerContext<P>,
}

/// Images that a run affects and those that it takes.
struct RunPlan {
    impacted: Impacted,
    chosen: Vec<ImageDigest>,
    /// Store's time of the read on which the plan rests.
    as_of: Timestamp,
}

impl<P: Ports> PlannerExecutionService<'_, P> {
    /// Plans a run, unless another planner does it first.
    ///
    /// # Errors
    /// The store does not answer: the run waits for the next batch.
    pub async fn plan(&self, id: &RunId) -> PortResult<()> {
        for attempt in 1..=MAX_COMMIT_ATTEMPTS {
            let read = self.context.ports.store().begin_planning(id).await;
            let Timestamped { now, value } = self.context.track_store_health(read)?;
            let Some(document) = value.filter(|document| {
                document.run.value.state == RunState::Planning && !document.schedule.deleted
            }) else {
                return Ok(());
            };
            let commit = match self.resolve(&document).await {
                Ok(impacted) => {
                    let plan = self.choose(&document, impacted, now).await?;
                    self.plan_commit(&document, plan)
                }
                Err(_) => self.failure_commit(&document, now),
            };
            if self.commit(&document, commit).await {
                return Ok(());
            }
            if !self.context.backoff_after_conflict(attempt).await {
                break;
            }
        }
        Ok(())
    }

    async fn resolve(&self, document: &RunDocument) -> PortResult<Impacted> {
        let run = &document.run.value;
        let request = ImpactRequest {
            tenant: &run.tenant,
            selector: &document.schedule.schedule.selector,
            product_keys: &run.product_keys,
            usage_only: run.usage_only,
        };
        self.context.ports.impact_index().resolve(&request).await
    }

    async fn choose(
        &self,
        document: &RunDocument,
        impacted: Impacted,
        read_at: Timestamp,
    ) -> PortResult<RunPlan> {
        let schedule = &document.schedule.schedule;
        if !image_selection::needs_last_reports(schedule) {
            let chosen = impacted.digests.clone();
            return Ok(RunPlan {
                impacted,
                chosen,
                as_of: read_at,
            });
        }
        let store = self.context.ports.store();
        let read = store
            .last_reports(&schedule.tenant, &impacted.digests)
            .await;
        let Timestamped { now, value } = self.context.track_store_health(read)?;
        let chosen = image_selection::choose(schedule, impacted.digests.clone(), &value, now);
        Ok(RunPlan {
            impacted,
            chosen,
            as_of: now,
        })
    }

    fn plan_commit(&self, document: &RunDocument, plan: RunPlan) -> Commit {
        let mut run = document.run.value.clone();
        let unique = plan.impacted.digests.len() as u64;
        debug_assert!(unique <= plan.impacted.candidates, "{unique} unique images");
        debug_assert!(
            plan.chosen.len() as u64 <= unique,
            "chosen from the unique ones"
        );
        run.stats.candidates = plan.impacted.candidates;
        run.stats.deduped = plan.impacted.candidates - unique;
        run.stats.queued = plan.chosen.len() as u64;
        let impact = ImpactSet {
            candidates: run.stats.candidates,
            deduped: run.stats.deduped,
            digests: plan.chosen.into(),
        };
        let has_work = run.stats.queued > 0;
        let outcome = if has_work {
            PlanOutcome::Enqueued
        } else {
            PlanOutcome::NoWork
        };
        let step = CommitStep::Plan {
            outcome,
            as_of: plan.as_of,
        };
        let mut commit = self.context.new_commit(step, 0);
        run.state = if has_work {
            RunState::Queued
        } else {
            RunState::Completed
        };
        if has_work {
            commit.active_runs_delta = Some(ActiveRunsDelta {
                mode: run.mode,
                change: 1,
            });
            commit.intent = Some(PlannerMessage {
                run: run.id.clone(),
                schedule: run.schedule.clone(),
                tenant: run.tenant.clone(),
                impact: impact.clone(),
            });
        }
        commit.impact = Some(impact);
        self.finish(commit, document, run)
    }

    /// Returns the commit of a failed attempt. At the attempt limit it ends the run in `Error`.
    fn failure_commit(&self, document: &RunDocument, now: Timestamp) -> Commit {
        let options = &self.context.options;
        let mut run = document.run.value.clone();
        run.planning_attempts += 1;
        let attempts = run.planning_attempts;
        let step = if attempts < options.planner_attempts {
            let delay = options
                .backoff()
                .delay(attempts, self.context.ports.random());
            run.not_before = Some(now.after(delay));
            CommitStep::PlanRetry
        } else {
            let detail = format!("the impact index gave no answer in {attempts} attempts");
            (run.state, run.error) = (RunState::Error, Some(RunFailure::Planning(detail)));
            CommitStep::Plan {
                outcome: PlanOutcome::Failed,
                as_of: now,
            }
        };
        self.finish(self.context.new_commit(step, 0), document, run)
    }

    /// Adds the parts of every planning commit: the run, its tenant's turn, and, if the run has
    /// ended, the schedule's state without it.
    fn finish(&self, mut commit: Commit, document: &RunDocument, run: Run) -> Commit {
        if run.state.is_terminal() {
            let mut state = document.schedule.state.value.clone();
            concurrency_window::close(&mut state, &run.id);
            commit.schedule = Some(document.schedule.write(state));
        }
        commit.served = Some(run.tenant.clone());
        commit.runs.push(document.write(run));
        commit
    }

    /// Commits, and counts the acknowledged outcome. Returns false on a conflict.
    async fn commit(&self, document: &RunDocument, commit: Commit) -> bool {
        let step = commit.step.clone();
        let answer = self.context.commit(commit).await;
        let metrics = &self.context.metrics;
        let mode = document.run.value.mode;
        let CommitAnswer::Applied(applied) = answer else {
            metrics.planner_attempt(mode, AttemptOutcome::Conflict);
            return false;
        };
        let CommitStep::Plan { outcome, .. } = step else {
            metrics.planner_attempt(mode, AttemptOutcome::Retried);
            return true;
        };
        let latency = applied
            .at
            .since(document.run.value.created_at)
            .as_secs_f64();
        let (status, attempt) = match outcome {
            PlanOutcome::Enqueued => (PlannerStatus::Enqueued, AttemptOutcome::Enqueued),
            PlanOutcome::NoWork => (PlannerStatus::NoWork, AttemptOutcome::NoWork),
            PlanOutcome::Failed => (PlannerStatus::Failed, AttemptOutcome::Failed),
        };
        metrics.planner_attempt(mode, attempt);
        metrics.planner_run(mode, status, latency);
        match outcome {
            PlanOutcome::Enqueued => self.context.intents.notify_one(),
            PlanOutcome::NoWork => metrics.run_completed(mode, 0.0),
            PlanOutcome::Failed => {}
        }
        true
    }
}
