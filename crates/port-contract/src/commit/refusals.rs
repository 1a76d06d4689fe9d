//! A commit that can never be applied is refused, for the first of several reasons.

use std::rc::Rc;

use rehearsal_worker::model::commit::RunWrite;
use rehearsal_worker::model::{
    Commit, CommitAnswer, CommitRefusal, CommitStep, Run, RunState, SegmentKey, Trigger,
};
use rehearsal_worker::ports::{Ports, Store};

use super::property;
use crate::client::{TestClient, segment_key};
use crate::fixture::{create_schedule, schedule};
use crate::violation::expect;
use crate::{Bench, ContractResult, Property};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "refusal-superseded",
            "A segment's commit of an older delivery than its fence is refused as Superseded.",
            |bench| Box::pin(superseded(bench)),
        ),
        property(
            "refusal-committed",
            "A second commit of a segment answers AppliedByAnother, even if the run has ended.",
            |bench| Box::pin(committed(bench)),
        ),
        property(
            "refusal-terminal",
            "A segment's commit of a terminal run is refused as RunTerminal, before Superseded.",
            |bench| Box::pin(terminal(bench)),
        ),
        property(
            "refusal-missing",
            "A commit that changes a run which does not exist is refused as RunMissing.",
            |bench| Box::pin(missing(bench)),
        ),
        property(
            "refusal-before-conflict",
            "A refusal comes before a conflict of versions.",
            |bench| Box::pin(refused_before_conflict(bench)),
        ),
    ]
}

fn refused(refusal: CommitRefusal) -> CommitAnswer {
    CommitAnswer::Refused(refusal)
}

async fn expect_answer<P: Ports>(
    client: &TestClient<P>,
    commit: Commit,
    expected: CommitAnswer,
    because: &str,
) -> ContractResult {
    let answer = client.answer(commit).await?;
    expect("the answer to the commit", &answer, &expected, because)
}

/// Starts a run of two segments in a fresh schedule, and returns its first segment.
async fn first_segment<B: Bench>(
    bench: &B,
    client: &TestClient<B::Ports>,
) -> ContractResult<SegmentKey> {
    let schedule = create_schedule(bench, "nightly").await;
    let run = client.running(&schedule, 1, 2).await?;
    Ok(segment_key(&run, 0))
}

async fn superseded<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let key = first_segment(&*bench, &client).await?;
    client.store().begin_segment(&key, 5).await?;
    let commit = client.segment_commit(&key, 4, Vec::new()).await?;
    let because = "delivery 5 has begun and delivery 4 commits";
    expect_answer(&client, commit, refused(CommitRefusal::Superseded), because).await?;
    let commit = client.segment_commit(&key, 5, Vec::new()).await?;
    client.apply(commit).await.map(drop)
}

async fn committed<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (client, other) = (TestClient::new(&*bench, 0), TestClient::new(&*bench, 1));
    let key = first_segment(&*bench, &client).await?;
    let commit = client.segment_commit(&key, 1, Vec::new()).await?;
    client.apply(commit).await?;
    let again = other.segment_commit(&key, 2, Vec::new()).await?;
    let because = "another commit has completed the segment";
    expect_answer(&other, again, CommitAnswer::AppliedByAnother, because).await?;
    other.end(&key.run, RunState::Cancelled).await?;
    let late = other.segment_commit(&key, 0, Vec::new()).await?;
    expect_answer(&other, late, CommitAnswer::AppliedByAnother, because).await
}

async fn terminal<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let key = first_segment(&*bench, &client).await?;
    client.store().begin_segment(&key, 5).await?;
    client.end(&key.run, RunState::Cancelled).await?;
    let commit = client.segment_commit(&key, 4, Vec::new()).await?;
    let because = "the run has ended, which counts before the fence";
    expect_answer(
        &client,
        commit,
        refused(CommitRefusal::RunTerminal),
        because,
    )
    .await
}

async fn missing<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let key = first_segment(&*bench, &client).await?;
    let absent = Run::new(&schedule("nightly"), Trigger::Manual, "absent");
    let mut commit = client.commit(CommitStep::PlanRetry, 0);
    commit.runs.push(RunWrite {
        run: absent.clone(),
        expected: Some(1),
    });
    let because = "the run was never created";
    expect_answer(&client, commit, refused(CommitRefusal::RunMissing), because).await?;
    let mut commit = client.segment_commit(&key, 1, Vec::new()).await?;
    if let CommitStep::Segment(step) = &mut commit.step {
        step.key.run = absent.id;
    }
    expect_answer(&client, commit, refused(CommitRefusal::RunMissing), because).await
}

async fn refused_before_conflict<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (client, other) = (TestClient::new(&*bench, 0), TestClient::new(&*bench, 1));
    let key = first_segment(&*bench, &client).await?;
    let stale = client.segment_commit(&key, 1, Vec::new()).await?;
    let next = segment_key(&key.run, 1);
    let moved = other.segment_commit(&next, 1, Vec::new()).await?;
    other.apply(moved).await?;
    other.store().begin_segment(&key, 2).await?;
    let because = "the fence counts before the version of the run";
    expect_answer(&client, stale, refused(CommitRefusal::Superseded), because).await
}
