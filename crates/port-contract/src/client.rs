//! A client process of the store, and the steps of a run.

use std::cell::Cell;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use rehearsal_worker::model::commit::{
    EndReason, PlanOutcome, ReportWrite, RunWrite, SegmentCommit,
};
use rehearsal_worker::model::{
    Applied, Commit, CommitAnswer, CommitStep, CommitToken, ImageDigest, IncarnationId, Run, RunId,
    RunState, Schedule, Segment, SegmentKey, SegmentOutcome, Timestamp, Trigger,
};
use rehearsal_worker::ports::{Clock, Ports, RunDocument, ScheduleDocument, Store};

use crate::fixture::{IMAGES_PER_SEGMENT, planner_message, segments};
use crate::{Bench, ContractResult, ContractViolation};

/// Process with an incarnation of its own and its own numbers of commits.
pub(crate) struct TestClient<P> {
    ports: P,
    pub incarnation: IncarnationId,
    sequence: Cell<u64>,
}

impl<P: Ports> TestClient<P> {
    pub fn new<B: Bench<Ports = P>>(bench: &B, process: usize) -> Self {
        let incarnation = IncarnationId::new(format!("client-{process}").as_str().into(), 1);
        Self::of_incarnation(bench, process, incarnation)
    }

    /// Creates the client of an incarnation that has committed nothing yet.
    pub fn of_incarnation<B: Bench<Ports = P>>(
        bench: &B,
        process: usize,
        incarnation: IncarnationId,
    ) -> Self {
        Self {
            ports: bench.ports(process),
            incarnation,
            sequence: Cell::new(0),
        }
    }

    /// Returns the clients of the first `count` processes.
    pub fn of_processes<B: Bench<Ports = P>>(bench: &B, count: usize) -> Vec<Self> {
        (0..count)
            .map(|process| Self::new(bench, process))
            .collect()
    }

    pub fn store(&self) -> &P::Store {
        self.ports.store()
    }

    pub async fn sleep(&self, duration: Duration) {
        self.ports.clock().sleep(duration).await;
    }

    /// Sleeps half of the time until an instant of the store, but `least` or longer, so that
    /// repeated calls come close to the instant and pass it.
    pub async fn approach(&self, instant: Timestamp, now: Timestamp, least: Duration) {
        self.sleep((instant.since(now) / 2).max(least)).await;
    }

    /// Returns an empty commit with the next token.
    pub fn commit(&self, step: CommitStep, delivery: u64) -> Commit {
        self.sequence.set(self.sequence.get() + 1);
        let token = CommitToken {
            incarnation: self.incarnation.clone(),
            sequence: self.sequence.get(),
            delivery,
        };
        Commit::new(token, step)
    }

    pub async fn answer(&self, commit: Commit) -> ContractResult<CommitAnswer> {
        Ok(self.store().commit(&Arc::new(commit)).await?)
    }

    /// Applies a commit to which there is no objection.
    pub async fn apply(&self, commit: Commit) -> ContractResult<Applied> {
        let step = commit.step.name();
        applied(step, self.answer(commit).await?)
    }

    pub async fn run(&self, id: &RunId) -> ContractResult<RunDocument> {
        let document = self.store().run(id).await?.value;
        document.ok_or_else(|| missing(id, "no commit or purge has removed it"))
    }

    pub async fn schedule(&self, schedule: &Schedule) -> ContractResult<ScheduleDocument> {
        let document = self.store().schedule(&schedule.id).await?.value;
        document.ok_or_else(|| missing(&schedule.id, "it was created"))
    }

    pub async fn segment(&self, key: &SegmentKey) -> ContractResult<Segment> {
        let segment = self.store().segment(key).await?.value.segment;
        segment.ok_or_else(|| missing(key, "its run was cut into segments"))
    }

    /// Returns the commit that creates a manual run.
    pub fn creation(&self, schedule: &Schedule, occurrence: impl Display) -> Commit {
        let mut commit = self.commit(CommitStep::Manual, 0);
        commit.runs.push(RunWrite {
            run: Run::new(schedule, Trigger::Manual, occurrence),
            expected: None,
        });
        commit
    }

