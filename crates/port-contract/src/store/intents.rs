//! Intents to enqueue planner messages.

use std::rc::Rc;

use rehearsal_worker::model::{CommitStep, RunId};
use rehearsal_worker::ports::{Ports, Store};

use crate::client::TestClient;
use crate::fixture::{schedule, segments};
use crate::violation::expect;
use crate::{Bench, ContractResult, Property, PropertyFamily};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    let property =
        |name, statement, check| Property::new(PropertyFamily::Store, name, statement, check);
    vec![
        property(
            "intent-oldest",
            "Intents that are not enqueued are listed oldest first, one for each run.",
            |bench| Box::pin(oldest_first(bench)),
        ),
        property(
            "intent-enqueued",
            "An intent that a relay has enqueued is not listed; a second mark changes nothing.",
            |bench| Box::pin(enqueued(bench)),
        ),
        property(
            "intent-requeued",
            "Repair lists an intent again, with a higher number; dispatch removes it.",
            |bench| Box::pin(requeued(bench)),
        ),
    ]
}

/// Returns the runs of the listed intents, each with its number of repairs.
async fn listed<P: Ports>(
    client: &TestClient<P>,
    limit: usize,
) -> ContractResult<Vec<(RunId, u32)>> {
    let intents = client.store().intents(limit).await?.into_iter();
    Ok(intents
        .map(|intent| (intent.message.run, intent.requeued))
        .collect())
}

/// Creates a schedule and plans runs, one after the other.
async fn planned<B: Bench>(
    bench: &B,
    client: &TestClient<B::Ports>,
    count: u32,
) -> ContractResult<Vec<RunId>> {
    let schedule = schedule("a");
    bench.create_schedule(schedule.clone()).await;
    let mut runs = Vec::new();
    for occurrence in 0..count {
        let run = client.create(&schedule, count - occurrence).await?;
        client.plan(&run, 2).await?;
        client.sleep(bench.timing().tolerance).await;
        runs.push(run);
    }
    Ok(runs)
}

async fn oldest_first<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let runs = planned(&*bench, &client, 3).await?;
    let expected: Vec<_> = runs.iter().map(|run| (run.clone(), 0)).collect();
    let because = "they were written in this order";
    expect(
        "the list of intents",
        &listed(&client, 10).await?,
        &expected,
        because,
    )?;
    let first = listed(&client, 2).await?;
    expect(
        "the list of 2 intents",
        &first,
        &expected[..2].to_vec(),
        because,
    )
}

async fn enqueued<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let runs = planned(&*bench, &client, 2).await?;
    let before = client.run(&runs[0]).await?;
    for _ in 0..2 {
        client.store().intents_enqueued(&runs[..1]).await?;
        let expected = vec![(runs[1].clone(), 0)];
        let because = "the first one is enqueued";
        expect(
            "the list of intents",
            &listed(&client, 10).await?,
            &expected,
            because,
        )?;
    }
    client.store().intents_enqueued(&["absent".into()]).await?;
    let after = client.run(&runs[0]).await?;
    expect(
        "the run",
        &after,
        &before,
        "a mark of an intent is no change of the run",
    )
}

async fn requeued<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let runs = planned(&*bench, &client, 2).await?;
    for round in 1..=2 {
        client.store().intents_enqueued(&runs).await?;
        let mut commit = client.commit(CommitStep::Requeue, 0);
        commit.intents_requeued = vec![runs[0].clone()];
        let at = client.apply(commit).await?.at;
        let expected = vec![(runs[0].clone(), round)];
        let because = "repair had it enqueued again";
        expect(
            "the list of intents",
            &listed(&client, 10).await?,
            &expected,
            because,
        )?;
        let since = client.store().intents(10).await?[0].since;
        expect("`since` of the intent", &since, &at, because)?;
    }
    client.dispatch(&runs[0], &segments(1)).await?;
    let because = "the run was cut into segments";
    expect(
        "the list of intents",
        &listed(&client, 10).await?,
        &Vec::new(),
        because,
    )
}
