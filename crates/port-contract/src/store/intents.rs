//! Intents to enqueue planner messages.

use std::rc::Rc;

use rehearsal_worker::model::{CommitStep, RunId};
use rehearsal_worker::ports::{Ports, Store};

use super::property;
use crate::client::TestClient;
use crate::fixture::{create_schedule, segments};
use crate::violation::expect;
use crate::{Bench, ContractResult, Property};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
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

/// Requires that the intents of these runs are listed, each with its number of repairs.
async fn expect_listed<P: Ports>(
    client: &TestClient<P>,
    limit: usize,
    expected: &[(RunId, u32)],
    because: &str,
) -> ContractResult {
    let intents = client.store().intents(limit).await?.into_iter();
    let found: Vec<_> = intents
        .map(|intent| (intent.message.run, intent.requeued))
        .collect();
    let object = format!("the list of up to {limit} intents");
    expect(object, &found[..], expected, because)
}

/// Creates a schedule and plans runs, one after the other.
async fn planned<B: Bench>(
    bench: &B,
    client: &TestClient<B::Ports>,
    count: u32,
) -> ContractResult<Vec<RunId>> {
    let schedule = create_schedule(bench, "a").await;
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
    let expected: Vec<_> = runs.into_iter().map(|run| (run, 0)).collect();
    let because = "they were written in this order";
    expect_listed(&client, 10, &expected, because).await?;
    expect_listed(&client, 2, &expected[..2], because).await
}

async fn enqueued<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let runs = planned(&*bench, &client, 2).await?;
    let before = client.run(&runs[0]).await?;
    for _ in 0..2 {
        client.store().intents_enqueued(&runs[..1]).await?;
        let expected = [(runs[1].clone(), 0)];
        expect_listed(&client, 10, &expected, "the first one is enqueued").await?;
    }
    client.store().intents_enqueued(&["absent".into()]).await?;
    let after = client.run(&runs[0]).await?;
    let because = "a mark of an intent is no change of the run";
    expect("the run", &after, &before, because)
}

async fn requeued<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let runs = planned(&*bench, &client, 2).await?;
    for round in 1..=2 {
        client.store().intents_enqueued(&runs).await?;
        let mut commit = client.commit(CommitStep::Requeue, 0);
        commit.intents_requeued = vec![runs[0].clone()];
        let at = client.apply(commit).await?.at;
        let expected = [(runs[0].clone(), round)];
        let because = "repair had it enqueued again";
        expect_listed(&client, 10, &expected, because).await?;
        let since = client.store().intents(10).await?[0].since;
        expect("`since` of the intent", &since, &at, because)?;
    }
    client.dispatch(&runs[0], &segments(1)).await?;
    expect_listed(&client, 10, &[], "the run was cut into segments").await
}