    /// Creates a manual run.
    pub async fn create(
        &self,
        schedule: &Schedule,
        occurrence: impl Display,
    ) -> ContractResult<RunId> {
        let commit = self.creation(schedule, occurrence);
        let id = commit.runs[0].run.id.clone();
        self.apply(commit).await?;
        Ok(id)
    }

    /// Returns the commit that plans a run with `images` images.
    pub async fn plan_commit(&self, id: &RunId, images: u64) -> ContractResult<Commit> {
        let document = self.run(id).await?;
        let step = CommitStep::Plan {
            outcome: PlanOutcome::Enqueued,
            as_of: Timestamp::ZERO,
        };
        let mut commit = self.commit(step, 0);
        let mut run = document.run.value.clone();
        run.state = RunState::Queued;
        run.stats.queued = images;
        commit.served = Some(run.tenant.clone());
        commit.intent = Some(planner_message(id, &document.schedule.schedule));
        commit.runs.push(document.write(run));
        Ok(commit)
    }

    pub async fn plan(&self, id: &RunId, images: u64) -> ContractResult<Applied> {
        let commit = self.plan_commit(id, images).await?;
        self.apply(commit).await
    }

    /// Cuts a planned run into segments and releases all of them.
    pub async fn dispatch(
        &self,
        id: &RunId,
        digests: &[Arc<[ImageDigest]>],
    ) -> ContractResult<Applied> {
        let document = self.run(id).await?;
        let mut commit = self.commit(CommitStep::Dispatch, 1);
        let mut run = document.run.value.clone();
        run.state = RunState::Running;
        run.stats.segments = digests.len() as u64;
        commit.runs.push(document.write(run));
        for (index, digests) in (0..).zip(digests) {
            let key = segment_key(id, index);
            commit.release.push(key.clone());
            commit.segments.push(Segment::new(key, Arc::clone(digests)));
        }
        commit.intent_done = Some(id.clone());
        self.apply(commit).await
    }

    /// Creates, plans and dispatches a run of `count` segments.
    pub async fn running(
        &self,
        schedule: &Schedule,
        occurrence: impl Display,
        count: u64,
    ) -> ContractResult<RunId> {
        let id = self.create(schedule, occurrence).await?;
        self.plan(&id, count * IMAGES_PER_SEGMENT).await?;
        self.dispatch(&id, &segments(count)).await?;
        Ok(id)
    }

    /// Returns the commit of a segment with these reports.
    pub async fn segment_commit(
        &self,
        key: &SegmentKey,
        delivery: u64,
        reports: Vec<ReportWrite>,
    ) -> ContractResult<Commit> {
        let document = self.run(&key.run).await?;
        let mut run = document.run.value.clone();
        let outcome = SegmentOutcome {
            unchanged: IMAGES_PER_SEGMENT,
            ..SegmentOutcome::default()
        };
        run.stats.add_segment(&outcome);
        let step = CommitStep::Segment(SegmentCommit {
            key: key.clone(),
            outcome,
            reports,
            deltas: Vec::new(),
            failed: Vec::new(),
        });
        let mut commit = self.commit(step, delivery);
        commit.runs.push(document.write(run));
        Ok(commit)
    }

    /// Ends a run in `state`.
    pub async fn end(&self, id: &RunId, state: RunState) -> ContractResult<Applied> {
        let document = self.run(id).await?;
        let mut run = document.run.value.clone();
        run.state = state;
        let mut commit = self.commit(CommitStep::End(EndReason::Command), 0);
        commit.runs.push(document.write(run));
        self.apply(commit).await
    }
}

/// Returns the key of a run's segment.
pub(crate) fn segment_key(run: &RunId, index: u32) -> SegmentKey {
    SegmentKey {
        run: run.clone(),
        index,
    }
}

/// Returns the content of an answer that says `Applied`.
pub(crate) fn applied(step: &str, answer: CommitAnswer) -> ContractResult<Applied> {
    match answer {
        CommitAnswer::Applied(applied) => Ok(applied),
        other => Err(ContractViolation::new(
            format!("the answer to a {step} commit"),
            format!("{other:?}"),
            "Applied",
            "every version that it names is the present one",
        )),
    }
}

fn missing(id: impl Display, because: &str) -> ContractViolation {
    ContractViolation::new(format!("`{id}`"), "missing", "a document", because)
}
