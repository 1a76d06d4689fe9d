//! `no-loss`, of what people ask for: what an owner was told is done is done, and a deleted schedule
//! makes no run any more.

use crate::check::board::{Board, Complaint};
use crate::check::ledger::truth::Truth;
use crate::check::name::InvariantName::NoLoss;
use crate::model::{RunId, RunState, ScheduleId, Timestamp, Trigger};

/// A manual run that an owner asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub schedule: &'a ScheduleId,
    pub occurrence: &'a str,
    /// The run that it repeats.
    pub retried: Option<&'a RunId>,
    pub asked_at: Timestamp,
}

/// Looks whether a run is over, as its owner was told.
pub(crate) fn cancelled(board: &mut Board, truth: &mut Truth, run: &RunId) {
    let run = truth.runs.number(run);
    let record = &truth.runs[run];
    let goes_on = |state: &RunState| !state.is_terminal() && !record.is_purged;
    let Some(state) = record.state.filter(goes_on) else {
        board.held(NoLoss, 1, 1);
        return;
    };
    let what = "its owner was told that it is cancelled";
    let complaint = Complaint::new(format_args!("run {}", record.id), what);
    board.violate(NoLoss, complaint.expected("a terminal run", state));
}

/// Looks whether an owner who was told to ask again had asked for something to be done.
pub(crate) fn put_off(board: &mut Board, truth: &mut Truth, run: &RunId, asked_at: Timestamp) {
    let run = truth.runs.number(run);
    let record = &truth.runs[run];
    let over = record.completed_at.filter(|at| *at <= asked_at);
    board.check(NoLoss, true, over.is_none(), || {
        let what = "its owner was told that it can't be cancelled now";
        let found = over.map_or_else(String::new, |at| format!("one that was over at {at}"));
        Complaint::new(format_args!("run {}", record.id), what)
            .expected(format_args!("a run that went on at {asked_at}"), found)
    });
}

/// Looks whether there was a reason to put off an owner. Only what is wrong in the world can be one.
pub(crate) fn command_put_off(
    board: &mut Board,
    truth: &Truth,
    command: &str,
    asked_at: Timestamp,
) {
    let has_reason = truth.faults.trouble_since(asked_at);
    board.check(NoLoss, true, has_reason, || {
        let what = "its owner was told that it can't be carried out now";
        Complaint::new(format_args!("the command {command}"), what).expected(
            "it done, or a fault on record",
            format_args!("nothing wrong since {asked_at}"),
        )
    });
}

/// Looks whether a run is made, as its owner was told.
pub(crate) fn made(board: &mut Board, truth: &mut Truth, asked: &Asked<'_>) {
    let schedule = truth.schedules.number(asked.schedule, truth.now);
    let Some(definition) = &truth.schedules[schedule].definition else {
        return;
    };
    let (tenant, id) = (&definition.tenant, &definition.id);
    let run = RunId::of(tenant, id, Trigger::Manual, asked.occurrence);
    let run = truth.runs.number(&run);
    let retried = asked.retried.map(|retried| truth.runs.number(retried));
    let record = &truth.schedules[schedule];
    let is_made = truth.runs[run].state.is_some();
    let is_gone = retried.is_some_and(|run| truth.runs[run].is_purged);
    let (expected, is_right) = match record.deleted_at {
        Some(deleted_at) if deleted_at <= asked.asked_at => {
            ("none: its schedule is deleted", !is_made)
        }
        // What the worker has read may be from before or after.
        Some(_) => return,
        None if record.created_at > asked.asked_at || is_gone => return,
        None => ("the run", is_made),
    };
    board.check(NoLoss, record.is_live(), is_right, || {
        let place = format_args!("run {}", truth.runs[run].id);
        let found = if is_made { "it is made" } else { "it is not" };
        Complaint::new(place, "its owner was told that it is made").expected(expected, found)
    });
}
