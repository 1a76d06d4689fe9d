//! `blame`: every Error, Cancelled, dead letter and failed image has a cause on record.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::invariant::InvariantName::Blame;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::fact::RunChange;
use crate::check::state::message::{MessageRecord, MessageStatus};
use crate::check::state::table::RunIndex;
use crate::check::state::{AcceptedCommit, MessageStep, WorldState};
use crate::model::commit::EndReason;
use crate::model::fault::FaultKind;
use crate::model::observation::{PortName, QueueStep, ScanAnswer};
use crate::model::{CommitStep, ImageDigest, RunState, Timestamp};

/// Name and documentation of `blame`.
pub(crate) const BLAME: InvariantDefinition = InvariantDefinition {
    name: "blame",
    evaluated: EvaluationTime::Quiescence,
    meaning: "Every Error, Cancelled, dead letter and failed image has its cause in the world's \
              record.",
    method: "Error attribution. Failed planning needs an outage of the impact index, a \
             partition, or a query without an answer in time, since the run's creation, and \
             exactly `plannerAttempts` failed attempts. A message may be given up only at its \
             `maxDeliveryAttempts`-th counted delivery, an unreadable one at no later delivery. \
             Poison needs a corrupted message, or for every counted delivery a crash, pause, \
             partition or other fault by which a lease is lost, or a call to store or queue that \
             took a third of the lease or longer than the client waits. A time-out needs \
             `runTimeout` to have passed, and a fault, or a drain in which the work that is left \
             takes that long. A cancellation needs an owner's request or the deletion of the \
             schedule; a failed image, a refusal by the scanner. Work that repair enqueues again \
             needs a fault within two leases and a sweep, unless its message was enqueued more \
             than a lease after its release or has an unreadable body, and two leases must have \
             passed. A message that a holder releases needs a fault, a conflict, a failed request, \
             an unreadable body, a stopping process, or a lease that its holder received too late \
             for two renewals.",
    exercised_by: "each of these ends, repairs and releases",
};

/// Faults that keep the impact index from answering.
const PLANNING: [FaultKind; 2] = [FaultKind::ImpactOutage, FaultKind::Partition];

/// Faults by which a holder loses its lease, besides its own end.
const LEASE_LOSS: [FaultKind; 10] = [
    FaultKind::ProcessCrash,
    FaultKind::GracefulStop,
    FaultKind::RollingDeploy,
    FaultKind::ProcessPause,
    FaultKind::ClockSkew,
    FaultKind::QueueOutage,
    FaultKind::AcknowledgementLost,
    FaultKind::RenewalLost,
    FaultKind::Partition,
    FaultKind::StoreOutage,
];

/// Faults by which a holder releases a message as failed.
const RELEASE: [FaultKind; 1] = [FaultKind::CommitConflict];

/// Counted deliveries of one message.
#[derive(Debug, Clone, Copy, Default)]
struct Attempts {
    explained: u32,
    unexplained: u32,
}

/// Checks `blame`; remembers the images that the scanner refused, and the causes of attempts.
#[derive(Debug, Default)]
pub(crate) struct BlameCheck {
    refused: FxHashSet<ImageDigest>,
    /// By number of the message; only of messages with counted deliveries.
    attempts: FxHashMap<u64, Attempts>,
    /// Deliveries under which a message was rightly given up when its queue lost it, with its run.
    lost: FxHashSet<(RunIndex, u64)>,
}

impl Invariant for BlameCheck {
    fn names(&self) -> &[InvariantName] {
        &[Blame]
    }

    #[inline]
    fn scan_answered(
        &mut self,
        _: &mut CheckContext<'_>,
        (image, answer): (&ImageDigest, ScanAnswer),
    ) {
        if answer == ScanAnswer::Refused {
            self.refused.insert(*image);
        }
    }

    fn commit_accepted(&mut self, context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
        if let CommitStep::Segment(segment) = &accepted.commit.step {
            for image in &segment.failed {
                context.check(Blame, true, self.refused.contains(image), || {
                    ViolationDetail::of(format_args!("image {image} in segment {}", segment.key))
                        .is("failed")
                        .expected("reported")
                        .because("the scanner never refused it")
                });
            }
        }
        for change in &accepted.changes {
            let is_end = matches!(change.after.state, RunState::Error | RunState::Cancelled);
            if is_end && change.before != Some(change.after.state) {
                self.check_end(context, accepted, change);
            }
        }
    }

