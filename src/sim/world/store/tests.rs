//! What the store promises: all of a commit or nothing, once, and never against what has moved.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::commit::{
    ActiveRunsDelta, AdoptOrphanedCount, FireOutcome, PlanOutcome, ReportWrite, RunWrite,
    ScheduleStateWrite, SegmentCommit,
};
use crate::model::{
    Event, EventId, EventKind, EventPayload, Finding, ImageDigest, IncarnationId, Mode,
    PlannerMessage, Run, RunId, RunStats, ScheduleState, Segment, SegmentKey, SegmentOutcome,
    Severity, Trigger,
};
use crate::sim::world::testing::schedule;

const SEGMENTS: u32 = 3;
const IMAGES_PER_SEGMENT: u64 = 2;

/// A store with one schedule and a counter of tokens.
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

    /// What the port does, without the network.
    fn take(&mut self, commit: &Commit) -> CommitAnswer {
        match self.store.decide(commit, self.now()) {
            CommitDecision::Repeat(answer) | CommitDecision::Declined(answer) => answer,
            CommitDecision::Apply(applied) => {
                let stamped = self.store.stamped(commit, self.now());
                self.store.apply(stamped, applied.clone());
                self.store.assert_consistent();
                if let Some(row) = &applied.backlog {
                    let backlog = self.store.backlog();
                    assert!(
                        backlog.rows.contains(row),
                        "the backlog was announced wrongly"
                    );
                }
                CommitAnswer::Applied(applied)
            }
        }
    }

    fn images(&self, index: u32) -> Vec<ImageDigest> {
        let first = u64::from(index) * IMAGES_PER_SEGMENT;
        let numbers = first..first + IMAGES_PER_SEGMENT;
        let digest = |number| *self.fleet.digest(number as u32);
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

    /// The commit of a segment, with reports of revision `revision` over baselines of `expected`.
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
        let mut bench = Self::new();
        for answer in [bench.create(), bench.plan(), bench.dispatch()] {
            assert!(matches!(answer, CommitAnswer::Applied(_)), "{answer:?}");
        }
        bench
    }

    fn end(&mut self, state: RunState) {
        let reason = crate::model::commit::EndReason::Command;
        let mut commit = self.commit(CommitStep::End(reason), 0);
        commit.runs.push(self.write(|run| run.state = state));
        assert!(matches!(self.take(&commit), CommitAnswer::Applied(_)));
    }

    /// Everything that a commit can change, as text.
    fn picture(&mut self) -> String {
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

#[test]
fn a_run_is_stamped_by_the_stores_clock() {
    let mut bench = StoreHarness::new();
    bench.seconds = 10;
    bench.create();
    bench.seconds = 20;
    bench.plan();
    bench.seconds = 30;
    bench.dispatch();
    let run = bench.store.run(&run_id()).unwrap().run.value;
    let at = |seconds| Some(Timestamp::from_seconds(seconds));
    assert_eq!(Some(run.created_at), at(10));
    assert_eq!(
        (run.planned_at, run.started_at, run.completed_at),
        (at(20), at(30), None)
    );
    bench.seconds = 40;
    bench.end(RunState::Cancelled);
    let run = bench.store.run(&run_id()).unwrap().run.value;
    assert_eq!(run.completed_at, at(40));
}

#[test]
fn a_repeat_gets_the_first_answer_whatever_has_happened_since() {
    let mut bench = StoreHarness::running();
    let commit = bench.segment(0, 1, None, 0);
    let first = bench.take(&commit);
    assert!(matches!(first, CommitAnswer::Applied(_)));
    bench.seconds += 100;
    let picture = bench.picture();
    assert_eq!(bench.take(&commit), first);
    assert_eq!(bench.picture(), picture, "a repeat changes nothing");
    bench.end(RunState::Cancelled);
    bench.store.purge(None, Duration::ZERO, bench.now());
    assert_eq!(bench.take(&commit), first);
}

#[test]
fn a_segment_is_committed_once() {
    let mut bench = StoreHarness::running();
    let (mine, other) = (bench.segment(0, 1, None, 0), bench.segment(0, 2, None, 0));
    assert!(matches!(bench.take(&mine), CommitAnswer::Applied(_)));
    assert_eq!(bench.take(&other), CommitAnswer::AppliedByAnother);
}

#[test]
fn a_superseded_delivery_is_refused_and_an_older_fence_is_not() {
    let mut bench = StoreHarness::running();
    bench.store.fence_segment(&key(0), 5, bench.now());
    bench.store.fence_segment(&key(0), 4, bench.now());
    let superseded = bench.segment(0, 4, None, 0);
    assert_eq!(
        bench.take(&superseded),
        CommitAnswer::Refused(CommitRefusal::Superseded)
    );
    let newest = bench.segment(0, 5, None, 0);
    assert!(matches!(bench.take(&newest), CommitAnswer::Applied(_)));
}

#[test]
fn a_run_that_is_gone_or_over_refuses_its_segments() {
    let mut bench = StoreHarness::running();
    let commit = bench.segment(0, 1, None, 0);
    bench.end(RunState::Cancelled);
    assert_eq!(
        bench.take(&commit),
        CommitAnswer::Refused(CommitRefusal::RunTerminal)
    );
    assert!(
        bench
            .store
            .purge(None, Duration::from_secs(1), bench.now())
            .is_empty()
    );
    assert_eq!(
        bench.store.purge(None, Duration::ZERO, bench.now()),
        [run_id()]
    );
    assert_eq!(
        bench.take(&commit),
        CommitAnswer::Refused(CommitRefusal::RunMissing)
    );
    assert_eq!(bench.store.segment(&key(0)).segment, None);
}

#[test]
fn a_moved_version_or_baseline_is_a_conflict() {
    let mut bench = StoreHarness::running();
    let (stale, first) = (bench.segment(1, 1, None, 0), bench.segment(0, 1, None, 0));
    bench.take(&first);
    assert_eq!(
        bench.take(&stale),
        CommitAnswer::Conflict,
        "the run has moved"
    );
    let ahead = bench.segment(1, 1, Some(3), 4);
    assert_eq!(
        bench.take(&ahead),
        CommitAnswer::Conflict,
        "there is no such baseline"
    );
    let CommitStep::Segment(step) = bench.segment(1, 1, None, 4).step else {
        unreachable!("it commits a segment");
    };
    let now = bench.now();
    bench
        .store
        .baselines
        .commit(&"tenant-1".into(), step.reports, now);
    let behind = bench.segment(1, 1, Some(3), 5);
    assert_eq!(
        bench.take(&behind),
        CommitAnswer::Conflict,
        "the baseline has moved"
    );
    let level = bench.segment(1, 1, Some(4), 5);
    assert!(matches!(bench.take(&level), CommitAnswer::Applied(_)));
    assert_eq!(bench.create(), CommitAnswer::Conflict, "the run exists");
    let mut fire = bench.commit(
        CommitStep::Fire {
            schedule: "nightly".into(),
            latest: None,
            coalesced: 0,
            fate: FireOutcome::Run,
        },
        0,
    );
    fire.schedule = Some(ScheduleStateWrite {
        id: "nightly".into(),
        expected: 99,
        state: ScheduleState::default(),
    });
    assert_eq!(
        bench.take(&fire),
        CommitAnswer::Conflict,
        "the schedule has moved"
    );
}

#[test]
fn a_report_becomes_its_tenants_baseline() {
    let mut bench = StoreHarness::running();
    let first = bench.segment(0, 1, None, 7);
    bench.take(&first);
    let image = bench.images(0)[0];
    let baselines = |tenant: &str| bench.store.baselines(&tenant.into(), &[image]);
    let own = baselines("tenant-1")[0].clone();
    assert_eq!(own.map(|baseline| baseline.revision), Some(7));
    assert_eq!(baselines("somebody"), [None]);
    let reports = bench.store.last_reports(&"tenant-1".into(), &[image]);
    assert_eq!(reports, [Some(bench.now())]);
}

/// What the baselines of the first image are after reports of it: who commits, and which revision,
/// one report a second.
fn baselines_after(reports: &[(&str, u64)]) -> Vec<Option<(u64, usize, Timestamp)>> {
    let bench = StoreHarness::running();
    let mut baselines = Baselines::new(bench.fleet.clone());
    let image = bench.images(0)[0];
    for (second, (tenant, revision)) in (1..).zip(reports) {
        let finding = Finding {
            vulnerability: "CVE".into(),
            component: "c".into(),
            severity: Severity::Low,
            kev: false,
        };
        let report = ReportWrite {
            image,
            expected: None,
            revision: *revision,
            findings: vec![finding; *revision as usize].into(),
        };
        let now = Timestamp::from_seconds(second);
        baselines.commit(&(*tenant).into(), vec![report], now);
    }
    let of = |tenant: &str| {
        let tenant = tenant.into();
        let baseline = baselines.of(&tenant)(&image)?;
        Some((
            baseline.revision,
            baseline.findings.len(),
            baseline.committed_at,
        ))
    };
    ["tenant-1", "somebody"].map(of).to_vec()
}

#[test]
fn an_older_report_leaves_the_findings_and_advances_the_time() {
    let at = Timestamp::from_seconds;
    let after = baselines_after(&[("tenant-1", 3), ("tenant-1", 2)]);
    assert_eq!(after, [Some((3, 3, at(2))), None]);
    let after = baselines_after(&[("tenant-1", 2), ("tenant-1", 3)]);
    assert_eq!(after, [Some((3, 3, at(2))), None]);
}

#[test]
fn what_is_committed_of_anothers_image_is_kept_apart() {
    let at = Timestamp::from_seconds;
    let after = baselines_after(&[("tenant-1", 1), ("somebody", 3), ("somebody", 2)]);
    assert_eq!(after, [Some((1, 1, at(1))), Some((3, 3, at(3)))]);
}

#[test]
fn release_is_stamped_and_repair_finds_what_is_stale() {
    let mut bench = StoreHarness::running();
    let stale = |bench: &StoreHarness| {
        let limit = Duration::from_secs(120);
        let day = Duration::from_hours(24);
        let work = bench.store.stale_work(limit, day, bench.now());
        work.segments
            .iter()
            .map(|segment| segment.key.index)
            .collect::<Vec<_>>()
    };
    bench.seconds += 120;
    assert!(stale(&bench).is_empty());
    bench.seconds += 1;
    assert_eq!(stale(&bench), [0]);
    bench.store.fence_segment(&key(0), 1, bench.now());
    assert!(stale(&bench).is_empty(), "somebody works it");
    bench.seconds += 121;
    let mut requeue = bench.commit(CommitStep::Requeue, 0);
    requeue.release = vec![key(0)];
    bench.take(&requeue);
    assert!(stale(&bench).is_empty());
    let segment = bench.store.segment(&key(0)).segment.unwrap();
    assert_eq!(
        (segment.requeued, segment.released_at),
        (1, Some(bench.now()))
    );
    let commit = bench.segment(0, 1, None, 0);
    bench.take(&commit);
    let segment = bench.store.segment(&key(0)).segment.unwrap();
    assert_eq!(segment.released_next, [key(1)]);
    bench.seconds += 121;
    assert_eq!(stale(&bench), [1], "a committed segment is not stale");
}

#[test]
fn an_intent_lives_until_the_run_is_cut() {
    let mut bench = StoreHarness::new();
    bench.create();
    bench.plan();
    assert_eq!(bench.store.intents(10).len(), 1);
    bench.store.note_enqueued(&[run_id()]);
    assert!(bench.store.intents(10).is_empty());
    bench.seconds += 500;
    let mut requeue = bench.commit(CommitStep::Requeue, 0);
    requeue.intents_requeued = vec![run_id()];
    bench.take(&requeue);
    let intents = bench.store.intents(10);
    assert_eq!((intents[0].requeued, intents[0].since), (1, bench.now()));
    bench.dispatch();
    assert_eq!(bench.store.runs.intents().count(), 0);
}

#[test]
fn the_outbox_forgets_in_any_order() {
    let mut bench = StoreHarness::running();
    for index in 0..SEGMENTS {
        let commit = bench.segment(index, 1, None, 0);
        bench.take(&commit);
    }
    let (events, depth) = bench.store.outbox(4);
    assert_eq!((events.len(), depth), (4, 6));
    for event in events.iter().rev() {
        assert!(bench.store.forget_event(event.event_id));
        assert!(!bench.store.forget_event(event.event_id));
    }
    let (rest, depth) = bench.store.outbox(10);
    assert_eq!((rest.len(), depth), (2, 2));
}

#[test]
fn a_balance_is_taken_over_with_its_commit() {
    let mut bench = StoreHarness::running();
    let heir = IncarnationId {
        process: "worker-2".into(),
        number: 1,
    };
    let now = Timestamp::from_seconds(1_000);
    let beat = bench
        .store
        .heartbeat(&heir, Duration::from_secs(60), false, now);
    let (from, expected) = beat.orphaned[0].clone();
    let mut adoption = bench.commit(CommitStep::AdoptOrphanedCount, 0);
    adoption.token.incarnation = heir;
    adoption.adoption = Some(AdoptOrphanedCount { from, expected });
    let CommitAnswer::Applied(applied) = bench.take(&adoption) else {
        panic!("it was not applied");
    };
    assert_eq!(applied.adopted, [1, 0]);
    adoption.token.sequence += 1;
    assert_eq!(bench.take(&adoption), CommitAnswer::Conflict);
}

#[test]
fn planning_is_listed_by_tenant_and_not_before_its_time() {
    let mut bench = StoreHarness::new();
    for (number, tenant) in ["b", "a", "a", "a"].into_iter().enumerate() {
        bench.seconds += 1;
        let mut commit = bench.commit(CommitStep::Manual, 0);
        let mut run = planning_run();
        run.id = RunId::new(format!("run-{number}"));
        run.tenant = tenant.into();
        run.not_before = (number == 1).then(|| Timestamp::from_seconds(100));
        commit.runs.push(RunWrite {
            run,
            expected: None,
        });
        bench.take(&commit);
    }
    let listed = |bench: &StoreHarness, now| -> Vec<String> {
        let heads = bench.store.planning_runs(2, Timestamp::from_seconds(now));
        heads.iter().map(|head| head.run.to_string()).collect()
    };
    assert_eq!(listed(&bench, 50), ["run-2", "run-3", "run-0"]);
    assert_eq!(listed(&bench, 100), ["run-1", "run-2", "run-0"]);
}

/// Attempts to commit segments, some of them sound.
#[derive(Debug, Clone)]
struct CommitAttempt {
    index: u32,
    delivery: u64,
    fence: Option<u64>,
    expected: Option<u64>,
    repeat: bool,
    spoil_version: bool,
}

fn attempt() -> impl Strategy<Value = CommitAttempt> {
    let expected = prop_oneof![3 => Just(None), 1 => (0..3_u64).prop_map(Some)];
    let fence = prop_oneof![2 => Just(None), 1 => (0..5_u64).prop_map(Some)];
    (
        0..SEGMENTS,
        0..5_u64,
        fence,
        expected,
        any::<bool>(),
        prop::bool::weighted(0.2),
    )
        .prop_map(
            |(index, delivery, fence, expected, repeat, spoil_version)| CommitAttempt {
                index,
                delivery,
                fence,
                expected,
                repeat,
                spoil_version,
            },
        )
}

proptest! {
    #[test]
    fn a_commit_is_applied_wholly_or_not_at_all(attempts in prop::collection::vec(attempt(), 1..30)) {
        let mut bench = StoreHarness::running();
        let mut committed = 0;
        for attempt in &attempts {
            bench.seconds += 1;
            if let Some(fence) = attempt.fence {
                let now = bench.now();
                bench.store.fence_segment(&key(attempt.index), fence, now);
            }
            let mut commit = bench.segment(attempt.index, attempt.delivery, attempt.expected, 1);
            if attempt.spoil_version {
                commit.runs[0].expected = Some(0);
            }
            let before = bench.picture();
            let answer = bench.take(&commit);
            if matches!(answer, CommitAnswer::Applied(_)) {
                committed += 1;
            } else {
                prop_assert_eq!(&bench.picture(), &before, "declined, and yet something changed");
            }
            if attempt.repeat {
                let after = bench.picture();
                prop_assert_eq!(&bench.take(&commit), &answer);
                prop_assert_eq!(bench.picture(), after);
            }
        }
        let run = bench.store.run(&run_id()).unwrap().run.value;
        prop_assert_eq!(run.stats.segments_completed, committed);
        prop_assert_eq!(run.stats.completed, committed * IMAGES_PER_SEGMENT);
        prop_assert_eq!(bench.store.outbox(100).1, committed * IMAGES_PER_SEGMENT);
    }
}
