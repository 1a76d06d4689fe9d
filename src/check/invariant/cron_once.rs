//! `cron-once`: by an independent calendar, each due fire has exactly one fate, and the right one.

use crate::check::invariant_name::InvariantName::CronOnce;
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::schedule::ScheduleRecord;
use crate::check::state::table::ScheduleIndex;
use crate::check::state::{AcceptedCommit, WorldState};
use crate::model::commit::FireOutcome;
use crate::model::{CommitStep, OverlapPolicy, RunId, Timestamp, Trigger};

/// Looks at a decision on fires, and moves the schedule's walk and cursor. To be called before the
/// commit is booked.
pub(crate) fn judge(
    results: &mut CheckResults,
    state: &mut WorldState,
    taken: &AcceptedCommit<'_>,
) {
    let CommitStep::Fire {
        schedule,
        latest,
        coalesced,
        fate,
    } = &taken.commit.step
    else {
        return;
    };
    let index = state.schedules.number(schedule, state.now);
    let cursor = taken
        .commit
        .schedule
        .as_ref()
        .map(|write| write.state.cursor);
    let cursor = cursor.or(*latest).unwrap_or(state.schedules[index].cursor);
    judge_fires(results, state, index, cursor, *latest, *coalesced);
    judge_fate(results, state, index, taken, latest.is_some(), *fate);
    judge_run(results, state, index, taken, *latest, *fate);
    state.schedules[index].cursor = cursor;
}

/// Looks after the fire that waits for an earlier run: who decides that leaves it there, and until
/// it is decided again nobody takes it away. To be called after [`judge`].
pub(crate) fn judge_waiting(
    results: &mut CheckResults,
    state: &mut WorldState,
    taken: &AcceptedCommit<'_>,
) {
    let Some(write) = &taken.commit.schedule else {
        return;
    };
    let index = state.schedules.number(&write.id, state.now);
    let record = &mut state.schedules[index];
    let found = write.state.queued_fire;
    let due = match &taken.commit.step {
        CommitStep::Fire {
            latest,
            fate: FireOutcome::Queued,
            ..
        } => *latest,
        CommitStep::Fire { .. } => None,
        _ => record.waiting,
    };
    record.waiting = found;
    let Some(due) = due else {
        return;
    };
    results.check(CronOnce, true, found == Some(due), || {
        let place = format!("schedule {}", write.id);
        let what = format!(
            "a {} commit loses the fire that waits",
            taken.commit.step.name()
        );
        let found = found.map_or("none".to_owned(), |found| found.to_string());
        ViolationDetail::new(place, what).expected(due, found)
    });
}

/// The fires since the old cursor are those that the commit decides.
fn judge_fires(
    results: &mut CheckResults,
    state: &mut WorldState,
    index: ScheduleIndex,
    cursor: Timestamp,
    latest: Option<Timestamp>,
    coalesced: u32,
) {
    let place = format!("schedule {}", state.schedule_name(index));
    let record = &mut state.schedules[index];
    let from = record.cursor;
    let Some(calendar) = &mut record.calendar else {
        return;
    };
    let (mut count, mut last) = (0_u32, None);
    calendar.fires_until(cursor, |fire| (count, last) = (count + 1, Some(fire)));
    let told = latest.map_or(0, |_| coalesced + 1);
    results.check(CronOnce, count > 0, (count, last) == (told, latest), || {
        let what = format!("the fires due after {from} are not those that were decided");
        ViolationDetail::new(&place, what).expected(fires(count, last), fires(told, latest))
    });
    let is_due = latest.is_none_or(|latest| latest <= results.now());
    results.check(CronOnce, false, is_due, || {
        ViolationDetail::new(&place, "a fire was decided before it was due")
            .expected("a fire in the past", latest.unwrap_or_default())
    });
}

fn fires(count: u32, last: Option<Timestamp>) -> String {
    match last {
        Some(last) => format!("{count} up to {last}"),
        None => "none".to_owned(),
    }
}

/// The fate is what the overlap policy says.
fn judge_fate(
    results: &mut CheckResults,
    state: &WorldState,
    index: ScheduleIndex,
    taken: &AcceptedCommit<'_>,
    is_fire: bool,
    fate: FireOutcome,
) {
    let record = &state.schedules[index];
    let Some(definition) = &record.definition else {
        return;
    };
    let due = match (record.cron_runs > 0, definition.overlap) {
        (false, _) | (_, OverlapPolicy::Allow) => FireOutcome::Run,
        (true, OverlapPolicy::Skip) => FireOutcome::Skipped,
        (true, OverlapPolicy::QueueOne) => FireOutcome::Queued,
    };
    let is_exercised = record.cron_runs > 0 && is_fire;
    results.check(CronOnce, is_exercised, fate == due, || {
        let what = format!(
            "its fire had the wrong fate with {} cron runs planning or open and overlap {:?}",
            record.cron_runs, definition.overlap
        );
        let place = format!(
            "schedule {} (commit of {})",
            definition.id, taken.commit.token.incarnation
        );
        ViolationDetail::new(place, what).expected(due.as_str(), fate.as_str())
    });
}

/// A fire that starts a run makes exactly the run of its instant, any other makes none.
fn judge_run(
    results: &mut CheckResults,
    state: &WorldState,
    index: ScheduleIndex,
    taken: &AcceptedCommit<'_>,
    latest: Option<Timestamp>,
    fate: FireOutcome,
) {
    let Some(definition) = &state.schedules[index].definition else {
        return;
    };
    let made: Vec<_> = taken
        .changes
        .iter()
        .map(|change| change.after.id.clone())
        .collect();
    // The run of a fire that had waited carries that fire's instant.
    let fire = latest.or(state.schedules[index].waiting);
    let named = fire.map(|fire| RunId::of(&definition.tenant, &definition.id, Trigger::Cron, fire));
    let holds = match (fate, &named) {
        (FireOutcome::Run, Some(named)) => made == [named.clone()],
        (FireOutcome::Run, None) => made.len() == 1,
        _ => made.is_empty(),
    };
    results.check(CronOnce, fate == FireOutcome::Run, holds, || {
        let due = match (fate, named) {
            (FireOutcome::Run, Some(named)) => named.to_string(),
            (FireOutcome::Run, None) => "one run".to_owned(),
            _ => "no run".to_owned(),
        };
        ViolationDetail::new(
            format_args!("schedule {}", definition.id),
            "a decided fire made the wrong runs",
        )
        .expected(due, format_args!("{made:?}"))
    });
}

/// Looks for a fire that was due until `until` and decided by nobody, although it had time and
/// nothing was wrong in the world. To be called when the schedule changes, and at the end.
pub(crate) fn judge_undecided(
    results: &mut CheckResults,
    state: &mut WorldState,
    index: ScheduleIndex,
    until: Timestamp,
) {
    let patience = state.options.fire_patience;
    let name = state.schedule_name(index);
    let record: &mut ScheduleRecord = &mut state.schedules[index];
    if !record.is_enabled() {
        return;
    }
    let Some(calendar) = &mut record.calendar else {
        return;
    };
    let mut first = None;
    calendar.fires_until(until, |fire| {
        first.get_or_insert(fire);
    });
    let forgotten =
        first.filter(|fire| until.since(*fire) > patience && !state.faults.trouble_since(*fire));
    results.check(CronOnce, false, forgotten.is_none(), || {
        let fire = forgotten.unwrap_or_default();
        ViolationDetail::new(
            format_args!("schedule {name}"),
            "a due fire was never decided",
        )
        .expected(
            format_args!("a fate for {fire} within {} s", patience.as_secs()),
            "none",
        )
    });
}
