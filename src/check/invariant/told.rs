//! `no-loss`, of what people ask for: what an owner was told is done is done, and a deleted schedule
//! makes no run any more.

use crate::check::board::{Board, Complaint};
use crate::check::ledger::table::{RunIndex, ScheduleIndex};
use crate::check::ledger::truth::Truth;
use crate::check::name::InvariantName::NoLoss;
use crate::model::observation::Observation;
use crate::model::{RunId, RunState, Timestamp, Trigger};

/// Looks whether what an owner was told is so.
pub(crate) fn judge(board: &mut Board, truth: &mut Truth, observation: &Observation<'_>) {
    match *observation {
        Observation::CancelDone { run } => {
            let run = truth.runs.number(run);
            cancelled(board, truth, run);
        }
        Observation::ManualRunDone {
            schedule,
            occurrence,
            retried,
            asked_at,
        } => {
            let schedule = truth.schedules.number(schedule, truth.now);
            let Some(definition) = &truth.schedules[schedule].definition else {
                return;
            };
            let (tenant, id) = (&definition.tenant, &definition.id);
            let run = RunId::of(tenant, id, Trigger::Manual, occurrence);
            let run = truth.runs.number(&run);
            let retried = retried.map(|retried| truth.runs.number(retried));
            made(board, truth, run, schedule, retried, asked_at);
        }
        _ => {}
    }
}

fn cancelled(board: &mut Board, truth: &Truth, run: RunIndex) {
    let record = &truth.runs[run];
    let state = record.state.filter(|_| !record.is_purged);
    let is_over = state.is_none_or(RunState::is_terminal);
    board.check(NoLoss, true, is_over, || {
        let what = "its owner was told that it is cancelled";
        Complaint::new(format_args!("run {}", record.id), what)
            .expected("a terminal run", state.unwrap_or(RunState::Planning))
    });
}

/// `asked_at`: when the owner asked for it.
fn made(
    board: &mut Board,
    truth: &Truth,
    run: RunIndex,
    schedule: ScheduleIndex,
    retried: Option<RunIndex>,
    asked_at: Timestamp,
) {
    let record = &truth.schedules[schedule];
    let is_made = truth.runs[run].state.is_some();
    let is_gone = |run: RunIndex| truth.runs[run].is_purged;
    let (expected, is_right) = match record.deleted_at {
        Some(deleted_at) if deleted_at <= asked_at => ("none: its schedule is deleted", !is_made),
        // What the worker has read may be from before or after.
        Some(_) => return,
        None if record.created_at > asked_at || retried.is_some_and(is_gone) => return,
        None => ("the run", is_made),
    };
    board.check(NoLoss, record.is_live(), is_right, || {
        let place = format_args!("run {}", truth.runs[run].id);
        let found = if is_made { "it is made" } else { "it is not" };
        Complaint::new(place, "its owner was told that it is made").expected(expected, found)
    });
}
