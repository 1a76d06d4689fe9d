//! A repeat by token answers the first answer.

use std::rc::Rc;
use std::sync::Arc;

use rehearsal_worker::model::{CommitAnswer, RunState};
use rehearsal_worker::ports::Store;

use super::property;
use crate::client::{TestClient, applied, segment_key};
use crate::concurrency::join_all;
use crate::fixture::create_schedule;
use crate::violation::{expect, require};
use crate::{Bench, ContractResult, PROCESSES, Property};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "repeat-answer",
            "A repeat by token answers the first answer, also after later commits and a restart.",
            |bench| Box::pin(repeated(bench)),
        ),
        property(
            "repeat-purged",
            "A repeat by token answers the first answer after the run was purged.",
            |bench| Box::pin(repeated_after_purge(bench)),
        ),
        property(
            "repeat-declined",
            "A commit that was not applied is judged anew when it is repeated.",
            |bench| Box::pin(judged_anew(bench)),
        ),
        property(
            "repeat-concurrent",
            "Of calls at once with one token, one is applied and all get its answer.",
            |bench| Box::pin(at_once(bench)),
        ),
    ]
}

async fn repeated<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (client, other) = (TestClient::new(&*bench, 0), TestClient::new(&*bench, 1));
    let schedule = create_schedule(&*bench, "nightly").await;
    let commit = Arc::new(client.creation(&schedule, 1));
    let first = client.store().commit(&commit).await?;
    let run = commit.runs[0].run.id.clone();
    other.plan(&run, 6).await?;
    let moved = other.run(&run).await?;
    client.sleep(bench.timing().lease).await;
    for (process, sender) in [("the same process", &client), ("another process", &other)] {
        let again = sender.store().commit(&commit).await?;
        let object = format!("the answer to a repeat by {process}");
        expect(object, &again, &first, "the commit was applied before")?;
    }
    bench.restart().await;
    let restarted = TestClient::new(&*bench, 0);
    let again = restarted.store().commit(&commit).await?;
    expect(
        "the answer to a repeat after a restart",
        &again,
        &first,
        "the commit was applied before",
    )?;
    let present = restarted.run(&run).await?;
    expect("the run", &present, &moved, "a repeat is not applied again")
}

async fn repeated_after_purge<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedule = create_schedule(&*bench, "nightly").await;
    let commit = Arc::new(client.creation(&schedule, 1));
    let first = client.store().commit(&commit).await?;
    let run = commit.runs[0].run.id.clone();
    client.end(&run, RunState::Cancelled).await?;
    client.sleep(bench.timing().tolerance * 2).await;
    bench.purge(bench.timing().tolerance).await;
    let again = client.store().commit(&commit).await?;
    expect(
        "the answer to a repeat",
        &again,
        &first,
        "the commit was applied before the purge",
    )?;
    let present = client.store().run(&run).await?.value;
    expect(
        "the purged run",
        &present,
        &None,
        "a repeat is not applied again",
    )
}

async fn judged_anew<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedule = create_schedule(&*bench, "nightly").await;
    let run = client.running(&schedule, 1, 1).await?;
    let key = segment_key(&run, 0);
    let mut commit = client.segment_commit(&key, 1, Vec::new()).await?;
    let present = commit.runs[0].expected;
    commit.runs[0].expected = present.map(|version| version + 1);
    let answer = client.answer(commit.clone()).await?;
    expect(
        "the first answer",
        &answer,
        &CommitAnswer::Conflict,
        "the run has another version",
    )?;
    commit.runs[0].expected = present;
    let again = client.answer(commit).await?;
    applied("repeated segment", again).map(drop)
}

async fn at_once<B: Bench>(bench: Rc<B>) -> ContractResult {
    let clients = TestClient::of_processes(&*bench, PROCESSES);
    let schedule = create_schedule(&*bench, "nightly").await;
    let run = clients[0].create(&schedule, 1).await?;
    let commit = Arc::new(clients[0].plan_commit(&run, 10).await?);
    let before = clients[0].run(&run).await?.run.version;
    let calls = clients.iter().map(|client| client.store().commit(&commit));
    let mut answers = Vec::new();
    for answer in join_all(calls).await {
        answers.push(applied("plan", answer?)?);
    }
    require(
        answers.iter().all(|answer| *answer == answers[0]),
        "the set of answers",
        &answers,
        "equal answers",
        "they belong to one token",
    )?;
    let after = clients[0].run(&run).await?;
    let backlog = after.run.value.stats.queued;
    expect(
        "the number of planned images",
        &backlog,
        &10,
        "one commit set it",
    )?;
    let because = "one commit has changed the run once";
    let grows_once = after.run.version > before;
    require(
        grows_once,
        "the run's version",
        after.run.version,
        "a later one",
        because,
    )?;
    let intents = clients[0].store().intents(10).await?.len();
    expect(
        "the number of intents",
        &intents,
        &1,
        "the commit writes one",
    )
}
