//! `no-loss`, of what people ask for: what an owner was told is done is done, and a deleted schedule
//! makes no run any more.

use crate::check::invariant_name::InvariantName::NoLoss;
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::WorldState;
use crate::model::{RunId, RunState, ScheduleId, Timestamp, Trigger};

/// A manual run that an owner asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ManualRunRequest<'a> {
    pub schedule: &'a ScheduleId,
    pub occurrence: &'a str,
    /// The run that it repeats.
    pub retried: Option<&'a RunId>,
    pub asked_at: Timestamp,
}

/// Looks whether a run is over, as its owner was told.
pub(crate) fn cancelled(results: &mut CheckResults, state: &mut WorldState, run: &RunId) {
    let run = state.runs.number(run);
    let record = &state.runs[run];
    let goes_on = |state: &RunState| !state.is_terminal() && !record.is_purged;
    let Some(state) = record.state.filter(goes_on) else {
        results.held(NoLoss, 1, 1);
        return;
    };
    let what = "its owner was told that it is cancelled";
    let complaint = ViolationDetail::new(format_args!("run {}", record.id), what);
    results.violate(NoLoss, complaint.expected("a terminal run", state));
}

/// Looks whether an owner who was told to ask again had asked for something to be done.
pub(crate) fn put_off(
    results: &mut CheckResults,
    state: &mut WorldState,
    run: &RunId,
    asked_at: Timestamp,
) {
    let run = state.runs.number(run);
    let record = &state.runs[run];
    let over = record.completed_at.filter(|at| *at <= asked_at);
    results.check(NoLoss, true, over.is_none(), || {
        let what = "its owner was told that it can't be cancelled now";
        let found = over.map_or_else(String::new, |at| format!("one that was over at {at}"));
        ViolationDetail::new(format_args!("run {}", record.id), what)
            .expected(format_args!("a run that went on at {asked_at}"), found)
    });
}

/// Looks whether there was a reason to put off an owner. Only what is wrong in the world can be one.
pub(crate) fn command_put_off(
    results: &mut CheckResults,
    state: &WorldState,
    command: &str,
    asked_at: Timestamp,
) {
    let has_reason = state.faults.trouble_since(asked_at);
    results.check(NoLoss, true, has_reason, || {
        let what = "its owner was told that it can't be carried out now";
        ViolationDetail::new(format_args!("the command {command}"), what).expected(
            "it done, or a fault on record",
            format_args!("nothing wrong since {asked_at}"),
        )
    });
}

/// Looks whether a run is made, as its owner was told.
pub(crate) fn made(
    results: &mut CheckResults,
    state: &mut WorldState,
    asked: &ManualRunRequest<'_>,
) {
    let schedule = state.schedules.number(asked.schedule, state.now);
    let Some(definition) = &state.schedules[schedule].definition else {
        return;
    };
    let (tenant, id) = (&definition.tenant, &definition.id);
    let run = RunId::of(tenant, id, Trigger::Manual, asked.occurrence);
    let run = state.runs.number(&run);
    let retried = asked.retried.map(|retried| state.runs.number(retried));
    let record = &state.schedules[schedule];
    let is_made = state.runs[run].state.is_some();
    let is_gone = retried.is_some_and(|run| state.runs[run].is_purged);
    let (expected, is_right) = match record.deleted_at {
        Some(deleted_at) if deleted_at <= asked.asked_at => {
            ("none: its schedule is deleted", !is_made)
        }
        // What the worker has read may be from before or after.
        Some(_) => return,
        None if record.created_at > asked.asked_at || is_gone => return,
        None => ("the run", is_made),
    };
    results.check(NoLoss, record.is_live(), is_right, || {
        let place = format_args!("run {}", state.runs[run].id);
        let found = if is_made { "it is made" } else { "it is not" };
        ViolationDetail::new(place, "its owner was told that it is made").expected(expected, found)
    });
}
