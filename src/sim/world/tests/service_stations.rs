//! Services with a stated capacity: waits for servers, row locks and connections.
//!
//! A round trip takes 10 ms.

use std::sync::Arc;
use std::time::Duration;

use super::{LEASE, commit};
use crate::model::time::nanos_of;
use crate::model::{Commit, CommitAnswer};
use crate::sim::world::WorldPorts;
use crate::sim::world::testing::WorldHarness;
use crate::worker::ports::{Clock, PortError, PortResult, Ports, Queue, Store};

/// Starts calls a microsecond apart, and returns their results with the milliseconds that each
/// took.
fn at_once<T, F>(harness: &mut WorldHarness, calls: Vec<(&str, F)>) -> Vec<(T, u64)>
where
    T: 'static,
    F: AsyncFnOnce(WorldPorts) -> T + 'static,
{
    let calls: Vec<_> = calls
        .into_iter()
        .map(|(process, call)| {
            let ports = harness.ports(process);
            let finish = harness.begin(process, async move {
                let since = ports.clock().elapsed();
                let result = call(ports.clone()).await;
                (result, millis(ports.clock().elapsed() - since))
            });
            harness.pass(Duration::from_micros(1));
            finish
        })
        .collect();
    let results = calls.into_iter().map(|finish| finish(harness));
    results.map(|result| result.expect("an answer")).collect()
}

/// Returns the nearest number of milliseconds.
fn millis(duration: Duration) -> u64 {
    (nanos_of(duration) + 500_000) / 1_000_000
}

/// A read of the store, as a process makes it.
fn read() -> impl AsyncFnOnce(WorldPorts) -> PortResult<()> + 'static {
    async |ports: WorldPorts| ports.store().schedules().await.map(drop)
}

/// A commit of the run `run-{sequence}` under a token of its own.
fn commit_of(sequence: u64, token: u64) -> Arc<Commit> {
    let mut commit = Arc::unwrap_or_clone(commit(sequence));
    commit.token.sequence = token;
    Arc::new(commit)
}

fn write(commit: Arc<Commit>) -> impl AsyncFnOnce(WorldPorts) -> PortResult<CommitAnswer> {
    async move |ports: WorldPorts| ports.store().commit(&commit).await
}

fn is_applied(answer: &PortResult<CommitAnswer>) -> bool {
    matches!(answer, Ok(CommitAnswer::Applied(_)))
}

#[test]
fn calls_at_once_wait_for_a_server() {
    for (servers, expected) in [(1, [1_010, 2_010, 3_010]), (2, [1_010, 1_010, 2_010])] {
        let store = format!("[store]\nservers = {servers}\nreadTime = \"1s\"\n");
        let mut harness = WorldHarness::new(&store);
        let processes = ["worker-1", "worker-2", "worker-1"];
        let reads = processes.map(|process| (process, read())).into();
        let took: Vec<u64> = at_once(&mut harness, reads).iter().map(|it| it.1).collect();
        assert_eq!(took, expected);
        let load = harness.world.station_loads().remove(0);
        assert_eq!((load.service, load.servers), ("store", servers));
        assert_eq!(load.statistics.waits.count, 3);
        let longest = millis(load.statistics.waits.longest);
        assert_eq!(longest, expected[2] - 1_010);
    }
}

#[test]
fn commits_of_one_run_are_served_one_after_another_and_others_at_once() {
    for (row_locks, expected) in [(true, [1_010, 2_010, 1_010]), (false, [1_010; 3])] {
        let store = format!("[store]\ncommitTime = \"1s\"\nrowLocks = {row_locks}\n");
        let mut harness = WorldHarness::new(&store);
        let commits = [(1, 1), (1, 2), (2, 3)];
        let calls = commits.map(|(run, token)| ("worker-1", write(commit_of(run, token))));
        let answers = at_once(&mut harness, calls.into());
        let took: Vec<u64> = answers.iter().map(|answer| answer.1).collect();
        assert_eq!(took, expected);
        assert!(is_applied(&answers[0].0) && is_applied(&answers[2].0));
        assert_eq!(answers[1].0, Ok(CommitAnswer::Conflict));
        let load = harness.world.station_loads().remove(0);
        let waits = load
            .row_waits
            .map(|waits| (waits.count, millis(waits.longest)));
        assert_eq!(waits, row_locks.then_some((3, 1_000)));
    }
}

