//! A commit whose caller stops waiting is applied wholly or not at all.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rehearsal_worker::model::{Commit, CommitAnswer, RunState};
use rehearsal_worker::ports::{PortError, Ports, Store};

use super::property;
use crate::client::{TestClient, applied};
use crate::concurrency::{drop_after, drop_after_first_poll};
use crate::fixture::{create_schedule, event, image, schedule};
use crate::store::permits;
use crate::violation::{expect, require};
use crate::{Bench, ContractResult, Property};

/// Number of instants at which a call is interrupted.
const INSTANTS: u32 = 8;

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "interrupted-connection",
            "A commit whose connection breaks is applied wholly or not at all, and a repeat tells.",
            |bench| Box::pin(broken_connection(bench)),
        ),
        property(
            "interrupted-call",
            "A commit whose future is dropped is applied wholly or not at all, and a repeat tells.",
            |bench| Box::pin(dropped_call(bench)),
        ),
        property(
            "interrupted-first-poll",
            "Calls dropped after the first poll leave no lock and no broken connection.",
            |bench| Box::pin(dropped_at_first_poll(bench)),
        ),
    ]
}

/// Requires that an interrupted commit is applied wholly or not at all, once it can no longer take
/// effect.
async fn expect_whole<P: Ports>(
    client: &TestClient<P>,
    commit: &Commit,
    tolerance: Duration,
) -> ContractResult {
    client.sleep(tolerance * 2).await;
    let found = parts(client, commit).await?;
    let because = "the parts of a commit are applied together";
    let is_whole = found.iter().all(|is_applied| *is_applied == found[0]);
    require(
        is_whole,
        "the set of applied parts",
        found,
        "all or none",
        because,
    )
}

/// Repeats an interrupted commit, and requires that all of it is applied in the end, once.
async fn expect_repeat_tells<P: Ports>(
    client: &TestClient<P>,
    commit: &Arc<Commit>,
) -> ContractResult {
    let answer = client.store().commit(commit).await?;
    let first = applied("repeated plan", answer)?;
    let again = applied("repeated plan", client.store().commit(commit).await?)?;
    expect(
        "the second answer",
        &again,
        &first,
        "both belong to one token",
    )?;
    let after = parts(client, commit).await?;
    expect(
        "the set of applied parts",
        &after,
        &[true; 3],
        "the repeat was applied",
    )
}

/// Returns for each part of a commit whether it is applied: run, intent and event.
async fn parts<P: Ports>(client: &TestClient<P>, commit: &Commit) -> ContractResult<[bool; 3]> {
    let id = &commit.runs[0].run.id;
    let run = client.run(id).await?.run.value;
    let intents = client.store().intents(100).await?;
    let outbox = client.store().outbox(100).await?;
    Ok([
        run.state == RunState::Queued,
        intents.iter().any(|intent| intent.message.run == *id),
        outbox.iter().any(|event| event.attributes.run == *id),
    ])
}

/// Creates a run and returns the commit that plans it and writes an event.
async fn plan_with_event<B: Bench>(
    client: &TestClient<B::Ports>,
    occurrence: u32,
) -> ContractResult<Arc<Commit>> {
    let schedule = schedule("nightly");
    let run = client.create(&schedule, occurrence).await?;
    let mut commit = client.plan_commit(&run, 10).await?;
    commit.events.push(event(&schedule.tenant, &run, image(0)));
    Ok(Arc::new(commit))
}

async fn broken_connection<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (client, other) = (TestClient::new(&*bench, 0), TestClient::new(&*bench, 1));
    bench.create_schedule(schedule("nightly")).await;
    for instant in 0..INSTANTS {
        let commit = plan_with_event::<B>(&client, instant).await?;
        let delay = bench.timing().tolerance * instant / INSTANTS;
        let call = client.store().commit(&commit);
        let cut = async {
            other.sleep(delay).await;
            bench.disconnect(0).await;
        };
        let (answer, ()) = futures_lite::future::zip(call, cut).await;
        expect_whole(&other, &commit, bench.timing().tolerance).await?;
        match answer {
            Ok(CommitAnswer::Applied(_)) => {
                let because = "the commit was answered";
                let found = parts(&other, &commit).await?;
                expect("the set of applied parts", &found, &[true; 3], because)?;
            }
            Err(PortError::Unavailable) => {
                let because = "the call failed as Unavailable";
                let found = parts(&other, &commit).await?;
                expect("the set of applied parts", &found, &[false; 3], because)?;
            }
            Ok(_) | Err(PortError::Unknown) => {}
        }
        expect_repeat_tells(&client, &commit).await?;
    }
    Ok(())
}

async fn dropped_call<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    bench.create_schedule(schedule("nightly")).await;
    for instant in 0..INSTANTS {
        let commit = plan_with_event::<B>(&client, instant).await?;
        let delay = bench.timing().tolerance * instant / INSTANTS;
        drop_after(client.store().commit(&commit), client.sleep(delay)).await;
        // Every second repeat may arrive before the call that was dropped.
        if instant % 2 == 0 {
            expect_whole(&client, &commit, bench.timing().tolerance).await?;
        }
        expect_repeat_tells(&client, &commit).await?;
    }
    Ok(())
}

async fn dropped_at_first_poll<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedule = create_schedule(&*bench, "nightly").await;
    let commit = plan_with_event::<B>(&client, 0).await?;
    let store = client.store();
    for _ in 0..20 {
        drop_after_first_poll(store.commit(&commit)).await;
        drop_after_first_poll(store.backlog()).await;
        drop_after_first_poll(store.run(&commit.runs[0].run.id)).await;
        drop_after_first_poll(store.reserve_permits(&schedule.id, permits(1))).await;
    }
    for _ in 0..100 {
        client.schedule(&schedule).await?;
    }
    expect_repeat_tells(&client, &commit).await
}
