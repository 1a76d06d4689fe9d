//! A commit over a document that has changed answers `Conflict` and changes nothing.

use std::rc::Rc;

use rehearsal_worker::model::{
    Commit, CommitAnswer, CommitStep, ImageDigest, Mode, RunId, Schedule,
};
use rehearsal_worker::ports::{Ports, Store};

use super::property;
use crate::client::{TestClient, segment_key};
use crate::fixture::{create_schedule, event, export, findings, image, report};
use crate::violation::expect;
use crate::{Bench, ContractResult, Property};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "conflict-run",
            "A commit with a stale version of a run answers Conflict and changes nothing.",
            |bench| Box::pin(stale_run(bench)),
        ),
        property(
            "conflict-schedule",
            "A commit with a stale version of a schedule answers Conflict and changes nothing.",
            |bench| Box::pin(stale_schedule(bench)),
        ),
        property(
            "conflict-edit",
            "The deletion of a schedule makes commits over its earlier version conflict.",
            |bench| Box::pin(deleted_schedule(bench)),
        ),
        property(
            "conflict-creation",
            "A commit that creates a run which exists answers Conflict and changes nothing.",
            |bench| Box::pin(existing_run(bench)),
        ),
        property(
            "conflict-baseline",
            "A commit over a baseline that has moved answers Conflict and changes nothing.",
            |bench| Box::pin(moved_baseline(bench)),
        ),
        property(
            "conflict-exports",
            "A commit over an export cursor that has moved answers Conflict and changes nothing.",
            |bench| Box::pin(moved_cursor(bench)),
        ),
        property(
            "conflict-adoption",
            "A commit that adopts a count of an older version answers Conflict and changes \
             nothing.",
            |bench| Box::pin(moved_count(bench)),
        ),
    ]
}

/// Returns all that a commit can change, as text.
pub(super) async fn state_text<P: Ports>(
    client: &TestClient<P>,
    schedule: &Schedule,
    run: &RunId,
    images: &[ImageDigest],
) -> ContractResult<String> {
    let store = client.store();
    let document = store.run(run).await?.value;
    let segment = store.segment(&segment_key(run, 0)).await?.value.segment;
    let state = store.schedule(&schedule.id).await?.value;
    let baselines = store.baselines(&schedule.tenant, images).await?;
    let outbox = store.outbox(100).await?;
    let intents = store.intents(100).await?;
    let backlog = store.backlog().await?.value;
    let exports = store.exports(100).await?.value;
    Ok(format!(
        "{document:?} {segment:?} {state:?} {baselines:?} {outbox:?} {intents:?} {backlog:?} \
         {exports:?}"
    ))
}

/// Requires that a commit conflicts, and that the state stays as it is.
async fn expect_conflict<P: Ports>(
    client: &TestClient<P>,
    schedule: &Schedule,
    run: &RunId,
    mut commit: Commit,
) -> ContractResult {
    let images = [image(0), image(1)];
    commit.events.push(event(&schedule.tenant, run, image(77)));
    let before = state_text(client, schedule, run, &images).await?;
    let answer = client.answer(commit).await?;
    expect(
        "the answer to the commit",
        &answer,
        &CommitAnswer::Conflict,
        "a document that it read has changed",
    )?;
    let after = state_text(client, schedule, run, &images).await?;
    expect(
        "the state of the store",
        &after,
        &before,
        "a commit that is not applied changes nothing",
    )
}

async fn stale_run<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (client, other) = (TestClient::new(&*bench, 0), TestClient::new(&*bench, 1));
    let schedule = create_schedule(&*bench, "nightly").await;
    let run = client.create(&schedule, 1).await?;
    let commit = client.plan_commit(&run, 10).await?;
    let mut change = other.commit(CommitStep::PlanRetry, 0);
    let document = other.run(&run).await?;
    let mut changed = document.run.value.clone();
    changed.planning_attempts += 1;
    change.runs.push(document.write(changed));
    other.apply(change).await?;
    expect_conflict(&client, &schedule, &run, commit).await
}

