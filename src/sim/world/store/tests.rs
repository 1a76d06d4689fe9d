//! Guarantees of the store: a commit is applied wholly or not at all, once, and never over
//! documents that have changed.

mod baselines;
mod commits;
mod reads;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::model::commit::{
    ActiveRunsDelta, AdoptOrphanedCount, FireOutcome, PlanOutcome, ReportWrite, RunWrite,
    ScheduleStateWrite, SegmentCommit,
};
use crate::model::{
    CommitRefusal, CommitStep, Event, EventId, EventKind, EventPayload, Finding, ImageDigest,
    IncarnationId, Mode, PlannerMessage, Run, RunId, RunStats, ScheduleState, Segment, SegmentKey,
    SegmentOutcome, Severity, Trigger,
};
use crate::sim::world::testing::schedule;

const SEGMENTS: u32 = 3;

const IMAGES_PER_SEGMENT: u64 = 2;

/// Store with one schedule, and a counter of commit tokens.
struct StoreHarness {
    fleet: Rc<Fleet>,
    store: SimStore,
    sequence: u64,
    seconds: u64,
}

fn incarnation() -> IncarnationId {
    IncarnationId {
        process: "worker-1".into(),
        number: 1,
    }
}

fn run_id() -> RunId {
    "run".into()
}

fn key(index: u32) -> SegmentKey {
    SegmentKey {
        run: run_id(),
        index,
    }
}

fn planning_run() -> Run {
    Run {
        id: run_id(),
        tenant: "tenant-1".into(),
        schedule: "nightly".into(),
        trigger: Trigger::Manual,
        mode: Mode::AnalysisOnly,
        state: RunState::Planning,
        stats: RunStats::default(),
        product_keys: Vec::new(),
        usage_only: false,
        created_at: Timestamp::ZERO,
        planned_at: None,
        started_at: None,
        completed_at: None,
        error: None,
        planning_attempts: 0,
        not_before: None,
    }
}

impl StoreHarness {
    fn new() -> Self {
        let fleet = crate::scenario::FleetSpec {
            images: 20,
            components: 10,
            ..crate::scenario::FleetSpec::default()
        };
        let fleet = Rc::new(Fleet::draw(&fleet, 1).unwrap());
        let mut store = SimStore::new(Rc::clone(&fleet));
        store.define_schedule(Arc::new(schedule("nightly")), Timestamp::from_seconds(1));
        Self {
            fleet,
            store,
            sequence: 0,
            seconds: 1,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.seconds)
    }

    fn commit(&mut self, step: CommitStep, delivery: u64) -> Commit {
        self.sequence += 1;
        let token = CommitToken {
            incarnation: incarnation(),
            sequence: self.sequence,
            delivery,
        };
        Commit::new(token, step)
    }

    /// Decides on a commit and applies it, as the port does.
    fn take(&mut self, commit: &Commit) -> CommitAnswer {
        let is_new = matches!(
            self.store.decide(commit, self.now()),
            CommitDecision::Apply(_)
        );
        let answer = self.store.commit(commit, self.now());
        self.store.assert_consistent();
        if let CommitAnswer::Applied(Applied {
            backlog: Some(row), ..
        }) = &answer
            && is_new
        {
            let backlog = self.store.backlog();
            assert!(
                backlog.rows.iter().any(|known| known == row),
                "the answer has another backlog"
            );
        }
        answer
    }

    fn images(&self, index: u32) -> Vec<ImageDigest> {
        let first = u64::from(index) * IMAGES_PER_SEGMENT;
        let numbers = first..first + IMAGES_PER_SEGMENT;
        let digest = |number| *self.fleet.digest(u32::try_from(number).unwrap());
        numbers.map(digest).collect()
    }

    fn write(&self, change: impl FnOnce(&mut Run)) -> RunWrite {
        let record = self.store.runs.get(&run_id()).unwrap();
        let mut run = record.run.clone();
        change(&mut run);
        RunWrite {
            run,
            expected: Some(record.version),
        }
    }

    fn create(&mut self) -> CommitAnswer {
        let mut commit = self.commit(CommitStep::Manual, 0);
        commit.runs.push(RunWrite {
            run: planning_run(),
            expected: None,
        });
        self.take(&commit)
    }

