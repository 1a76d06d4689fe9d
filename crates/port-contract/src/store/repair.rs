//! Work for repair.

use std::rc::Rc;
use std::time::Duration;

use rehearsal_worker::model::{CommitStep, RunState, SegmentKey, Timestamp};
use rehearsal_worker::ports::{Ports, Store};

use super::property;
use crate::client::{TestClient, segment_key};
use crate::fixture::{create_schedule, schedule};
use crate::violation::expect;
use crate::{Bench, ContractResult, Property};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "repair-segments",
            "A released segment is stale once it was released and worked before the limit.",
            |bench| Box::pin(segments(bench)),
        ),
        property(
            "repair-requeued",
            "A segment that repair enqueued again is not stale, and has a higher number.",
            |bench| Box::pin(requeued(bench)),
        ),
        property(
            "repair-intents",
            "An intent is stale once it was written before the limit, enqueued or not.",
            |bench| Box::pin(intents(bench)),
        ),
        property(
            "repair-overdue",
            "A planning or open run is overdue once it was created before the limit.",
            |bench| Box::pin(overdue(bench)),
        ),
        property(
            "repair-orphaned",
            "Unfinished runs of a deleted schedule are orphaned.",
            |bench| Box::pin(orphaned(bench)),
        ),
    ]
}

/// Limit that nothing passes.
const NEVER: Duration = Duration::from_hours(1_000);

/// Requires that these segments are stale, and no others.
async fn expect_stale<P: Ports>(
    client: &TestClient<P>,
    limit: Duration,
    expected: &[SegmentKey],
    because: &str,
) -> ContractResult {
    let work = client.store().stale_work(limit, NEVER).await?.value;
    let keys: Vec<_> = work.segments.into_iter().map(|stale| stale.key).collect();
    expect("the list of stale segments", &keys[..], expected, because)
}

/// Reads the stale segments until `since` is older than the limit, and requires that the segment is
/// listed exactly then.
async fn expect_stale_after<P: Ports>(
    client: &TestClient<P>,
    key: &SegmentKey,
    since: Timestamp,
    limit: Duration,
) -> ContractResult {
    loop {
        let read = client.store().stale_work(limit, NEVER).await?;
        let mut segments = read.value.segments.iter();
        let is_listed = segments.any(|segment| segment.key == *key);
        let is_stale = since < read.now.before(limit);
        let object = format!("`stale` of the segment at {}", read.now);
        let because = format!("it was released or worked at {since}");
        expect(object, &is_listed, &is_stale, because)?;
        if is_listed {
            return Ok(());
        }
        client
            .approach(since.after(limit), read.now, limit / 1_000)
            .await;
    }
}

async fn segments<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedule = create_schedule(&*bench, "a").await;
    let run = client.running(&schedule, 1, 2).await?;
    let (key, limit) = (segment_key(&run, 0), bench.timing().lease);
    let released_at = client.segment(&key).await?.released_at;
    let released_at = released_at.unwrap_or_default();
    expect_stale_after(&client, &key, released_at, limit).await?;
    let worked_at = client.store().begin_segment(&key, 1).await?.now;
    expect_stale_after(&client, &key, worked_at, limit).await?;
    let commit = client.segment_commit(&key, 1, Vec::new()).await?;
    client.apply(commit).await?;
    let other = [segment_key(&run, 1)];
    expect_stale(&client, limit, &other, "segment 0 is committed").await?;
    client.end(&run, RunState::Cancelled).await?;
    expect_stale(&client, limit, &[], "the run has ended").await
}

async fn requeued<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedule = create_schedule(&*bench, "a").await;
    let run = client.running(&schedule, 1, 1).await?;
    let (key, limit) = (segment_key(&run, 0), bench.timing().lease);
    for round in 1..=2 {
        client.sleep(limit + bench.timing().tolerance).await;
        let mut commit = client.commit(CommitStep::Requeue, 0);
        commit.release = vec![key.clone()];
        let at = client.apply(commit).await?.at;
        let segment = client.segment(&key).await?;
        let found = (segment.requeued, segment.released_at);
        let object = "the segment's number of repairs and time of release";
        let because = "repair enqueued it again";
        expect(object, &found, &(round, Some(at)), because)?;
        expect_stale(&client, limit, &[], "it was just released").await?;
    }
    Ok(())
}

async fn intents<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedule = create_schedule(&*bench, "a").await;
    let run = client.create(&schedule, 1).await?;
    let (since, limit) = (client.plan(&run, 1).await?.at, bench.timing().lease);
    client
        .store()
        .intents_enqueued(std::slice::from_ref(&run))
        .await?;
    loop {
        let read = client.store().stale_work(limit, NEVER).await?;
        let intents = read.value.intents.into_iter();
        let found: Vec<_> = intents.map(|intent| intent.message.run).collect();
        let is_stale = since < read.now.before(limit);
        let expected = Vec::from_iter(is_stale.then(|| run.clone()));
        let object = format!("the list of stale intents at {}", read.now);
        let because = format!("the intent was written at {since}");
        expect(object, &found, &expected, because)?;
        if is_stale {
            return Ok(());
        }
        client
            .approach(since.after(limit), read.now, limit / 1_000)
            .await;
    }
}

async fn overdue<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedule = create_schedule(&*bench, "a").await;
    let ended = client.create(&schedule, 0).await?;
    client.end(&ended, RunState::Cancelled).await?;
    let planning = client.create(&schedule, 1).await?;
    client.sleep(bench.timing().tolerance).await;
    let open = client.running(&schedule, 2, 1).await?;
    let mut created = Vec::new();
    for run in [&planning, &open] {
        created.push((client.run(run).await?.run.value.created_at, run));
    }
    let limit = bench.timing().lease;
    loop {
        let read = client.store().stale_work(NEVER, limit).await?;
        let old = created
            .iter()
            .filter(|(at, _)| *at < read.now.before(limit));
        let expected: Vec<_> = old.map(|(_, run)| (*run).clone()).collect();
        let object = format!("the list of overdue runs at {}", read.now);
        let because = "they were created before the limit and have not ended";
        expect(object, &read.value.overdue, &expected, because)?;
        if expected.len() == 2 {
            return Ok(());
        }
        let next = created.get(expected.len()).map_or(read.now, |(at, _)| *at);
        client
            .approach(next.after(limit), read.now, limit / 1_000)
            .await;
    }
}

async fn orphaned<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let (deleted, kept) = (schedule("a"), schedule("b"));
    for schedule in [&deleted, &kept] {
        bench.create_schedule(schedule.clone()).await;
    }
    let mut runs = Vec::new();
    for occurrence in 0..3 {
        runs.push(client.create(&deleted, occurrence).await?);
        client.create(&kept, occurrence).await?;
    }
    client.end(&runs[1], RunState::Cancelled).await?;
    let work = client.store().stale_work(NEVER, NEVER).await?.value;
    expect(
        "the list of orphaned runs",
        &work.orphaned,
        &Vec::new(),
        "no schedule is deleted",
    )?;
    bench.delete_schedule(&deleted.id).await;
    let work = client.store().stale_work(NEVER, NEVER).await?.value;
    let mut found = work.orphaned;
    found.sort();
    let expected = vec![runs[0].clone(), runs[2].clone()];
    let because = "their schedule is deleted and they have not ended";
    expect("the list of orphaned runs", &found, &expected, because)
}
