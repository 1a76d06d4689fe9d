//! Faults of worker processes and their connections.

use std::time::Duration;

use super::{AFTER, DURING, commit, harness_with};
use crate::model::CommitAnswer;
use crate::model::fault::FaultKind;
use crate::scenario::MessageSchema;
use crate::sim::world::testing::WorldHarness;
use crate::worker::ports::{Clock, PortError, Ports, Store};

#[test]
fn partition_cuts_off_one_process() {
    let mut harness = harness_with(
        "kind = \"partition\"\nprocess = \"worker-1\"\nport = \"store\"\nduration = \"4m\"",
    );
    harness.pass_until(DURING);
    assert_eq!(harness.try_commit(1), Err(PortError::Unavailable));
    let ports = harness.ports("worker-2");
    let other = harness.run("worker-2", async move { ports.store().schedules().await });
    assert!(other.is_ok());
    harness.pass_until(AFTER);
    assert!(harness.try_commit(1).is_ok());
    harness.assert_injected(FaultKind::Partition);
    assert_eq!(harness.count("CutOff"), 1);
}

#[test]
fn process_crash_drops_tasks_and_restarts() {
    let mut harness =
        harness_with("kind = \"process-crash\"\nprocess = \"worker-1\"\ndowntime = \"4m\"");
    let ports = harness.ports("worker-1");
    let never = harness.begin("worker-1", async move {
        ports.clock().sleep(Duration::from_mins(2)).await;
    });
    harness.pass_until(DURING);
    assert_eq!(harness.count("IncarnationStarted"), 2);
    harness.pass_until(AFTER);
    assert_eq!(harness.count("IncarnationStarted"), 3);
    assert_eq!(harness.count("end: Crashed"), 1);
    assert_eq!(never(&mut harness), None);
    harness.assert_injected(FaultKind::ProcessCrash);
}

#[test]
fn process_crash_before_the_answer_applies_the_commit() {
    let mut harness =
        harness_with("kind = \"process-crash\"\nprocess = \"worker-1\"\ndowntime = \"4m\"");
    harness.pass_until(Duration::from_millis(59_998));
    let ports = harness.ports("worker-1");
    let sent = commit(1);
    let never = harness.begin("worker-1", async move { ports.store().commit(&sent).await });
    harness.pass(Duration::from_secs(1));
    assert_eq!(
        (
            harness.count("CommitApplied"),
            harness.count("CommitLearned")
        ),
        (1, 0)
    );
    assert_eq!(never(&mut harness), None);
}

#[test]
fn process_pause_suspends_tasks_until_its_end() {
    let mut harness =
        harness_with("kind = \"process-pause\"\nprocess = \"worker-1\"\nduration = \"4m\"");
    harness.pass_until(Duration::from_millis(59_998));
    let ports = harness.ports("worker-1");
    let sent = commit(1);
    let later = harness.begin("worker-1", async move { ports.store().commit(&sent).await });
    harness.pass_until(DURING);
    assert_eq!(
        (
            harness.count("CommitApplied"),
            harness.count("CommitLearned")
        ),
        (1, 0)
    );
    harness.pass_until(AFTER);
    assert_eq!(harness.count("CommitLearned"), 1);
    assert!(matches!(
        later(&mut harness),
        Some(Ok(CommitAnswer::Applied(_)))
    ));
    let down = harness.factory.scrapes.borrow();
    let down = down
        .iter()
        .filter(|(process, incarnation)| process.as_str() == "worker-1" && incarnation.is_none());
    assert_eq!(down.count(), 16, "scraped each 15 s without success");
    harness.assert_injected(FaultKind::ProcessPause);
}

#[test]
fn graceful_stop_waits_for_the_process() {
    let fault = "kind = \"graceful-stop\"\nprocess = \"worker-1\"\ndowntime = \"10s\"";
    // The test itself causes one crash.
    for (takes, stopped, crashed) in [(5, 1, 1), (3_600, 0, 2)] {
        let mut harness = harness_with(&format!("{fault}\n"));
        harness.factory.stop_takes.set(Duration::from_secs(takes));
        // A new incarnation uses the new time.
        harness.world.crash_process(0, Duration::ZERO);
        harness.pass_until(DURING);
        assert_eq!(
            harness.count("IncarnationEnded"),
            1,
            "the stop takes its time"
        );
        harness.pass_until(AFTER);
        let ends = ["end: Stopped", "end: Crashed"].map(|end| harness.count(end));
        assert_eq!(ends, [stopped, crashed]);
        assert_eq!(harness.count("IncarnationStarted"), 4);
        harness.assert_injected(FaultKind::GracefulStop);
    }
}

#[test]
fn rolling_deploy_stops_processes_in_turn() {
    let mut harness =
        harness_with("kind = \"rolling-deploy\"\ndowntime = \"10s\"\npause = \"30s\"");
    harness.pass_until(AFTER);
    let lines = harness.seen.borrow();
    let incarnations: Vec<&str> = lines
        .0
        .iter()
        .map(|(_, line)| line.as_str())
        .filter(|line| line.starts_with("Incarnation"))
        .collect();
    assert_eq!(incarnations.len(), 6);
    for (line, expected) in incarnations[2..].iter().zip([
        ("IncarnationEnded", "worker-1"),
        ("IncarnationStarted", "worker-1"),
        ("IncarnationEnded", "worker-2"),
        ("IncarnationStarted", "worker-2"),
    ]) {
        assert!(
            line.contains(expected.0) && line.contains(expected.1),
            "{line}"
        );
    }
    drop(lines);
    harness.assert_injected(FaultKind::RollingDeploy);
}

#[test]
fn rolling_deploy_ends_the_previous_schema_process_by_process() {
    let mut harness =
        harness_with("kind = \"rolling-deploy\"\npause = \"2m\"\nschemaBefore = \"previous\"");
    let schemas = |harness: &WorldHarness| [0, 1].map(|it| harness.world.processes.schema(it));
    let (current, previous) = (MessageSchema::Current, MessageSchema::Previous);
    assert_eq!(schemas(&harness), [previous, previous]);
    harness.pass_until(DURING);
    assert_eq!(schemas(&harness), [current, previous]);
    harness.pass_until(AFTER);
    assert_eq!(schemas(&harness), [current, current]);
    let plain = harness_with("kind = \"rolling-deploy\"");
    assert_eq!(schemas(&plain), [current, current]);
}

#[test]
fn clock_skew_changes_the_rate_until_its_end() {
    let mut harness = harness_with(
        "kind = \"clock-skew\"\nprocess = \"worker-1\"\ndrift = 0.5\nduration = \"4m\"",
    );
    let elapsed = |harness: &WorldHarness| harness.ports("worker-1").clock().elapsed();
    let rate = |harness: &mut WorldHarness| {
        let before = elapsed(harness);
        harness.pass(Duration::from_secs(10));
        elapsed(harness) - before
    };
    assert_eq!(rate(&mut harness), Duration::from_secs(10));
    harness.pass_until(DURING);
    assert_eq!(rate(&mut harness), Duration::from_secs(15));
    harness.pass_until(AFTER);
    assert_eq!(rate(&mut harness), Duration::from_secs(10));
    harness.assert_injected(FaultKind::ClockSkew);
}
