//! `blame`, the part about repairs: work is enqueued again or released for a reason only.
//!
//! Repair hides what it repairs. A defect that loses messages or gives them back costs time and
//! violates nothing else.

use rustc_hash::FxHashMap;

use super::{CheckContext, Invariant, InvariantName};
use crate::check::contract;
use crate::check::invariant::InvariantName::Blame;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::message::{DeliveryRecord, MessageRecord, MessageStatus};
use crate::check::state::run::RunRecord;
use crate::check::state::table::{IncarnationIndex, RunIndex};
use crate::check::state::{AcceptedCommit, LearnedCommit, MessageStep, WorldState};
use crate::model::observation::QueueStep;
use crate::model::{CommitAnswer, CommitStep, Timestamp};
use crate::worker::duration;
use rehearsal_convert::Index;

/// Checks `blame`; remembers when each incarnation last learned of a conflict.
#[derive(Debug, Default)]
pub(crate) struct RepairCauseCheck {
    conflicts: FxHashMap<IncarnationIndex, Timestamp>,
}

impl Invariant for RepairCauseCheck {
    fn names(&self) -> &[InvariantName] {
        &[Blame]
    }

    fn commit_accepted(&mut self, context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
        let commit = accepted.commit;
        if commit.step != CommitStep::Requeue {
            return;
        }
        for key in &commit.release {
            if let Some(run) = context.state.runs.table.find(&key.run) {
                check_requeue(context, run, Some(key.index));
            }
        }
        for run in &commit.intents_requeued {
            if let Some(run) = context.state.runs.table.find(run) {
                check_requeue(context, run, None);
            }
        }
    }

    fn commit_learned(&mut self, context: &mut CheckContext<'_>, learned: &LearnedCommit<'_>) {
        let incarnation = &learned.commit.token.incarnation;
        let index = context.state.incarnations.incarnations.find(incarnation);
        if let (CommitAnswer::Conflict, Some(index)) = (learned.answer, index) {
            self.conflicts.insert(index, context.state.now);
        }
    }

    fn message(&mut self, context: &mut CheckContext<'_>, step: &MessageStep) {
        let record = context.state.messages.records.get(&step.message);
        if let (QueueStep::Released { .. }, Some(record)) = (step.step, record) {
            self.check_release(context, record, step);
        }
    }
}

impl RepairCauseCheck {
    /// Checks that a holder releases a message because it stops, because the body is unreadable, or
    /// because something failed.
    fn check_release(
        &self,
        context: &mut CheckContext<'_>,
        message: &MessageRecord,
        step: &MessageStep,
    ) {
        let state = context.state;
        let MessageStatus::Leased {
            incarnation, since, ..
        } = message.place
        else {
            return;
        };
        let holder = &state.incarnations[incarnation];
        let delivery = state.messages.deliveries.get(&step.delivery);
        let is_short = delivery.is_some_and(|delivery| is_short_lease_over(state, delivery));
        let delivery = delivery.filter(|_| message.segment.is_some());
        let has_failures = delivery.is_some_and(|delivery| delivery.failed_at.is_some());
        let conflict = self.conflicts.get(&incarnation);
        let is_explained = message.is_corrupted
            || holder.stopping_since.is_some()
            || has_failures
            || is_short
            || conflict.is_some_and(|at| *at >= since)
            // The call that leased it may have waited and been slow.
            || state.faults.trouble_since(since.before(state.options.worker.lease));
        context.check(Blame, true, is_explained, || {
            ViolationDetail::of(state.message_name(message))
                .is(format_args!("released by {}", holder.id))
                .expected("worked and acknowledged")
                .because(
                    "no fault, conflict or failed request is on record since the delivery began, \
                     and the process does not stop",
                )
        });
    }
}

/// Returns whether a lease has ended by its holder's count that left no time for two renewals when
/// it was received. A holder counts from the request that waited for the message.
fn is_short_lease_over(state: &WorldState, delivery: &DeliveryRecord) -> bool {
    let two_renewals = contract::renewal_interval(&state.options.worker) * 2;
    let bounds = delivery.deadline.zip(delivery.received_at);
    bounds.is_some_and(|(deadline, received_at)| {
        deadline <= state.now && deadline < received_at.after(two_renewals)
    })
}

/// Checks that work that repair enqueues again was lost by a fault on record.
fn check_requeue(context: &mut CheckContext<'_>, run: RunIndex, segment: Option<u32>) {
    let state = context.state;
    let record = &state.runs[run];
    let Some(work) = record.work.as_ref() else {
        return;
    };
    let (last, released_at) = match segment {
        None => (work.transition, record.planned_at.unwrap_or_default()),
        Some(index) => match work.segments.get(index.to_index()) {
            Some(segment) => (segment.transition, segment.released_at),
            None => return,
        },
    };
    // Messages are enqueued one after the other, which may take longer than repair waits.
    let options = &state.options.worker;
    let Some(last) = last.filter(|last| !last.is_enqueued_after(released_at, options.lease)) else {
        return;
    };
    // The sweep may have read the store before the last transition.
    if last.at > state.now.before(options.sweep_interval) {
        return;
    }
    // Of two sweeps at once, the first releases the work anew.
    if released_at <= last.at {
        check_age(context, record, segment, released_at);
    }
    let read_after = state
        .now
        .before(contract::stale_after(options) + options.sweep_interval);
    let since = last.at.min(read_after);
    // An unreadable message does not say which work it is for.
    let message = state.messages.records.get(&last.message);
    let is_unreadable = message.is_some_and(|message| message.is_corrupted);
    // Of two sweeps at once, the first has a reason for both.
    let holds = is_unreadable || released_at > last.at || state.faults.trouble_since(since);
    context.check(Blame, true, holds, || {
        ViolationDetail::of(work_name(record, segment))
            .is("enqueued again by repair")
            .expected("enqueued once")
            .because(format_args!(
                "no fault is on record since {since}, and its message was {} at {}",
                last.description, last.at
            ))
    });
}

/// Checks that repair waits until work has been without a message for two leases at least.
fn check_age(
    context: &mut CheckContext<'_>,
    record: &RunRecord,
    segment: Option<u32>,
    since: Timestamp,
) {
    let text = duration::Duration::from;
    let age = context.state.now.since(since);
    let least = contract::stale_after(&context.state.options.worker);
    context.check(Blame, true, age >= least, || {
        ViolationDetail::of(format_args!(
            "the age of {} at its repair",
            work_name(record, segment)
        ))
        .is(text(age))
        .expected(format_args!("at least {}", text(least)))
        .because("a message has two leases to come onto the queue, or back onto it")
    });
}

fn work_name(record: &RunRecord, segment: Option<u32>) -> String {
    match segment {
        None => format!("the planner message of run {}", record.id),
        Some(index) => format!("segment {index} of run {}", record.id),
    }
}
