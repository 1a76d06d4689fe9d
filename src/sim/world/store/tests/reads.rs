//! Reads: stale work, intents, the outbox and planning runs.

use super::*;

#[test]
fn stale_work_lists_released_segments_after_the_limit() {
    let mut harness = StoreHarness::running();
    let stale = |harness: &StoreHarness| {
        let limit = Duration::from_secs(120);
        let day = Duration::from_hours(24);
        let work = harness.store.stale_work(limit, day, harness.now());
        work.segments
            .iter()
            .map(|segment| segment.key.index)
            .collect::<Vec<_>>()
    };
    harness.seconds += 120;
    assert!(stale(&harness).is_empty());
    harness.seconds += 1;
    assert_eq!(stale(&harness), [0]);
    harness.store.fence_segment(&key(0), 1, harness.now());
    assert!(stale(&harness).is_empty(), "a delivery works it");
    harness.seconds += 121;
    let mut requeue = harness.commit(CommitStep::Requeue, 0);
    requeue.release = vec![key(0)];
    harness.take(&requeue);
    assert!(stale(&harness).is_empty());
    let segment = harness.store.segment(&key(0)).segment.unwrap();
    assert_eq!(
        (segment.requeued, segment.released_at),
        (1, Some(harness.now()))
    );
    let commit = harness.segment(0, 1, None, 0);
    harness.take(&commit);
    let segment = harness.store.segment(&key(0)).segment.unwrap();
    assert_eq!(segment.released_next, [key(1)]);
    harness.seconds += 121;
    assert_eq!(stale(&harness), [1], "a committed segment is not stale");
}

#[test]
fn intent_exists_until_the_run_is_dispatched() {
    let mut harness = StoreHarness::new();
    harness.create();
    harness.plan();
    assert_eq!(harness.store.intents(10).len(), 1);
    harness.store.note_enqueued(&[run_id()]);
    assert!(harness.store.intents(10).is_empty());
    harness.seconds += 500;
    let mut requeue = harness.commit(CommitStep::Requeue, 0);
    requeue.intents_requeued = vec![run_id()];
    harness.take(&requeue);
    let intents = harness.store.intents(10);
    assert_eq!((intents[0].requeued, intents[0].since), (1, harness.now()));
    harness.dispatch();
    assert_eq!(harness.store.runs.intents().count(), 0);
}

#[test]
fn outbox_forgets_events_in_any_order() {
    let mut harness = StoreHarness::running();
    for index in 0..SEGMENTS {
        let commit = harness.segment(index, 1, None, 0);
        harness.take(&commit);
    }
    let events = harness.store.outbox(4);
    assert_eq!((events.len(), harness.store.backlog().outbox_depth), (4, 6));
    for event in events.iter().rev() {
        assert!(harness.store.forget_event(event.event_id));
        assert!(!harness.store.forget_event(event.event_id));
    }
    let rest = harness.store.outbox(10);
    assert_eq!((rest.len(), harness.store.backlog().outbox_depth), (2, 2));
}

#[test]
fn planning_runs_are_listed_by_tenant_once_due() {
    let mut harness = StoreHarness::new();
    for (number, tenant) in ["b", "a", "a", "a"].into_iter().enumerate() {
        harness.seconds += 1;
        let mut commit = harness.commit(CommitStep::Manual, 0);
        let mut run = planning_run();
        run.id = RunId::new(format!("run-{number}"));
        run.tenant = tenant.into();
        run.not_before = (number == 1).then(|| Timestamp::from_seconds(100));
        commit.runs.push(RunWrite {
            run,
            expected: None,
        });
        harness.take(&commit);
    }
    let listed = |harness: &StoreHarness, now| -> Vec<String> {
        let heads = harness.store.planning_runs(2, Timestamp::from_seconds(now));
        heads.iter().map(|head| head.run.to_string()).collect()
    };
    assert_eq!(listed(&harness, 50), ["run-2", "run-3", "run-0"]);
    assert_eq!(listed(&harness, 100), ["run-1", "run-2", "run-0"]);
}
