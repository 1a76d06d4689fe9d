//! `lease-discipline`, of a process that is asked to stop: it works on until its grace is over,
//! releases the messages that it holds then, and ends as soon as it holds none.

use std::time::Duration;

use super::{CheckContext, Invariant, InvariantName};
use crate::check::invariant::InvariantName::LeaseDiscipline;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::message::MessageStatus;
use crate::check::state::table::IncarnationIndex;
use crate::check::state::{IncarnationExit, MessageStep};
use crate::model::Timestamp;
use crate::model::fault::FaultKind;
use crate::model::observation::{IncarnationEnd, QueueStep};

/// Faults that end a process in good order.
pub(super) const STOPS: [FaultKind; 2] = [FaultKind::GracefulStop, FaultKind::RollingDeploy];

/// Maximum time of a stop, the work that it waits for included.
const STOP_TIME: Duration = Duration::from_secs(120);

/// Time for the calls that a stopping process still makes.
const SLACK: Duration = Duration::from_secs(5);

/// Time after the grace for releases and the last heartbeat. A process that takes longer is killed.
const MARGIN: Duration = Duration::from_millis(9_500);

/// Checks `lease-discipline` of stopping processes.
#[derive(Debug, Default)]
pub(crate) struct StoppingCheck;

impl Invariant for StoppingCheck {
    fn names(&self) -> &[InvariantName] {
        &[LeaseDiscipline]
    }

    fn message(&mut self, context: &mut CheckContext<'_>, step: &MessageStep) {
        if matches!(step.step, QueueStep::Released { .. }) {
            check_grace(context, step);
        }
    }

    /// Checks an incarnation that ends after it was asked to stop. With other faults on record it
    /// may not have been able to do better.
    fn incarnation_ended(&mut self, context: &mut CheckContext<'_>, ended: &IncarnationExit<'_>) {
        let state = context.state;
        let since = state.now.before(STOP_TIME);
        if state.faults.others_since(&STOPS, since) {
            return;
        }
        let incarnation = ended.incarnation.index;
        if ended.end == IncarnationEnd::Stopped {
            check_held(context, incarnation);
        }
        if let Some(asked_at) = state.incarnations[incarnation].stopping_since {
            check_time(context, incarnation, asked_at);
        }
    }
}

/// Checks that a segment that a process scans when it is asked to stop is not given up before the
/// grace is over. With a failed request or a fault on record there are other reasons for it.
fn check_grace(context: &mut CheckContext<'_>, step: &MessageStep) {
    let state = context.state;
    let delivery = state.messages.deliveries.get(&step.delivery);
    let Some((delivery, incarnation)) = delivery.zip(step.incarnation) else {
        return;
    };
    let record = &state.incarnations[incarnation];
    let Some(asked_at) = record.stopping_since.filter(|at| *at > delivery.since) else {
        return;
    };
    // A message whose lease arrives after the request is released at once, and one that is scanned
    // after too many version conflicts.
    let is_begun = delivery.asked_at > delivery.since;
    if !is_begun
        || !state.works.is_unanswered(step.delivery)
        || delivery.failed_requests > 0
        || state.faults.others_since(&STOPS, delivery.since)
    {
        return;
    }
    let (took, grace) = (state.now.since(asked_at), state.options.worker.stop_grace);
    if took < grace {
        context.violate(
            LeaseDiscipline,
            ViolationDetail::of(format_args!(
                "the work of {} under delivery {}",
                record.id, step.delivery
            ))
            .is(format_args!("given up after {:.1} s", took.as_secs_f64()))
            .expected(format_args!("given up after {:.1} s", grace.as_secs_f64()))
            .because("`stopGrace` is the time that a stopping process has to finish work"),
        );
    }
}

/// Checks that the incarnation holds no message that it has received.
fn check_held(context: &mut CheckContext<'_>, incarnation: IncarnationIndex) {
    let state = context.state;
    for (_, message) in state.messages.sorted() {
        let MessageStatus::Leased {
            incarnation: holder,
            delivery,
            since,
            until,
        } = message.place
        else {
            continue;
        };
        // The answer to a lease may be lost. Only of segments it is known who received it.
        let record = state.messages.deliveries.get(&delivery);
        let is_known = match record {
            Some(record) => record.received_at.is_some(),
            None => !state.faults.others_since(&STOPS, since),
        };
        let is_left = holder == incarnation && is_known && state.now < until;
        context.check(LeaseDiscipline, holder == incarnation, !is_left, || {
            ViolationDetail::of(state.message_name(message))
                .is(format_args!(
                    "leased under delivery {delivery} until {until}"
                ))
                .expected("released or acknowledged")
                .because(format_args!(
                    "its holder {} has stopped",
                    state.incarnation_name(incarnation)
                ))
        });
    }
}

/// Checks that the incarnation ended within its grace, and soon after it held no message any more.
/// It may be waiting for a message just then, and takes that wait to its end.
fn check_time(context: &mut CheckContext<'_>, incarnation: IncarnationIndex, asked_at: Timestamp) {
    let state = context.state;
    let (record, options) = (&state.incarnations[incarnation], &state.options);
    let is_idle = record.held == [0; 2];
    let idle_since = asked_at.max(if is_idle {
        record.held_until
    } else {
        state.now
    });
    let allowances = [
        (
            "was asked to stop",
            asked_at,
            options.worker.stop_grace + MARGIN,
        ),
        (
            "was asked to stop and held no message",
            idle_since,
            options.worker.receive_wait_time + SLACK,
        ),
    ];
    for (reason, since, allowed) in allowances {
        let took = state.now.since(since);
        context.check(LeaseDiscipline, is_idle, took <= allowed, || {
            ViolationDetail::of(format_args!("the stop of process {}", record.id))
                .is(format_args!("{:.1} s long", took.as_secs_f64()))
                .expected(format_args!("at most {:.1} s long", allowed.as_secs_f64()))
                .because(format_args!("the process {reason} at {since}"))
        });
    }
}
