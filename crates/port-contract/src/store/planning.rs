//! Runs that wait for a planner.

use std::rc::Rc;

use rehearsal_worker::model::{CommitStep, RunId};
use rehearsal_worker::ports::{Ports, Store};

use super::property;
use crate::client::TestClient;
use crate::fixture::{create_schedule, schedule_of};
use crate::violation::{expect, require};
use crate::{Bench, ContractResult, Property};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "planning-oldest",
            "Of each tenant the oldest runs in Planning are listed, up to the number asked for.",
            |bench| Box::pin(oldest(bench)),
        ),
        property(
            "planning-not-before",
            "A run is not listed until its `not_before` has passed.",
            |bench| Box::pin(not_before(bench)),
        ),
        property(
            "planning-served",
            "A tenant that a later commit served has a higher rank; 0 means never.",
            |bench| Box::pin(served(bench)),
        ),
        property(
            "planning-begin",
            "A planner reads the run that is listed, in the version that its commit must name.",
            |bench| Box::pin(begin(bench)),
        ),
    ]
}

/// Returns the listed runs of a tenant.
async fn listed<P: Ports>(
    client: &TestClient<P>,
    per_tenant: usize,
    tenant: &str,
) -> ContractResult<Vec<RunId>> {
    let waiting = client.store().planning_runs(per_tenant).await?.value;
    let own = waiting
        .into_iter()
        .filter(|run| run.tenant.as_str() == tenant);
    Ok(own.map(|run| run.run).collect())
}

async fn oldest<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedules = [schedule_of("acme", "a"), schedule_of("globex", "b")];
    for schedule in &schedules {
        bench.create_schedule(schedule.clone()).await;
    }
    let mut runs = Vec::new();
    for occurrence in 0..5 {
        for schedule in &schedules {
            runs.push(client.create(schedule, 9 - occurrence).await?);
        }
        client.sleep(bench.timing().tolerance).await;
    }
    client.plan(&runs[0], 1).await?;
    for (tenant, expected) in [("acme", [2, 4]), ("globex", [1, 3])] {
        let mut found = listed(&client, 2, tenant).await?;
        found.sort();
        let mut expected = expected.map(|number: usize| runs[number].clone()).to_vec();
        expected.sort();
        let because = "they are the tenant's oldest two in Planning";
        expect(
            format!("the list of runs of {tenant}"),
            &found,
            &expected,
            because,
        )?;
    }
    let all = listed(&client, 100, "acme").await?.len();
    expect(
        "the number of runs of acme",
        &all,
        &4,
        "one of 5 runs is planned",
    )
}

async fn not_before<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedule = create_schedule(&*bench, "a").await;
    let run = client.create(&schedule, 1).await?;
    let document = client.run(&run).await?;
    let mut changed = document.run.value.clone();
    let (delay, tolerance) = (bench.timing().lease, bench.timing().tolerance);
    let mut commit = client.commit(CommitStep::PlanRetry, 0);
    let not_before = client.store().run(&run).await?.now.after(delay);
    changed.not_before = Some(not_before);
    commit.runs.push(document.write(changed));
    client.apply(commit).await?;
    loop {
        let read = client.store().planning_runs(10).await?;
        let is_listed = read.value.iter().any(|waiting| waiting.run == run);
        let object = format!("`listed` of the run at {}", read.now);
        let expected = read.now >= not_before;
        let because = format!("it may be planned from {not_before} on");
        expect(object, &is_listed, &expected, because)?;
        if is_listed {
            return Ok(());
        }
        client.approach(not_before, read.now, tolerance / 10).await;
    }
}

/// Returns the rank of a tenant that has runs to plan.
async fn rank<P: Ports>(client: &TestClient<P>, tenant: &str) -> ContractResult<Option<u64>> {
    let waiting = client.store().planning_runs(1).await?.value;
    let head = waiting.iter().find(|run| run.tenant.as_str() == tenant);
    Ok(head.map(|head| head.tenant_served))
}

async fn served<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedules = [schedule_of("acme", "a"), schedule_of("globex", "b")];
    for schedule in &schedules {
        bench.create_schedule(schedule.clone()).await;
        for occurrence in 0..3 {
            client.create(schedule, occurrence).await?;
        }
    }
    let mut ranks = Vec::new();
    for tenant in ["acme", "globex", "acme"] {
        ranks.push(rank(&client, tenant).await?);
        let run = listed(&client, 1, tenant).await?;
        client.plan(&run[0], 1).await?;
    }
    let because = "the tenant was never served";
    expect(
        "the rank of acme and globex",
        &ranks[..2],
        &[Some(0); 2][..],
        because,
    )?;
    let found = [rank(&client, "acme").await?, rank(&client, "globex").await?];
    let rises = found[0] > found[1] && found[1] > Some(0);
    let because = "acme was served after globex";
    require(
        rises,
        "the rank of acme and globex",
        found,
        "falling and above 0",
        because,
    )
}

async fn begin<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedule = create_schedule(&*bench, "a").await;
    let run = client.create(&schedule, 1).await?;
    let begun = client.store().begin_planning(&run).await?.value;
    let read = client.run(&run).await?;
    expect(
        "the run to plan",
        &begun,
        &Some(read),
        "both reads are of one version",
    )?;
    let absent = client.store().begin_planning(&"absent".into()).await?.value;
    expect("the run `absent`", &absent, &None, "it was never created")
}
