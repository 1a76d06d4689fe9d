//! Commits: decisions, atomicity and idempotency.

use proptest::prelude::*;

use super::*;

#[test]
fn run_times_come_from_the_stores_clock() {
    let mut harness = StoreHarness::new();
    harness.seconds = 10;
    harness.create();
    harness.seconds = 20;
    harness.plan();
    harness.seconds = 30;
    harness.dispatch();
    let run = harness.store.run(&run_id()).unwrap().run.value;
    let at = |seconds| Some(Timestamp::from_seconds(seconds));
    assert_eq!(Some(run.created_at), at(10));
    assert_eq!(
        (run.planned_at, run.started_at, run.completed_at),
        (at(20), at(30), None)
    );
    harness.seconds = 40;
    harness.end(RunState::Cancelled);
    let run = harness.store.run(&run_id()).unwrap().run.value;
    assert_eq!(run.completed_at, at(40));
}

#[test]
fn repeated_commit_gets_the_first_answer() {
    let mut harness = StoreHarness::running();
    let commit = harness.segment(0, 1, None, 0);
    let first = harness.take(&commit);
    assert!(matches!(first, CommitAnswer::Applied(_)));
    harness.seconds += 100;
    let state_text = harness.state_text();
    assert_eq!(harness.take(&commit), first);
    assert_eq!(harness.state_text(), state_text, "a repeat changes nothing");
    harness.end(RunState::Cancelled);
    harness.store.purge(None, Duration::ZERO, harness.now());
    assert_eq!(harness.take(&commit), first);
}

#[test]
fn segment_committed_before_refuses_another_commit() {
    let mut harness = StoreHarness::running();
    let (mine, other) = (
        harness.segment(0, 1, None, 0),
        harness.segment(0, 2, None, 0),
    );
    assert!(matches!(harness.take(&mine), CommitAnswer::Applied(_)));
    assert_eq!(harness.take(&other), CommitAnswer::AppliedByAnother);
}

#[test]
fn superseded_delivery_is_refused() {
    let mut harness = StoreHarness::running();
    harness.store.fence_segment(&key(0), 5, harness.now());
    harness.store.fence_segment(&key(0), 4, harness.now());
    let superseded = harness.segment(0, 4, None, 0);
    assert_eq!(
        harness.take(&superseded),
        CommitAnswer::Refused(CommitRefusal::Superseded)
    );
    let newest = harness.segment(0, 5, None, 0);
    assert!(matches!(harness.take(&newest), CommitAnswer::Applied(_)));
}

#[test]
fn segment_of_a_purged_or_terminal_run_is_refused() {
    let mut harness = StoreHarness::running();
    let commit = harness.segment(0, 1, None, 0);
    harness.end(RunState::Cancelled);
    assert_eq!(
        harness.take(&commit),
        CommitAnswer::Refused(CommitRefusal::RunTerminal)
    );
    assert!(
        harness
            .store
            .purge(None, Duration::from_secs(1), harness.now())
            .is_empty()
    );
    assert_eq!(
        harness.store.purge(None, Duration::ZERO, harness.now()),
        [run_id()]
    );
    assert_eq!(
        harness.take(&commit),
        CommitAnswer::Refused(CommitRefusal::RunMissing)
    );
    assert_eq!(harness.store.segment(&key(0)).segment, None);
}

#[test]
fn commit_over_a_moved_version_or_baseline_conflicts() {
    let mut harness = StoreHarness::running();
    let (stale, first) = (
        harness.segment(1, 1, None, 0),
        harness.segment(0, 1, None, 0),
    );
    harness.take(&first);
    assert_eq!(
        harness.take(&stale),
        CommitAnswer::Conflict,
        "the run has moved"
    );
    let ahead = harness.segment(1, 1, Some(3), 4);
    assert_eq!(
        harness.take(&ahead),
        CommitAnswer::Conflict,
        "there is no such baseline"
    );
    let CommitStep::Segment(step) = harness.segment(1, 1, None, 4).step else {
        unreachable!("it commits a segment");
    };
    let now = harness.now();
    harness
        .store
        .baselines
        .commit(&"tenant-1".into(), step.reports, now);
    let behind = harness.segment(1, 1, Some(3), 5);
    assert_eq!(
        harness.take(&behind),
        CommitAnswer::Conflict,
        "the baseline has moved"
    );
    let level = harness.segment(1, 1, Some(4), 5);
    assert!(matches!(harness.take(&level), CommitAnswer::Applied(_)));
    assert_eq!(harness.create(), CommitAnswer::Conflict, "the run exists");
    let mut fire = harness.commit(
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
        harness.take(&fire),
        CommitAnswer::Conflict,
        "the schedule has moved"
    );
}

#[test]
fn adoption_moves_a_count_with_its_commit() {
    let mut harness = StoreHarness::running();
    let heir = IncarnationId {
        process: "worker-2".into(),
        number: 1,
    };
    let now = Timestamp::from_seconds(1_000);
    let beat = harness
        .store
        .heartbeat(&heir, Duration::from_secs(60), false, now);
    let (from, expected) = beat.orphaned[0].clone();
    let mut adoption = harness.commit(CommitStep::AdoptOrphanedCount, 0);
    adoption.token.incarnation = heir;
    adoption.adoption = Some(AdoptOrphanedCount { from, expected });
    let CommitAnswer::Applied(applied) = harness.take(&adoption) else {
        panic!("it was not applied");
    };
    assert_eq!(applied.adopted, [1, 0]);
    adoption.token.sequence += 1;
    assert_eq!(harness.take(&adoption), CommitAnswer::Conflict);
}

/// Attempt to commit a segment, which may be invalid.
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
    fn commit_is_applied_wholly_or_not_at_all(
        attempts in prop::collection::vec(attempt(), 1..30),
    ) {
        let mut harness = StoreHarness::running();
        let mut committed = 0;
        for attempt in &attempts {
            harness.seconds += 1;
            if let Some(fence) = attempt.fence {
                let now = harness.now();
                harness.store.fence_segment(&key(attempt.index), fence, now);
            }
            let mut commit = harness.segment(attempt.index, attempt.delivery, attempt.expected, 1);
            if attempt.spoil_version {
                commit.runs[0].expected = Some(0);
            }
            let before = harness.state_text();
            let answer = harness.take(&commit);
            if matches!(answer, CommitAnswer::Applied(_)) {
                committed += 1;
            } else {
                prop_assert_eq!(&harness.state_text(), &before, "a declined commit changed it");
            }
            if attempt.repeat {
                let after = harness.state_text();
                prop_assert_eq!(&harness.take(&commit), &answer);
                prop_assert_eq!(harness.state_text(), after);
            }
        }
        let run = harness.store.run(&run_id()).unwrap().run.value;
        prop_assert_eq!(run.stats.segments_completed, committed);
        prop_assert_eq!(run.stats.completed, committed * IMAGES_PER_SEGMENT);
        prop_assert_eq!(harness.store.backlog().outbox_depth, committed * IMAGES_PER_SEGMENT);
    }
}
