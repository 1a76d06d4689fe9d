//! `lease-discipline`: nothing is accepted from a holder whose lease has ended, no superseded
//! delivery commits, and no scanner request starts after the holder's own deadline.
//!
//! The part about stopping processes is in [`super::stopping`].

use std::time::Duration;

use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::invariant::InvariantName::LeaseDiscipline;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::message::{MessageRecord, MessageStatus};
use crate::check::state::table::IncarnationIndex;
use crate::check::state::{AcceptedCommit, MessageStep, ObservedScanRequest};
use crate::model::CommitStep;
use crate::model::observation::QueueStep;
use rehearsal_convert::Index;

/// Name and documentation of `lease-discipline`.
pub(crate) const LEASE_DISCIPLINE: InvariantDefinition = InvariantDefinition {
    name: "lease-discipline",
    evaluated: EvaluationTime::Always,
    meaning: "Nothing is accepted from a holder whose lease has ended, and it sends no scanner \
              request after its deadline.",
    method: "The queue may accept an acknowledgement, renewal, release or dead letter from the \
             holder of a live lease only; the store no commit of a delivery after a newer one of \
             its segment has begun, nor one under a delivery of another incarnation. An \
             incarnation that stops in good order, without other faults, must hold no message \
             any more, must end soon after it holds none (one wait for a message and 5 s), and \
             within its grace and 9.5 s. It gives up no segment before its grace is over that it \
             scans without a failed request. The attempt number of a delivery is one more than the \
             deliveries that counted since the message was enqueued or redriven. An incarnation \
             that could not reach the store for a third of a lease, one wait for a message and \
             10 s takes no message, and after two leases and a third more it renews none. The \
             scanner must get no request later than the holder's last answered renewal, counted \
             from when it was sent, plus the lease.",
    exercised_by: "such steps, calls refused late among them",
};

/// Time for a call to the store to be given up.
const NOTICE_SLACK: Duration = Duration::from_secs(10);

/// Checks `lease-discipline`.
#[derive(Debug, Default)]
pub(crate) struct LeaseDisciplineCheck;

impl Invariant for LeaseDisciplineCheck {
    fn names(&self) -> &[InvariantName] {
        &[LeaseDiscipline]
    }

    fn message(&mut self, context: &mut CheckContext<'_>, step: &MessageStep) {
        if step.step == QueueStep::RefusedLate {
            context.held(LeaseDiscipline, 1, 1);
            return;
        }
        let record = context.state.messages.records.get(&step.message);
        let (Some(record), Some(incarnation)) = (record, step.incarnation) else {
            return;
        };
        let lease = context.state.options.worker.lease;
        match step.step {
            QueueStep::Leased { attempt, .. } => {
                check_attempt(context, record, attempt);
                check_reach(context, record, incarnation, ("leased", Duration::ZERO));
            }
            QueueStep::Renewed { .. } => {
                check_holder(context, record, step, incarnation, "renewed");
                // Other processes may do the work once the store has had no heartbeat for two
                // leases: the message is released by the renewal after that.
                let allowed = lease * 2 + lease / 3;
                check_reach(context, record, incarnation, ("renewed", allowed));
            }
            QueueStep::Released { .. } => {
                check_holder(context, record, step, incarnation, "released");
            }
            QueueStep::Acknowledged => {
                check_holder(context, record, step, incarnation, "acknowledged");
            }
            QueueStep::DeadLettered | QueueStep::Dropped => {
                check_holder(context, record, step, incarnation, "given up");
            }
            _ => {}
        }
    }

    fn commit_accepted(&mut self, context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
        check_commit(context, accepted);
    }

    #[inline]
    fn scan_sent(&mut self, context: &mut CheckContext<'_>, request: &ObservedScanRequest<'_>) {
        let now = context.state.now;
        if request.deadline.is_some_and(|deadline| now <= deadline) {
            context.held(LeaseDiscipline, 1, 1);
        } else {
            check_late_request(context, request);
        }
    }
}

/// Checks the number of the attempt that a delivery is.
fn check_attempt(context: &mut CheckContext<'_>, message: &MessageRecord, attempt: u32) {
    let (state, counted) = (context.state, message.counted);
    context.check(LeaseDiscipline, counted > 0, attempt == counted + 1, || {
        ViolationDetail::of(state.message_name(message))
            .is(format_args!("leased as attempt {attempt}"))
            .expected(format_args!("attempt {}", counted + 1))
            .because(format_args!(
                "{counted} deliveries counted since it was enqueued or redriven"
            ))
    });
}

