//! Lists of schedules and rows of the backlog.

use std::rc::Rc;

use rehearsal_worker::model::{CommitStep, RunState, ScheduleId, SharedList};
use rehearsal_worker::ports::{ScheduleEntry, Store};

use super::property;
use crate::client::TestClient;
use crate::fixture::{create_schedule, schedule, schedule_of};
use crate::violation::{expect, require};
use crate::{Bench, ContractResult, Property};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "list-schedules",
            "The list of schedules is in ascending order, with states, and without deleted ones.",
            |bench| Box::pin(schedules(bench)),
        ),
        property(
            "list-unchanged",
            "An entry of a schedule that was not changed is the same in the next list.",
            |bench| Box::pin(unchanged_entry(bench)),
        ),
        property(
            "backlog-rows",
            "The backlog has a row for each schedule that is not deleted, in ascending order.",
            |bench| Box::pin(rows(bench)),
        ),
        property(
            "backlog-unchanged",
            "The rows of the backlog are the same version until one of them changes.",
            |bench| Box::pin(unchanged_rows(bench)),
        ),
        property(
            "backlog-progress",
            "The backlog names the time of the last progress of the open run that waits longest.",
            |bench| Box::pin(progress(bench)),
        ),
    ]
}

async fn schedules<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    for id in ["b", "c", "a"] {
        bench.create_schedule(schedule(id)).await;
    }
    bench.delete_schedule(&"c".into()).await;
    let read = client.schedule(&schedule("b")).await?;
    let mut state = read.state.value.clone();
    state.cursor = state.cursor.after(bench.timing().lease);
    state.queued_fire = Some(state.cursor);
    let mut commit = client.commit(CommitStep::Requeue, 0);
    commit.schedule = Some(read.write(state.clone()));
    client.apply(commit).await?;
    let listed = client.store().schedules().await?.value;
    let ids: Vec<_> = listed
        .iter()
        .map(|entry| entry.schedule.id.clone())
        .collect();
    let object = "the list of schedules";
    require(
        ids.is_sorted(),
        object,
        &ids,
        "an ascending one",
        "readers merge it",
    )?;
    let own: Vec<_> = ids
        .iter()
        .map(ScheduleId::as_str)
        .filter(|id| id.len() == 1)
        .collect();
    expect(object, &own, &vec!["a", "b"], "`c` is deleted")?;
    let entry = listed
        .iter()
        .find(|entry| entry.schedule.id.as_str() == "b");
    let found = entry.map(|entry| (entry.cursor, entry.has_queued_fire));
    let because = "a commit wrote it";
    expect(
        "the state in the list",
        &found,
        &Some((state.cursor, true)),
        because,
    )?;
    let never = client.store().schedule(&"never".into()).await?.value;
    expect(
        "the schedule `never`",
        &never,
        &None,
        "it was never created",
    )
}

async fn unchanged_entry<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    bench.create_schedule(schedule("a")).await;
    let before = client.store().schedules().await?.value;
    let run = client.create(&schedule("a"), 1).await?;
    client.plan(&run, 1).await?;
    let after = client.store().schedules().await?.value;
    let of = |list: &SharedList<ScheduleEntry>| {
        let mut entries = list.iter();
        entries
            .find(|entry| entry.schedule.id.as_str() == "a")
            .cloned()
    };
    let same = of(&before)
        .zip(of(&after))
        .map(|(before, after)| before.is_same(&after));
    let object = "`is_same` of the entries of two lists";
    expect(
        object,
        &same,
        &Some(true),
        "nothing that decides the fires has changed",
    )
}

async fn rows<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    for schedule in [schedule("b"), schedule_of("globex", "a"), schedule("c")] {
        bench.create_schedule(schedule).await;
    }
    let run = client.create(&schedule("b"), 1).await?;
    client.plan(&run, 7).await?;
    let deleted = client.create(&schedule("c"), 1).await?;
    client.plan(&deleted, 5).await?;
    bench.delete_schedule(&"c".into()).await;
    let rows = client.store().backlog().await?.value.rows;
    let all: Vec<_> = rows
        .iter()
        .map(|row| (row.schedule.clone(), row.mode))
        .collect();
    let object = "the list of rows";
    require(
        all.is_sorted(),
        object,
        &all,
        "an ascending one",
        "readers merge it",
    )?;
    let own = rows.iter().filter(|row| row.schedule.as_str().len() == 1);
    let own: Vec<_> = own.map(|row| (row.schedule.as_str(), row.images)).collect();
    let because = "7 images are planned for `b`, none for `a`, and `c` is deleted";
    expect(object, &own, &vec![("a", 0), ("b", 7)], because)
}

async fn unchanged_rows<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    bench.create_schedule(schedule("a")).await;
    let run = client.create(&schedule("a"), 1).await?;
    client.plan(&run, 7).await?;
    let first = client.store().backlog().await?.value.rows;
    client.create(&schedule("a"), 2).await?;
    let second = client.store().backlog().await?.value.rows;
    let object = "`is_same` of the rows of two reads";
    expect(object, &first.is_same(&second), &true, "no row has changed")?;
    client.end(&run, RunState::Cancelled).await?;
    let third = client.store().backlog().await?.value.rows;
    expect(object, &second.is_same(&third), &false, "a row has changed")
}

async fn progress<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedule = create_schedule(&*bench, "a").await;
    let snapshot = client.store().backlog().await?.value;
    expect(
        "the time of progress",
        &snapshot.progress,
        &[None; 2],
        "no run is open",
    )?;
    let mut planned = Vec::new();
    for occurrence in 0..2 {
        let run = client.create(&schedule, occurrence).await?;
        planned.push((client.plan(&run, 2).await?.at, run));
        client.sleep(bench.timing().tolerance).await;
    }
    let found = client.store().backlog().await?.value.progress[0];
    let because = "its run has waited longest since it was planned";
    expect("the time of progress", &found, &Some(planned[0].0), because)?;
    client.end(&planned[0].1, RunState::Cancelled).await?;
    let found = client.store().backlog().await?.value.progress[0];
    let because = "the other run has ended";
    expect("the time of progress", &found, &Some(planned[1].0), because)
}