    fn message(&mut self, context: &mut CheckContext<'_>, step: &MessageStep) {
        let record = context.state.messages.records.get(&step.message);
        match step.step {
            QueueStep::Released { counted, .. } => {
                let Some(record) = record else { return };
                check_released(context, record, counted);
                self.count(context.state, step, counted);
            }
            QueueStep::Expired => self.count(context.state, step, true),
            QueueStep::DeadLettered => {
                if let Some(record) = record {
                    self.check_given_up(context, step.message, record);
                }
            }
            QueueStep::Dropped => {
                if let Some(record) = record {
                    self.check_given_up(context, step.message, record);
                }
                self.attempts.remove(&step.message);
            }
            QueueStep::Lost => {
                if let Some(record) = record {
                    self.note_lost(step.message, record);
                }
                self.attempts.remove(&step.message);
            }
            QueueStep::Enqueued | QueueStep::Redriven | QueueStep::Acknowledged => {
                self.attempts.remove(&step.message);
            }
            _ => {}
        }
    }
}

/// Checks a message that is released; `counted`: as one more failed delivery.
fn check_released(context: &mut CheckContext<'_>, message: &MessageRecord, counted: bool) {
    if !counted || !message.is_corrupted {
        return;
    }
    let state = context.state;
    let limit = state.options.worker.max_delivery_attempts;
    context.check(Blame, true, message.attempt < limit, || {
        ViolationDetail::of(state.message_name(message))
            .is(format_args!("released at delivery {}", message.attempt))
            .expected(format_args!("given up at delivery {limit}"))
            .because("its body is unreadable, so no further delivery can succeed")
    });
}

impl BlameCheck {
    /// Counts the end of a delivery, with its cause.
    fn count(&mut self, state: &WorldState, step: &MessageStep, counted: bool) {
        let record = state.messages.records.get(&step.message);
        let Some(record) = record.filter(|_| counted) else {
            return;
        };
        let expired = step.step == QueueStep::Expired;
        let attempts = self.attempts.entry(step.message).or_default();
        if is_attempt_explained(state, record, expired) {
            attempts.explained += 1;
        } else {
            attempts.unexplained += 1;
        }
    }

    /// Remembers a message whose holder may still give it up.
    fn note_lost(&mut self, number: u64, message: &MessageRecord) {
        if let MessageStatus::Leased { delivery, .. } = message.place
            && self.is_explained(number, message)
        {
            self.lost.insert((message.run, delivery));
        }
    }

    fn attempts(&self, message: u64) -> Attempts {
        self.attempts.get(&message).copied().unwrap_or_default()
    }

    fn is_explained(&self, number: u64, message: &MessageRecord) -> bool {
        let attempts = self.attempts(number);
        attempts.unexplained == 0 && (message.is_corrupted || attempts.explained > 0)
    }

    /// Whether the message under this delivery, or any message of the run if the delivery is
    /// unknown, was rightly given up.
    fn is_poison_explained(
        &self,
        state: &WorldState,
        delivery: u64,
        change: &RunChange<'_>,
    ) -> bool {
        let mut lost = self.lost.iter();
        if lost.any(|(run, held)| *run == change.run && (*held == delivery || delivery == 0)) {
            return true;
        }
        let mut messages = state.messages.records.iter();
        messages.any(|(number, message)| {
            // The holder may have let go of the message meanwhile.
            let was_held = message.deliveries.contains(&delivery);
            message.run == change.run
                && (was_held || delivery == 0)
                && self.is_explained(*number, message)
        })
    }