async fn stale_schedule<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (client, other) = (TestClient::new(&*bench, 0), TestClient::new(&*bench, 1));
    let schedule = create_schedule(&*bench, "nightly").await;
    let run = client.create(&schedule, 1).await?;
    let mut commit = client.plan_commit(&run, 10).await?;
    let read = client.schedule(&schedule).await?;
    let mut state = read.state.value.clone();
    state.cron_runs.push(run.clone());
    commit.schedule = Some(read.write(state.clone()));
    let mut change = other.commit(CommitStep::Requeue, 0);
    change.schedule = Some(read.write(state));
    other.apply(change).await?;
    expect_conflict(&client, &schedule, &run, commit).await
}

async fn deleted_schedule<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedule = create_schedule(&*bench, "nightly").await;
    let run = client.create(&schedule, 1).await?;
    let read = client.schedule(&schedule).await?;
    let mut commit = client.plan_commit(&run, 10).await?;
    commit.schedule = Some(read.write(read.state.value.clone()));
    bench.delete_schedule(&schedule.id).await;
    let deleted = client.schedule(&schedule).await?.deleted;
    expect(
        "`deleted` of the schedule",
        &deleted,
        &true,
        "it was deleted",
    )?;
    expect_conflict(&client, &schedule, &run, commit).await
}

async fn existing_run<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (client, other) = (TestClient::new(&*bench, 0), TestClient::new(&*bench, 1));
    let schedule = create_schedule(&*bench, "nightly").await;
    let run = client.create(&schedule, 1).await?;
    expect_conflict(&other, &schedule, &run, other.creation(&schedule, 1)).await
}

async fn moved_baseline<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (client, other) = (TestClient::new(&*bench, 0), TestClient::new(&*bench, 1));
    let schedule = create_schedule(&*bench, "nightly").await;
    let run = client.running(&schedule, 1, 1).await?;
    let overlapping = other.running(&schedule, 2, 1).await?;
    let reports = |revision| vec![report(image(0), None, revision, findings(2))];
    let (key, overlapping) = (segment_key(&run, 0), segment_key(&overlapping, 0));
    let commit = client.segment_commit(&key, 1, reports(5)).await?;
    let change = other.segment_commit(&overlapping, 1, reports(4)).await?;
    other.apply(change).await?;
    expect_conflict(&client, &schedule, &run, commit).await
}

async fn moved_cursor<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (client, other) = (TestClient::new(&*bench, 0), TestClient::new(&*bench, 1));
    let schedule = create_schedule(&*bench, "nightly").await;
    for id in ["a", "b"] {
        bench.publish_export(export(id)).await;
    }
    let run = client.create(&schedule, 1).await?;
    let (cursor, _) = client.store().exports(10).await?.value;
    let step = |client: &TestClient<_>| {
        let mut commit = client.commit(CommitStep::Export, 0);
        commit.exports = Some((cursor, cursor + 1));
        commit
    };
    other.apply(step(&other)).await?;
    expect_conflict(&client, &schedule, &run, step(&client)).await
}

async fn moved_count<B: Bench>(bench: Rc<B>) -> ContractResult {
    let [dead, client, other] = [0, 1, 2].map(|process| TestClient::new(&*bench, process));
    let schedule = create_schedule(&*bench, "nightly").await;
    let run = client.create(&schedule, 1).await?;
    let lease = bench.timing().lease;
    dead.count_runs(Mode::AnalysisOnly, 1).await?;
    dead.beat(lease, true).await?;
    let because = "its incarnation announced its stop";
    let orphaned = client.orphaned_count_of(&dead, lease, because).await?;
    let taken = other.apply(other.adoption(&orphaned)).await?;
    let because = "one run was entered";
    expect("the adopted count", &taken.adopted, &[1, 0], because)?;
    expect_conflict(&client, &schedule, &run, client.adoption(&orphaned)).await
}
