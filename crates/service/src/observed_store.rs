//! Store adapter that observes another one, for health and logs.

use std::sync::Arc;
use std::time::Duration;

use rehearsal_worker::model::commit::{CommitRefusal, Intent};
use rehearsal_worker::model::{
    Baseline, Commit, CommitAnswer, CommitStep, Event, EventId, ImageDigest, IncarnationId,
    PermitGrant, PermitRequest, ProcessName, RunId, ScheduleId, SegmentKey, SharedList, TenantId,
    Timestamp,
};
use rehearsal_worker::ports::{
    BacklogSnapshot, Export, HeartbeatAnswer, PortResult, RunDocument, ScheduleDocument,
    ScheduleEntry, SegmentDocument, StaleWork, Store, Timestamped, WaitingRun,
};

use crate::health::Health;

/// Store whose answers are observed.
#[derive(Clone)]
pub struct ObservedStore<S> {
    store: S,
    health: Health,
}

impl<S> ObservedStore<S> {
    /// Observes a store.
    pub fn new(store: S, health: Health) -> Self {
        Self { store, health }
    }

    fn observed<T>(&self, result: PortResult<T>) -> PortResult<T> {
        if result.is_ok() {
            self.health.store_answered();
        }
        result
    }
}

/// Logs the answer to a commit: what happened to runs for everyone, segments and conflicts for
/// those who look closer.
fn log_commit(commit: &Commit, answer: &CommitAnswer) {
    let step = commit.step.name();
    let delivery = commit.token.delivery;
    let segment = match &commit.step {
        CommitStep::Segment(segment) => Some(&segment.key),
        _ => None,
    };
    let run = segment.map(|key| &key.run);
    let run = run.or_else(|| commit.runs.first().map(|write| &write.run.id));
    let run = run.map_or("", RunId::as_str);
    let segment = segment.map(|key| key.index);
    match answer {
        CommitAnswer::Applied(_) => {
            if segment.is_some() {
                tracing::debug!(run, segment, delivery, "segment committed");
            }
            for write in &commit.runs {
                let run = &write.run;
                if segment.is_none() || run.state.is_terminal() {
                    let (id, state) = (run.id.as_str(), run.state);
                    tracing::info!(run = id, %state, step, delivery, "run changed");
                }
            }
        }
        CommitAnswer::Refused(refusal) => {
            let reason = match refusal {
                CommitRefusal::Superseded => "a newer delivery has begun",
                CommitRefusal::RunMissing => "the run does not exist",
                CommitRefusal::RunTerminal => "the run is terminal",
            };
            tracing::warn!(run, segment, delivery, step, reason, "commit refused");
        }
        CommitAnswer::Conflict | CommitAnswer::AppliedByAnother => {
            tracing::debug!(run, segment, delivery, step, "another commit was first");
        }
    }
}

impl<S: Store> Store for ObservedStore<S> {
    async fn commit(&self, commit: &Arc<Commit>) -> PortResult<CommitAnswer> {
        let answer = self.observed(self.store.commit(commit).await);
        if let Ok(answer) = &answer {
            log_commit(commit, answer);
        }
        answer
    }

    async fn schedules(&self) -> PortResult<Timestamped<SharedList<ScheduleEntry>>> {
        self.observed(self.store.schedules().await)
    }

    async fn schedule(&self, id: &ScheduleId) -> PortResult<Timestamped<Option<ScheduleDocument>>> {
        self.observed(self.store.schedule(id).await)
    }

    async fn exports(&self, limit: usize) -> PortResult<Timestamped<(u64, Vec<Export>)>> {
        self.observed(self.store.exports(limit).await)
    }

    async fn planning_runs(&self, per_tenant: usize) -> PortResult<Timestamped<Vec<WaitingRun>>> {
        self.observed(self.store.planning_runs(per_tenant).await)
    }

    async fn begin_planning(&self, run: &RunId) -> PortResult<Timestamped<Option<RunDocument>>> {
        self.observed(self.store.begin_planning(run).await)
    }

    async fn run(&self, run: &RunId) -> PortResult<Timestamped<Option<RunDocument>>> {
        self.observed(self.store.run(run).await)
    }

    async fn last_reports(
        &self,
        tenant: &TenantId,
        images: &[ImageDigest],
    ) -> PortResult<Timestamped<Vec<Option<Timestamp>>>> {
        self.observed(self.store.last_reports(tenant, images).await)
    }

    async fn begin_segment(
        &self,
        key: &SegmentKey,
        delivery: u64,
    ) -> PortResult<Timestamped<SegmentDocument>> {
        self.observed(self.store.begin_segment(key, delivery).await)
    }

    async fn segment(&self, key: &SegmentKey) -> PortResult<Timestamped<SegmentDocument>> {
        self.observed(self.store.segment(key).await)
    }

    async fn baselines(
        &self,
        tenant: &TenantId,
        images: &[ImageDigest],
    ) -> PortResult<Vec<Option<Baseline>>> {
        self.observed(self.store.baselines(tenant, images).await)
    }

    async fn intents(&self, limit: usize) -> PortResult<Vec<Intent>> {
        self.observed(self.store.intents(limit).await)
    }

    async fn intents_enqueued(&self, runs: &[RunId]) -> PortResult<()> {
        self.observed(self.store.intents_enqueued(runs).await)
    }

    async fn outbox(&self, limit: usize) -> PortResult<Vec<Arc<Event>>> {
        self.observed(self.store.outbox(limit).await)
    }

    async fn forget_events(&self, events: &[EventId]) -> PortResult<()> {
        self.observed(self.store.forget_events(events).await)
    }

    async fn reserve_permits(
        &self,
        schedule: &ScheduleId,
        request: PermitRequest,
    ) -> PortResult<PermitGrant> {
        self.observed(self.store.reserve_permits(schedule, request).await)
    }

    async fn backlog(&self) -> PortResult<Timestamped<BacklogSnapshot>> {
        self.observed(self.store.backlog().await)
    }

    async fn heartbeat(
        &self,
        incarnation: &IncarnationId,
        abandoned_after: Duration,
        stopping: bool,
    ) -> PortResult<HeartbeatAnswer> {
        let heartbeat = self.store.heartbeat(incarnation, abandoned_after, stopping);
        self.observed(heartbeat.await)
    }

    async fn register(&self, process: &ProcessName) -> PortResult<IncarnationId> {
        self.observed(self.store.register(process).await)
    }

    async fn stale_work(
        &self,
        stale_after: Duration,
        run_timeout: Duration,
    ) -> PortResult<Timestamped<StaleWork>> {
        self.observed(self.store.stale_work(stale_after, run_timeout).await)
    }
}
