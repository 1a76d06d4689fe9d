//! Times of commits come from the store's clock and follow the order of the commits.

use std::rc::Rc;

use rehearsal_worker::model::{CommitAnswer, CommitStep, RunId, RunState, Timestamp};
use rehearsal_worker::ports::{Ports, Store};

use super::property;
use crate::client::TestClient;
use crate::concurrency::join_all;
use crate::fixture::{create_schedule, schedule, segments};
use crate::violation::{expect, require};
use crate::{Bench, ContractResult, PROCESSES, Property};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "time-order",
            "The times of the commits of one schedule do not fall in the order of their versions.",
            |bench| Box::pin(times_follow_versions(bench)),
        ),
        property(
            "time-stamps",
            "The store stamps the times of a run with the time of the commit that changes its \
             state.",
            |bench| Box::pin(run_times(bench)),
        ),
        property(
            "time-reads",
            "The time of a read is not before that of a commit which was answered before it.",
            |bench| Box::pin(reads_follow_commits(bench)),
        ),
    ]
}

/// Writes the state of the schedule `count` times; returns the version before and the time of each
/// write.
async fn write_states<P: Ports>(
    client: &TestClient<P>,
    run: &RunId,
    count: usize,
) -> ContractResult<Vec<(u64, Timestamp)>> {
    let schedule = schedule("nightly");
    let mut written = Vec::new();
    while written.len() < count {
        let read = client.schedule(&schedule).await?;
        let mut state = read.state.value.clone();
        state.cron_runs = vec![run.clone(); written.len()];
        let mut commit = client.commit(CommitStep::Requeue, 0);
        commit.schedule = Some(read.write(state));
        if let CommitAnswer::Applied(applied) = client.answer(commit).await? {
            written.push((read.state.version, applied.at));
        }
    }
    Ok(written)
}

async fn times_follow_versions<B: Bench>(bench: Rc<B>) -> ContractResult {
    let clients = TestClient::of_processes(&*bench, PROCESSES);
    bench.create_schedule(schedule("nightly")).await;
    let run = RunId::from("run");
    let writes = clients.iter().map(|client| write_states(client, &run, 3));
    let mut all = Vec::new();
    for written in join_all(writes).await {
        all.extend(written?);
    }
    all.sort_unstable();
    let because = "a later version was written later";
    for pair in all.windows(2) {
        let [(before, earlier), (version, at)] = pair else {
            continue;
        };
        let object = format!("the time of the commit over version {version}");
        let expected = format!("{earlier} or later, that of version {before}");
        require(at >= earlier, object, at, expected, because)?;
    }
    Ok(())
}

async fn run_times<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedule = create_schedule(&*bench, "nightly").await;
    let pause = bench.timing().tolerance;
    let run = client.create(&schedule, 1).await?;
    let created_at = client.run(&run).await?.run.value.created_at;
    client.sleep(pause).await;
    let planned_at = client.plan(&run, 2).await?.at;
    client.sleep(pause).await;
    let started_at = client.dispatch(&run, &segments(1)).await?.at;
    client.sleep(pause).await;
    let completed_at = client.end(&run, RunState::Cancelled).await?.at;
    let value = client.run(&run).await?.run.value;
    let found = [
        Some(value.created_at),
        value.planned_at,
        value.started_at,
        value.completed_at,
    ];
    let expected = [created_at, planned_at, started_at, completed_at].map(Some);
    let because = "they are the times of the commits";
    expect("the list of the run's times", &found, &expected, because)?;
    let grows = found.windows(2).all(|pair| pair[0] < pair[1]);
    let because = "time has passed between the commits";
    require(
        grows,
        "the list of the run's times",
        found,
        "a rising one",
        because,
    )
}

async fn reads_follow_commits<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (client, other) = (TestClient::new(&*bench, 0), TestClient::new(&*bench, 1));
    let schedule = create_schedule(&*bench, "nightly").await;
    for occurrence in 0..10 {
        let run = client.create(&schedule, occurrence).await?;
        let at = client.plan(&run, 1).await?.at;
        let now = other.store().backlog().await?.now;
        let object = "the time of a read";
        let because = "the commit was answered before the read was sent";
        require(now >= at, object, now, format!("{at} or later"), because)?;
        let next = client.store().run(&run).await?.now;
        require(
            next >= now,
            object,
            next,
            format!("{now} or later"),
            because,
        )?;
    }
    Ok(())
}
