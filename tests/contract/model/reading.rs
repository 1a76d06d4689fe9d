//! Comparison of all that can be read from a store with the reference.

use std::time::Duration;

use rehearsal::model::{RunId, ScheduleId, SegmentKey, TenantId};
use rehearsal::sim::world::SimStore;
use rehearsal::worker::ports::{RunDocument, ScheduleDocument, Store, WaitingRun};

use super::store_action::{SEGMENTS, images};
use super::{Stepped, expect_same};

/// Texts of what was read. Versions are left out: each store numbers its own.
type Text = String;

fn schedule_text(document: &ScheduleDocument) -> Text {
    let (state, deleted) = (&document.state.value, document.deleted);
    format!("{:?} deleted: {deleted} {state:?}", document.schedule)
}

/// Returns the content of a run's document.
pub fn run_text(document: Option<&RunDocument>) -> Option<Text> {
    document.map(|document| {
        let schedule = schedule_text(&document.schedule);
        format!("{:?} {schedule}", document.run.value)
    })
}

/// Runs in the order of their identifiers, and tenants in the order in which they were served.
fn waiting_text(mut waiting: Vec<WaitingRun>) -> Text {
    waiting.sort_by(|a, b| a.run.cmp(&b.run));
    let runs: Vec<_> = waiting
        .iter()
        .map(|run| (run.run.clone(), run.created_at))
        .collect();
    waiting.sort_by_key(|run| run.tenant_served);
    let mut tenants: Vec<_> = waiting
        .iter()
        .map(|run| (run.tenant_served > 0).then(|| run.tenant.clone()))
        .collect();
    tenants.dedup();
    format!("{runs:?} {tenants:?}")
}

/// Names of all documents that exist.
pub struct Names<'a> {
    pub runs: &'a [RunId],
    pub schedules: &'a [ScheduleId],
    pub tenants: &'a [TenantId],
}

/// Reads everything from both stores and requires that it is the same.
pub async fn compare<S: Store>(
    store: &S,
    reference: &mut SimStore,
    names: &Names<'_>,
    limit: Duration,
) -> Stepped {
    for run in names.runs {
        let found = store.run(run).await?.value;
        let (found, known) = (run_text(found.as_ref()), reference.run(run));
        expect_same(run.as_str(), &found, &run_text(known.as_ref()))?;
        let index_end = if known.is_some() { SEGMENTS } else { 1 };
        for index in 0..index_end {
            let key = SegmentKey {
                run: run.clone(),
                index,
            };
            let found = store.segment(&key).await?.value.segment;
            expect_same(&key.to_string(), &found, &reference.segment(&key).segment)?;
        }
    }
    for id in names.schedules {
        let found = store.schedule(id).await?.value;
        let found = found.as_ref().map(schedule_text);
        let known = reference.schedule(id);
        expect_same(id.as_str(), &found, &known.as_ref().map(schedule_text))?;
    }
    for tenant in names.tenants {
        let all: Vec<_> = (0..SEGMENTS).flat_map(images).collect();
        let found = store.baselines(tenant, &all).await?;
        let object = format!("the list of baselines of {tenant}");
        expect_same(&object, &found, &reference.baselines(tenant, &all))?;
        let found = store.last_reports(tenant, &all).await?.value;
        let object = format!("the list of report times of {tenant}");
        expect_same(&object, &found, &reference.last_reports(tenant, &all))?;
    }
    let found = store.intents(100).await?;
    expect_same("the list of intents", &found, &reference.intents(100))?;
    let found = store.outbox(100).await?;
    expect_same("the outbox", &found, &reference.outbox(100))?;
    let found = store.exports(100).await?.value;
    expect_same(
        "the cursor with the exports",
        &found,
        &reference.exports(100),
    )?;
    let found = store.backlog().await?.value;
    let known = reference.backlog();
    let is_own = |id: &ScheduleId| names.schedules.contains(id);
    let own = found.rows.iter().filter(|row| is_own(&row.schedule));
    let rows: Vec<_> = own.cloned().collect();
    let known_rows: Vec<_> = known.rows.iter().cloned().collect();
    expect_same("the backlog", &rows, &known_rows)?;
    let found = (found.progress, found.outbox_depth);
    let known = (known.progress, known.outbox_depth);
    expect_same(
        "the time of progress and depth of the outbox",
        &found,
        &known,
    )?;
    let found = store.planning_runs(2).await?;
    let known = waiting_text(reference.planning_runs(2, found.now));
    expect_same(
        "the list of runs to plan",
        &waiting_text(found.value),
        &known,
    )?;
    let found = store.stale_work(limit, limit).await?;
    let mut known = reference.stale_work(limit, limit, found.now);
    let mut work = found.value;
    for work in [&mut work, &mut known] {
        work.segments.sort_by(|a, b| a.key.cmp(&b.key));
        work.intents
            .sort_by(|a, b| a.message.run.cmp(&b.message.run));
        work.overdue.sort();
        work.orphaned.sort();
    }
    expect_same("the stale work", &work, &known)
}