    fn plan(&mut self) -> CommitAnswer {
        let as_of = self.now();
        let outcome = PlanOutcome::Enqueued;
        let mut commit = self.commit(CommitStep::Plan { outcome, as_of }, 0);
        commit.runs.push(self.write(|run| {
            run.state = RunState::Queued;
            run.stats.queued = u64::from(SEGMENTS) * IMAGES_PER_SEGMENT;
        }));
        commit.intent = Some(PlannerMessage {
            run: run_id(),
            schedule: "nightly".into(),
            tenant: "tenant-1".into(),
            impact: crate::model::ImpactSet::default(),
        });
        commit.active_runs_delta = Some(ActiveRunsDelta {
            mode: Mode::AnalysisOnly,
            change: 1,
        });
        commit.served = Some("tenant-1".into());
        self.take(&commit)
    }

    fn dispatch(&mut self) -> CommitAnswer {
        let mut commit = self.commit(CommitStep::Dispatch, 1);
        commit.runs.push(self.write(|run| {
            run.state = RunState::Running;
            run.stats.segments = u64::from(SEGMENTS);
        }));
        for index in 0..SEGMENTS {
            commit.segments.push(Segment {
                key: key(index),
                digests: self.images(index).into(),
                released_at: None,
                requeued: 0,
                delivery: 0,
                committed_by: None,
                worked_at: None,
                released_next: Vec::new(),
            });
        }
        commit.release = vec![key(0)];
        commit.intent_done = Some(run_id());
        self.take(&commit)
    }

    /// Builds the commit of a segment: reports of `revision` over baselines of `expected`.
    fn segment(
        &mut self,
        index: u32,
        delivery: u64,
        expected: Option<u64>,
        revision: u64,
    ) -> Commit {
        let images = self.images(index);
        let report = |image: &ImageDigest| ReportWrite {
            image: *image,
            expected,
            revision,
            findings: Arc::new([]),
        };
        let event = |image: &ImageDigest| Event {
            event_id: EventId::of(EventKind::ReportReady, &run_id(), image),
            kind: EventKind::ReportReady,
            tenant: "tenant-1".into(),
            ts: Timestamp::ZERO,
            payload: EventPayload::ReportReady {
                image_digest: *image,
                findings: 0,
            },
            attributes: crate::model::event::EventAttributes {
                run: run_id(),
                image: *image,
            },
        };
        let step = SegmentCommit {
            key: key(index),
            outcome: SegmentOutcome::default(),
            reports: images.iter().map(report).collect(),
            deltas: Vec::new(),
            failed: Vec::new(),
        };
        let mut commit = self.commit(CommitStep::Segment(step), delivery);
        if self.store.runs.get(&run_id()).is_some() {
            commit.runs.push(self.write(|run| {
                run.stats.completed += IMAGES_PER_SEGMENT;
                run.stats.segments_completed += 1;
            }));
        }
        commit.events = images.iter().map(event).map(Arc::new).collect();
        commit.release = (index + 1 < SEGMENTS)
            .then(|| key(index + 1))
            .into_iter()
            .collect();
        commit
    }

    fn running() -> Self {
        let mut harness = Self::new();
        for answer in [harness.create(), harness.plan(), harness.dispatch()] {
            assert!(matches!(answer, CommitAnswer::Applied(_)), "{answer:?}");
        }
        harness
    }

    fn end(&mut self, state: RunState) {
        let reason = crate::model::commit::EndReason::Command;
        let mut commit = self.commit(CommitStep::End(reason), 0);
        commit.runs.push(self.write(|run| run.state = state));
        assert!(matches!(self.take(&commit), CommitAnswer::Applied(_)));
    }

    /// Returns everything that a commit can change, as text.
    fn state_text(&mut self) -> String {
        let run = self.store.run(&run_id());
        let segments: Vec<_> = (0..SEGMENTS)
            .map(|index| self.store.segment(&key(index)))
            .collect();
        let images: Vec<_> = (0..SEGMENTS).flat_map(|index| self.images(index)).collect();
        let baselines = self.store.baselines(&"tenant-1".into(), &images);
        let stale = self
            .store
            .stale_work(Duration::ZERO, Duration::ZERO, self.now());
        format!(
            "{run:?} {segments:?} {baselines:?} {:?} {:?} {:?} {stale:?} {:?} {:?}",
            self.store.outbox(100),
            self.store.intents(100),
            self.store.backlog(),
            self.store.exports(100),
            self.store.balances,
        )
    }
}
