//! Faults of the store, and purges.

use std::time::Duration;

use super::{AFTER, DURING, harness_with};
use crate::model::CommitAnswer;
use crate::model::fault::FaultKind;
use crate::worker::ports::{PortError, Ports, Store};

#[test]
fn store_outage_refuses_commits() {
    let mut harness = harness_with("kind = \"store-outage\"\nduration = \"4m\"");
    harness.pass_until(DURING);
    assert_eq!(harness.try_commit(1), Err(PortError::Unavailable));
    assert_eq!(harness.count("CommitApplied"), 0);
    harness.pass_until(AFTER);
    assert!(matches!(
        harness.try_commit(1),
        Ok(CommitAnswer::Applied(_))
    ));
    assert_eq!(harness.count("CommitApplied"), 1);
    harness.assert_injected(FaultKind::StoreOutage);
    assert_eq!(harness.count("CutOff"), 2, "one for each process");
    assert_eq!(harness.count("Reconnected"), 2);
}

#[test]
fn store_outage_loses_a_commit_or_its_answer() {
    // Half a round trip is 5 ms. A commit sent 2 ms before the outage does not arrive. One sent 7
    // ms before it is applied, and its answer is lost.
    for (before, is_applied) in [(2, false), (7, true)] {
        let mut harness = harness_with("kind = \"store-outage\"\nduration = \"1s\"");
        harness.pass_until(Duration::from_millis(60_000 - before));
        assert_eq!(harness.try_commit(1), Err(PortError::Unknown));
        assert_eq!(harness.count("CommitApplied"), usize::from(is_applied));
        assert_eq!(harness.count("CommitAnswerLost"), 1);
        assert!(matches!(
            harness.try_commit(1),
            Ok(CommitAnswer::Applied(_))
        ));
        assert_eq!(
            harness.count("CommitApplied"),
            1,
            "a repeat is not applied again"
        );
        assert_eq!(harness.count("CommitLearned"), 1);
    }
}

#[test]
fn commit_conflict_applies_nothing() {
    let mut harness =
        harness_with("kind = \"commit-conflict\"\nduration = \"4m\"\nprobability = 1");
    harness.pass_until(DURING);
    assert_eq!(harness.try_commit(1), Ok(CommitAnswer::Conflict));
    assert_eq!(harness.count("CommitApplied"), 0);
    harness.pass_until(AFTER);
    assert!(matches!(
        harness.try_commit(1),
        Ok(CommitAnswer::Applied(_))
    ));
    assert_eq!(harness.count("CommitApplied"), 1);
    harness.assert_injected(FaultKind::CommitConflict);
}

#[test]
fn commit_answer_lost_applies_without_an_answer() {
    let mut harness =
        harness_with("kind = \"commit-answer-lost\"\nduration = \"4m\"\nprobability = 1");
    harness.pass_until(DURING);
    assert_eq!(harness.try_commit(1), Err(PortError::Unknown));
    assert_eq!(
        (
            harness.count("CommitApplied"),
            harness.count("CommitLearned")
        ),
        (1, 0)
    );
    harness.pass_until(AFTER);
    assert!(matches!(
        harness.try_commit(1),
        Ok(CommitAnswer::Applied(_))
    ));
    assert_eq!(
        (
            harness.count("CommitApplied"),
            harness.count("CommitLearned")
        ),
        (1, 1)
    );
    harness.assert_injected(FaultKind::CommitAnswerLost);
}

#[test]
fn purge_removes_only_old_terminal_runs() {
    let mut harness = harness_with("kind = \"purge\"\nolderThan = \"30s\"");
    harness.try_commit(1).unwrap();
    harness.pass_until(Duration::from_secs(50));
    harness.try_commit(2).unwrap();
    harness.pass_until(AFTER);
    assert_eq!(harness.count("Purged"), 1);
    harness.assert_injected(FaultKind::Purge);
}

#[test]
fn slow_store_multiplies_the_round_trip() {
    let mut harness = harness_with("kind = \"slow-store\"\nduration = \"4m\"\nfactor = 100");
    harness.pass_until(DURING);
    let before = harness.world.now();
    let answer = harness.try_commit(1);
    assert!(matches!(answer, Ok(CommitAnswer::Applied(_))));
    assert_eq!(harness.world.now().since(before), Duration::from_secs(1));
    assert_eq!(harness.count("CallSlow"), 0, "no lease is lost over it");
    harness.pass_until(AFTER);
    harness.assert_injected(FaultKind::SlowStore);
}

#[test]
fn slow_store_applies_a_commit_that_its_caller_has_given_up() {
    let mut harness = harness_with("kind = \"slow-store\"\nduration = \"4m\"\nfactor = 1200");
    harness.pass_until(DURING);
    let before = harness.world.now();
    assert_eq!(harness.try_commit(1), Err(PortError::Unknown));
    assert_eq!(harness.world.now().since(before), Duration::from_secs(5));
    assert_eq!(
        harness.count("CommitApplied"),
        0,
        "half a round trip is 6 s"
    );
    harness.pass(Duration::from_secs(1));
    assert_eq!(harness.count("CommitApplied"), 1);
    assert_eq!(harness.count("CommitAnswerLost"), 1);
    assert_eq!(harness.count("CallSlow"), 1);
    harness.pass_until(AFTER);
    let answer = harness.try_commit(1);
    assert!(matches!(answer, Ok(CommitAnswer::Applied(_))));
    assert_eq!(harness.count("CommitApplied"), 1);
}

#[test]
fn slow_store_fails_a_read_after_the_timeout_of_the_client() {
    let mut harness = harness_with("kind = \"slow-store\"\nduration = \"4m\"\nfactor = 1200");
    harness.pass_until(DURING);
    let (before, ports) = (harness.world.now(), harness.ports("worker-1"));
    let answer = harness.run("worker-1", async move {
        ports.store().schedules().await.map(|read| read.value.len())
    });
    assert_eq!(answer, Err(PortError::Unavailable));
    assert_eq!(harness.world.now().since(before), Duration::from_secs(5));
}
