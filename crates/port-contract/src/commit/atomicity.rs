//! An applied commit takes effect as a whole, and concurrent ones one after the other.

use std::rc::Rc;

use rehearsal_worker::model::commit::BacklogRow;
use rehearsal_worker::model::{CommitAnswer, CommitStep, Mode, RunId, RunState, Schedule};
use rehearsal_worker::ports::{Ports, Store};

use super::property;
use crate::client::{TestClient, applied, segment_key};
use crate::concurrency::join_all;
use crate::fixture::{create_schedule, event, findings, image, planner_message, report};
use crate::violation::{expect, require};
use crate::{Bench, ContractResult, ContractViolation, PROCESSES, Property};

/// Number of commits of each client.
const ROUNDS: u64 = 4;

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "commit-whole",
            "All parts of an applied commit are visible to every client afterwards.",
            |bench| Box::pin(whole(bench)),
        ),
        property(
            "commit-compare-and-set",
            "Of concurrent commits over one version one is applied, so that no addition is lost.",
            |bench| Box::pin(additions(bench)),
        ),
        property(
            "commit-backlog",
            "The backlog in an answer is that right after the commit, under concurrent commits.",
            |bench| Box::pin(backlog(bench)),
        ),
        property(
            "commit-backlog-deleted",
            "An answer has no backlog if the schedule is deleted.",
            |bench| Box::pin(backlog_of_deleted(bench)),
        ),
    ]
}

async fn whole<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (client, other) = (TestClient::new(&*bench, 0), TestClient::new(&*bench, 1));
    let schedule = create_schedule(&*bench, "nightly").await;
    let run = client.running(&schedule, 1, 2).await?;
    let key = segment_key(&run, 0);
    let reports = vec![report(image(0), None, 3, findings(5))];
    let mut commit = client.segment_commit(&key, 1, reports).await?;
    let written = event(&schedule.tenant, &run, image(0));
    commit.events.push(written.clone());
    let read = client.schedule(&schedule).await?;
    let mut state = read.state.value.clone();
    state.cron_runs.push(run.clone());
    commit.schedule = Some(read.write(state.clone()));
    commit.intent = Some(planner_message(&run, &schedule));
    let (token, expected) = (commit.token.clone(), commit.runs[0].run.stats);
    let at = client.apply(commit).await?.at;
    let because = "the commit wrote it";
    let stats = other.run(&run).await?.run.value.stats;
    expect("the statistics of the run", &stats, &expected, because)?;
    let found = other.schedule(&schedule).await?.state.value;
    expect("the state of the schedule", &found, &state, because)?;
    let segment = other.segment(&key).await?;
    expect(
        "`committed_by` of the segment",
        &segment.committed_by,
        &Some(token),
        because,
    )?;
    let baselines = other
        .store()
        .baselines(&schedule.tenant, &[image(0)])
        .await?;
    let known = baselines[0]
        .as_ref()
        .map(|known| (known.revision, known.committed_at));
    expect("the baseline", &known, &Some((3, at)), because)?;
    expect(
        "the outbox",
        &other.store().outbox(10).await?,
        &vec![written],
        because,
    )?;
    let intents = other.store().intents(10).await?;
    let runs: Vec<_> = intents
        .into_iter()
        .map(|intent| intent.message.run)
        .collect();
    expect("the list of intents", &runs, &vec![run], because)
}

/// Adds one image to a run by compare-and-set, and returns the number of conflicts.
async fn add<P: Ports>(client: &TestClient<P>, run: &RunId) -> ContractResult<u64> {
    for conflicts in 0..10_000 {
        let document = client.run(run).await?;
        let mut changed = document.run.value.clone();
        changed.stats.candidates += 1;
        let mut commit = client.commit(CommitStep::PlanRetry, 0);
        commit.runs.push(document.write(changed));
        let answer = client.answer(commit).await?;
        if answer != CommitAnswer::Conflict {
            applied("plan-retry", answer)?;
            return Ok(conflicts);
        }
    }
    let because = "of the commits over one version one is applied";
    let object = "the number of conflicts of one addition";
    Err(ContractViolation::new(object, "10000", "fewer", because))
}

async fn additions<B: Bench>(bench: Rc<B>) -> ContractResult {
    let clients = TestClient::of_processes(&*bench, PROCESSES);
    let schedule = create_schedule(&*bench, "nightly").await;
    let run = clients[0].create(&schedule, 1).await?;
    let before = clients[0].run(&run).await?.run.version;
    let additions = clients.iter().map(async |client| -> ContractResult {
        for _ in 0..ROUNDS {
            add(client, &run).await?;
        }
        Ok(())
    });
    for added in join_all(additions).await {
        added?;
    }
    let document = clients[0].run(&run).await?;
    let sum = PROCESSES as u64 * ROUNDS;
    let because = "each client's additions were applied once";
    let found = document.run.value.stats.candidates;
    expect("the sum in the run", &found, &sum, because)?;
    let version = document.run.version;
    let grew = version >= before + sum;
    let expected = format!("at least {}", before + sum);
    require(
        grew,
        "the run's version",
        version,
        expected,
        "it grows with each write",
    )
}

/// Plans and ends a run of `images` images. Returns the backlogs that the two commits found,
/// according to their answers, and those that they left.
async fn come_and_go<P: Ports>(
    client: &TestClient<P>,
    schedule: &Schedule,
    images: u64,
) -> ContractResult<[(u64, u64); 2]> {
    let images_of = |row: Option<BacklogRow>| row.map_or(0, |row| row.images);
    let run = client.create(schedule, images).await?;
    let planned = images_of(client.plan(&run, images).await?.backlog);
    let ended = images_of(client.end(&run, RunState::Cancelled).await?.backlog);
    Ok([
        (planned.saturating_sub(images), planned),
        (ended + images, ended),
    ])
}

async fn backlog<B: Bench>(bench: Rc<B>) -> ContractResult {
    let clients = TestClient::of_processes(&*bench, 8);
    let schedule = create_schedule(&*bench, "nightly").await;
    let work = (0..)
        .zip(&clients)
        .map(|(n, client)| come_and_go(client, &schedule, 1 << n));
    let (mut found, mut left) = (Vec::new(), Vec::new());
    for steps in join_all(work).await {
        let steps = steps?;
        found.extend(steps.map(|(before, _)| before));
        left.extend(steps.map(|(_, after)| after));
    }
    // The commits have one order, and each finds what the one before has left. Sums of powers of
    // two are distinct, so that no wrong answer is hidden by another.
    found.sort_unstable();
    left.sort_unstable();
    let object = "the sorted list of the backlogs that commits left";
    let because = "each commit finds the backlog that the one before has left";
    expect(object, &left, &found, because)?;
    let rows = clients[0].store().backlog().await?.value.rows;
    let row = rows.iter().find(|row| row.schedule == schedule.id).cloned();
    let empty = BacklogRow {
        schedule: schedule.id.clone(),
        mode: Mode::AnalysisOnly,
        images: 0,
    };
    expect(
        "the row of the backlog",
        &row,
        &Some(empty),
        "all runs have ended",
    )
}

async fn backlog_of_deleted<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedule = create_schedule(&*bench, "nightly").await;
    let run = client.create(&schedule, 1).await?;
    bench.delete_schedule(&schedule.id).await;
    let answer = client.plan(&run, 10).await?;
    let because = "the schedule is deleted";
    expect("the backlog in the answer", &answer.backlog, &None, because)
}
