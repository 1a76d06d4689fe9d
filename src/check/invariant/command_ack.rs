//! `no-loss`, of owners' commands: a command that is acknowledged is done, and a command is put off
//! only for a reason.

use super::{CheckContext, Invariant, InvariantName};
use crate::check::contract;
use crate::check::invariant::InvariantName::NoLoss;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::message::{MessageRecord, MessageStatus};
use crate::check::state::{CommandAck, ManualRunAck};
use crate::model::observation::QueueName;
use crate::model::{RunId, Timestamp, Trigger};

/// Checks `no-loss` of owners' commands.
#[derive(Debug, Default)]
pub(crate) struct CommandAckCheck;

impl Invariant for CommandAckCheck {
    fn names(&self) -> &[InvariantName] {
        &[NoLoss]
    }

    fn command_acknowledged(&mut self, context: &mut CheckContext<'_>, ack: &CommandAck<'_>) {
        match *ack {
            CommandAck::CancelDone { run } => check_cancelled(context, run),
            CommandAck::CancelDeferred { run, asked_at } => {
                check_cancel_deferred(context, run, asked_at);
            }
            CommandAck::RedriveDone { queue, asked_at } => {
                check_redriven(context, queue, asked_at);
            }
            CommandAck::CommandDeferred { command, asked_at } => {
                check_deferred(context, command, asked_at);
            }
            CommandAck::ManualRunDone(ack) => check_manual_run(context, &ack),
        }
    }
}

/// Checks that a run is over whose cancellation is acknowledged.
fn check_cancelled(context: &mut CheckContext<'_>, id: &RunId) {
    let state = context.state;
    let run = state.runs.table.find(id).map(|run| &state.runs[run]);
    let open = run.filter(|run| !run.is_purged).and_then(|run| run.state);
    let Some(found) = open.filter(|state| !contract::is_terminal(*state)) else {
        context.held(NoLoss, 1, 1);
        return;
    };
    context.violate(
        NoLoss,
        ViolationDetail::of(format_args!("run {id}"))
            .is(found)
            .expected("in a terminal state")
            .because("its cancellation was acknowledged to its owner"),
    );
}

/// Checks that a run was not over yet whose cancellation is put off.
fn check_cancel_deferred(context: &mut CheckContext<'_>, id: &RunId, asked_at: Timestamp) {
    let state = context.state;
    let run = state.runs.table.find(id).map(|run| &state.runs[run]);
    let completed_at = run.and_then(|run| run.completed_at);
    let over = completed_at.filter(|at| *at <= asked_at);
    context.check(NoLoss, true, over.is_none(), || {
        ViolationDetail::of(format_args!("the cancellation of run {id}"))
            .is("put off")
            .expected("acknowledged")
            .because(format_args!(
                "the run was over at {}, before the request at {asked_at}",
                over.unwrap_or_default()
            ))
    });
}

/// Checks that no dead letter is left that was one when the owner asked for their redrive.
fn check_redriven(context: &mut CheckContext<'_>, queue: QueueName, asked_at: Timestamp) {
    let state = context.state;
    let is_left = |message: &MessageRecord| match message.place {
        MessageStatus::Dead { since } => message.queue == queue && since <= asked_at,
        _ => false,
    };
    let mut letters = state.messages.sorted().into_iter();
    let left = letters.find(|(_, message)| is_left(message));
    let is_exercised = state.messages.ends.redriven > 0;
    context.check(NoLoss, is_exercised, left.is_none(), || {
        let name = left.map_or(String::new(), |(_, message)| state.message_name(message));
        ViolationDetail::of(name)
            .is("a dead letter")
            .expected(format_args!("back on the {} queue", queue.as_str()))
            .because(format_args!(
                "the redrive requested at {asked_at} was acknowledged to its owner"
            ))
    });
}

/// Checks that a fault is on record when a command is put off.
fn check_deferred(context: &mut CheckContext<'_>, command: &str, asked_at: Timestamp) {
    let has_reason = context.state.faults.trouble_since(asked_at);
    context.check(NoLoss, true, has_reason, || {
        ViolationDetail::of(format_args!("the command {command}"))
            .is("put off")
            .expected("carried out")
            .because(format_args!("no fault is on record since {asked_at}"))
    });
}

/// Checks that a manual run that is acknowledged exists, unless its schedule was deleted before or
/// the run to retry was not over.
fn check_manual_run(context: &mut CheckContext<'_>, ack: &ManualRunAck<'_>) {
    let state = context.state;
    let Some(schedule) = state.schedules.table.find(ack.schedule) else {
        return;
    };
    let record = &state.schedules[schedule];
    let Some(definition) = &record.definition else {
        return;
    };
    let (tenant, schedule) = (&definition.tenant, &definition.id);
    let id = contract::run_id(tenant, schedule, Trigger::Manual, ack.occurrence);
    let find = |id: &RunId| state.runs.table.find(id).map(|run| &state.runs[run]);
    let is_made = find(&id).is_some_and(|run| run.state.is_some());
    let retried = ack.retried.and_then(find);
    let refusal = match (record.deleted_at, retried.map(|run| run.completed_at)) {
        (Some(deleted_at), _) if deleted_at <= ack.asked_at => {
            Some("its schedule was deleted before its owner asked for it")
        }
        // The worker may have read the schedule before the deletion or after it.
        (Some(_), _) => return,
        (None, _) if record.created_at > ack.asked_at => return,
        (None, _) if retried.is_some_and(|run| run.is_purged) => return,
        (None, Some(None)) => Some("the run to retry is not over"),
        // It may have read the run before its end or after it.
        (None, Some(Some(completed_at))) if completed_at > ack.asked_at => return,
        (None, _) => None,
    };
    let holds = is_made == refusal.is_none();
    context.check(NoLoss, record.is_live(), holds, || {
        let word = |is_made| if is_made { "created" } else { "absent" };
        ViolationDetail::of(format_args!("run {id}"))
            .is(word(is_made))
            .expected(word(refusal.is_none()))
            .because(refusal.unwrap_or("its creation was acknowledged to its owner"))
    });
}