    fn check_end(
        &self,
        context: &mut CheckContext<'_>,
        accepted: &AcceptedCommit<'_>,
        change: &RunChange<'_>,
    ) {
        let state = context.state;
        let record = &state.runs[change.run];
        let schedule = &state.schedules[record.schedule];
        let age = state.now.since(record.created_at);
        let (reason, is_explained) = match accepted.commit.step {
            CommitStep::End(EndReason::Command) => {
                ("no owner asked for its cancellation", record.cancel_asked)
            }
            CommitStep::End(EndReason::ScheduleDeleted) => {
                ("its schedule is not deleted", schedule.deleted_at.is_some())
            }
            CommitStep::End(EndReason::TimedOut) => (
                "a time-out needs runTimeout to have passed, and a fault or an overload",
                age >= state.options.worker.run_timeout
                    && (state.is_overloaded() || state.faults.trouble_since(record.created_at)),
            ),
            CommitStep::End(EndReason::Poisoned) => (
                "poison needs a cause on record for each counted delivery",
                self.is_poison_explained(state, accepted.commit.token.delivery, change),
            ),
            _ => (
                "failed planning needs an outage of the impact index since the run's creation, \
                 and all attempts used up",
                may_fail_to_plan(state, record.created_at)
                    && change.after.planning_attempts == state.options.worker.planner_attempts,
            ),
        };
        context.check(Blame, true, is_explained, || {
            let expected = change.before.unwrap_or(RunState::Planning);
            ViolationDetail::of(format_args!("run {}", change.after.id))
                .is(format_args!(
                    "{} at an age of {} s with {}",
                    change.after.state,
                    age.as_secs(),
                    faults(state, record.created_at)
                ))
                .expected(format_args!("still {expected}"))
                .because(reason)
        });
    }

    /// Checks a message that is dead-lettered or dropped.
    fn check_given_up(&self, context: &mut CheckContext<'_>, number: u64, message: &MessageRecord) {
        let state = context.state;
        context.check(Blame, true, self.is_explained(number, message), || {
            let attempts = self.attempts(number);
            ViolationDetail::of(state.message_name(message))
                .is(format_args!(
                    "given up after {} deliveries with a cause and {} without",
                    attempts.explained, attempts.unexplained
                ))
                .expected("still delivered")
                .because(
                    "only a corrupted body, or a crash or lost lease at each counted delivery, is \
                     a cause",
                )
        });
        let limit = state.options.worker.max_delivery_attempts;
        // An unreadable message is given up at the last try, any other one when that has failed.
        let due = limit + u32::from(!message.is_corrupted);
        context.check(Blame, limit > 1, message.attempt >= due, || {
            ViolationDetail::of(state.message_name(message))
                .is(format_args!("given up at delivery {}", message.attempt))
                .expected(format_args!("given up at delivery {due} at the earliest"))
                .because(format_args!("maxDeliveryAttempts is {limit}"))
        });
    }
}

/// Whether the end of a counted delivery has a cause on record. `expired`: the lease ran out; if
/// not, the holder released the message.
fn is_attempt_explained(state: &WorldState, message: &MessageRecord, expired: bool) -> bool {
    let MessageStatus::Leased {
        incarnation, since, ..
    } = message.place
    else {
        return true;
    };
    if expired {
        !state.incarnations[incarnation].is_alive || may_lose_lease(state, since)
    } else {
        message.is_corrupted || state.faults.any_since(&RELEASE, since)
    }
}

/// Whether something on record since then lets a holder lose its lease, besides its own end.
fn may_lose_lease(state: &WorldState, since: Timestamp) -> bool {
    let slow = state
        .faults
        .slow_calls_since(&[PortName::Store, PortName::Queue], since);
    slow || state.faults.any_since(&LEASE_LOSS, since)
}

/// Whether something on record since then lets planning fail.
fn may_fail_to_plan(state: &WorldState, since: Timestamp) -> bool {
    let slow = state.faults.slow_calls_since(&[PortName::Impact], since);
    slow || state.faults.any_since(&PLANNING, since)
}

fn faults(state: &WorldState, since: Timestamp) -> String {
    let kinds = FaultKind::ALL.iter();
    let kinds = kinds.filter(|kind| state.faults.any_since(&[**kind], since));
    let names: Vec<_> = kinds.map(|kind| kind.as_str()).collect();
    if names.is_empty() {
        "no fault".to_owned()
    } else {
        format!("the faults {}", names.join(", "))
    }
}