/// Checks that a step on a message comes from the holder of a live lease.
fn check_holder(
    context: &mut CheckContext<'_>,
    message: &MessageRecord,
    step: &MessageStep,
    incarnation: IncarnationIndex,
    word: &str,
) {
    let (state, delivery) = (context.state, step.delivery);
    let holds = match message.place {
        MessageStatus::Leased {
            incarnation: holder,
            delivery: current,
            until,
            ..
        } => holder == incarnation && current == delivery && state.now <= until,
        MessageStatus::Ready | MessageStatus::Dead { .. } => false,
    };
    context.check(LeaseDiscipline, true, holds, || {
        let reason = match message.place {
            MessageStatus::Leased {
                incarnation,
                delivery,
                until,
                ..
            } => format!(
                "delivery {delivery} was leased by {} until {until}",
                state.incarnation_name(incarnation)
            ),
            MessageStatus::Ready => "the message is not leased".to_owned(),
            MessageStatus::Dead { .. } => "the message is a dead letter".to_owned(),
        };
        ViolationDetail::of(state.message_name(message))
            .is(format_args!(
                "{word} under delivery {delivery} by {}",
                state.incarnation_name(incarnation)
            ))
            .expected("refused")
            .because(reason)
    });
}

/// Checks an incarnation that leases or renews a message although it can't reach the store. `step`:
/// the word for it, and the time that it may go on after the incarnation knows.
fn check_reach(
    context: &mut CheckContext<'_>,
    message: &MessageRecord,
    incarnation: IncarnationIndex,
    (word, allowed): (&str, Duration),
) {
    let state = context.state;
    let Some(since) = state.incarnations[incarnation].store_lost_since else {
        return;
    };
    let options = &state.options;
    let notices_within = options.worker.lease / 3 + options.worker.receive_wait_time + NOTICE_SLACK;
    let limit = notices_within + allowed;
    let is_late = state.now.since(since) > limit;
    let is_excused = state.faults.clocks_wrong_since(since);
    context.check(LeaseDiscipline, true, !is_late || is_excused, || {
        ViolationDetail::of(state.message_name(message))
            .is(format_args!(
                "{word} by {} at {}",
                state.incarnation_name(incarnation),
                state.now
            ))
            .expected(format_args!(
                "not {word} later than {} s after {since}",
                limit.as_secs()
            ))
            .because("the process has not reached the store since then")
    });
}

/// Checks that a segment commit comes from the newest delivery, and from its holder.
fn check_commit(context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
    let state = context.state;
    let step = &accepted.commit.step;
    let (CommitStep::Segment(segment), Some(change)) = (step, accepted.changes.first()) else {
        return;
    };
    let work = state.runs[change.run].work.as_ref();
    let index = segment.key.index.to_index();
    let Some(record) = work.and_then(|work| work.segments.get(index)) else {
        return;
    };
    let token = &accepted.commit.token;
    let delivery = token.delivery;
    context.check(LeaseDiscipline, true, delivery >= record.delivery, || {
        ViolationDetail::of(format_args!("segment {}", segment.key))
            .is(format_args!(
                "committed under delivery {delivery} of {}",
                token.incarnation
            ))
            .expected(format_args!(
                "committed under delivery {} or newer",
                record.delivery
            ))
            .because("the newer delivery had begun work on it")
    });
    // Deliveries are forgotten with their message.
    let Some(holder) = state.messages.deliveries.get(&delivery) else {
        return;
    };
    let is_own = holder.incarnation == accepted.incarnation;
    context.check(LeaseDiscipline, true, is_own, || {
        ViolationDetail::of(format_args!("segment {}", segment.key))
            .is(format_args!("committed by {}", token.incarnation))
            .expected(format_args!(
                "committed by {}",
                state.incarnation_name(holder.incarnation)
            ))
            .because(format_args!("that process holds delivery {delivery}"))
    });
}

/// Checks a request after the deadline of its sender's lease, or without such a lease.
#[cold]
fn check_late_request(context: &mut CheckContext<'_>, request: &ObservedScanRequest<'_>) {
    let state = context.state;
    // A process whose clock is wrong can't know its deadline any better.
    let deadline = request.deadline.unwrap_or(state.now);
    let is_excused = state
        .faults
        .clocks_wrong_since(deadline.before(state.options.worker.lease));
    context.check(LeaseDiscipline, true, is_excused, || {
        let (expected, reason) = match request.deadline {
            Some(deadline) => (
                format!("sent by {deadline}"),
                "the lease ends then: last renewal sent plus the lease",
            ),
            None => ("not sent".to_owned(), "no lease of the sender is known"),
        };
        ViolationDetail::of(format_args!(
            "a scanner request of {} under delivery {}",
            request.incarnation, request.delivery
        ))
        .is(format_args!("sent at {}", state.now))
        .expected(expected)
        .because(reason)
    });
}