#[test]
fn calls_above_the_connection_limit_wait_and_fail_after_its_timeout() {
    let store = "[store]\nreadTime = \"1s\"\nconnectionsPerProcess = 1\n";
    let processes = ["worker-1", "worker-1", "worker-2"];
    for (timeout, second) in [
        ("", (Ok(()), 2_020)),
        (
            "connectionTimeout = \"500ms\"\n",
            (Err(PortError::Unavailable), 500),
        ),
    ] {
        let mut harness = WorldHarness::new(&format!("{store}{timeout}"));
        let reads = processes.map(|process| (process, read())).into();
        let answers = at_once(&mut harness, reads);
        assert_eq!(answers, [(Ok(()), 1_010), second, (Ok(()), 1_010)]);
        let load = harness.world.station_loads().remove(0);
        let waits = load.connection_waits.map(|waits| waits.count);
        assert_eq!(waits, Some(3));
    }
}

#[test]
fn commit_that_its_caller_gives_up_takes_effect_when_its_turn_comes() {
    let store = "[store]\nservers = 1\ncommitTime = \"4s\"\n";
    let mut harness = WorldHarness::new(store);
    let calls = [1, 2].map(|run| ("worker-1", write(commit_of(run, run))));
    let answers = at_once(&mut harness, calls.into());
    assert!(is_applied(&answers[0].0));
    assert_eq!(answers[1], (Err(PortError::Unknown), 5_000));
    assert_eq!(harness.count("CommitApplied"), 1);
    assert!(harness.count("CallSlow") > 0);
    harness.pass(Duration::from_secs(4));
    assert_eq!(harness.count("CommitApplied"), 2);
    assert!(is_applied(&harness.try_commit(2)));
    assert_eq!(
        harness.count("CommitApplied"),
        2,
        "a repeat is not applied again"
    );
}

#[test]
fn commit_of_a_process_that_dies_is_served_and_its_read_is_not() {
    let store = "[store]\nservers = 1\nreadTime = \"1s\"\ncommitTime = \"1s\"\n";
    let mut harness = WorldHarness::new(store);
    let ports = harness.ports("worker-1");
    let reader = ports.clone();
    let _read = harness.begin("worker-1", async move { reader.store().schedules().await });
    let _commit = harness.begin("worker-1", async move {
        ports.store().commit(&commit_of(1, 1)).await
    });
    harness.pass(Duration::from_millis(500));
    harness.world.restart_processes();
    harness.pass(Duration::from_secs(1));
    assert_eq!(
        harness.count("CommitApplied"),
        1,
        "it was served when the read had gone"
    );
}

/// A request for a message, which waits 3 s for one.
fn lease() -> impl AsyncFnOnce(WorldPorts) -> PortResult<bool> + 'static {
    async |ports: WorldPorts| {
        let queue = ports.planner_queue();
        let leased = queue.lease(LEASE, Duration::from_secs(3)).await?;
        Ok(leased.is_some())
    }
}

#[test]
fn request_for_a_message_is_served_before_it_waits_for_one() {
    let queue = "[queue]\nleaseTime = \"1s\"\nconnectionsPerProcess = 1\n";
    let mut harness = WorldHarness::new(queue);
    let requests = vec![("worker-1", lease()), ("worker-1", lease())];
    let answers = at_once(&mut harness, requests);
    assert_eq!(answers, [(Ok(false), 4_010), (Ok(false), 5_010)]);
    // Requests for messages need no connection of the pool, and hold no server while they wait.
    let load = harness.world.station_loads().remove(0);
    assert_eq!(load.connection_waits.map(|waits| waits.count), Some(0));
    harness.enqueue("run").unwrap();
    assert!(harness.lease().is_some());
}
