//! `blame`: every Error, Cancelled, dead letter and failed image has its cause in the world's
//! record.

use std::time::Duration;

use rustc_hash::FxHashSet;

use crate::check::invariant_name::InvariantName::Blame;
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::message::{MessageRecord, MessageStatus};
use crate::check::state::{AcceptedCommit, RunChange, WorldState};
use crate::model::commit::EndReason;
use crate::model::fault::FaultKind;
use crate::model::{CommitStep, ImageDigest, RunState, Timestamp};

/// What can keep the impact index from answering.
const PLANNING: [FaultKind; 2] = [FaultKind::ImpactOutage, FaultKind::Partition];

/// What can make a holder lose its lease, besides the end of its incarnation.
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

/// What can make a holder hand a message back as failed.
const HAND_BACK: [FaultKind; 1] = [FaultKind::CommitConflict];

/// Remembers which images the scanner has refused.
#[derive(Debug, Default)]
pub(crate) struct Causes {
    refused: FxHashSet<ImageDigest>,
}

impl Causes {
    /// The scanner refused an image for good.
    pub fn refused(&mut self, image: &ImageDigest) {
        self.refused.insert(*image);
    }

    /// Looks at the ends and failures of a commit. To be called before it is booked.
    pub fn judge(
        &self,
        results: &mut CheckResults,
        state: &WorldState,
        taken: &AcceptedCommit<'_>,
    ) {
        if let CommitStep::Segment(segment) = &taken.commit.step {
            for image in &segment.failed {
                results.check(Blame, true, self.refused.contains(image), || {
                    let place = format!("image {image} in segment {}", segment.key);
                    ViolationDetail::new(
                        place,
                        "it counts as failed, but the scanner never refused it",
                    )
                    .expected("a refusal for good on record", "none")
                });
            }
        }
        for change in &taken.changes {
            let is_end = matches!(change.after.state, RunState::Error | RunState::Cancelled);
            if is_end && change.before != Some(change.after.state) {
                judge_end(results, state, taken, change);
            }
        }
    }
}

fn judge_end(
    results: &mut CheckResults,
    state: &WorldState,
    taken: &AcceptedCommit<'_>,
    change: &RunChange<'_>,
) {
    let record = &state.runs[change.run];
    let schedule = &state.schedules[record.schedule];
    let age = state.now.since(record.created_at);
    let (word, due, is_explained) = match taken.commit.step {
        CommitStep::End(EndReason::Command) => (
            "was cancelled by command",
            "an owner's request",
            record.cancel_asked,
        ),
        CommitStep::End(EndReason::ScheduleDeleted) => (
            "was cancelled with its schedule",
            "the schedule's deletion",
            schedule.deleted_at.is_some(),
        ),
        CommitStep::End(EndReason::TimedOut) => {
            let is_old = age >= state.options.run_timeout;
            let is_excused =
                state.options.overload_expected || state.faults.trouble_since(record.created_at);
            (
                "timed out",
                "runTimeout to have passed, and a fault or a declared overload",
                is_old && is_excused,
            )
        }
        CommitStep::End(EndReason::Poisoned) => {
            let due = "a delivery history in which each counted attempt has a cause";
            (
                "was poisoned",
                due,
                is_poison_explained(state, taken.commit.token.delivery, change),
            )
        }
        _ => {
            let is_excused = state.faults.any_since(&PLANNING, record.created_at);
            let is_last = change.after.planning_attempts == state.options.planner_attempts;
            (
                "failed in planning",
                "an outage of the impact index since its creation, and all its attempts used up",
                is_excused && is_last,
            )
        }
    };
    results.check(Blame, true, is_explained, || {
        let what = format!(
            "it {word} ({}), and nothing on record explains that",
            change.after.state
        );
        ViolationDetail::new(format_args!("run {}", change.after.id), what).expected(
            due,
            format_args!(
                "an age of {} and {}",
                seconds(age),
                faults(state, record.created_at)
            ),
        )
    });
}

/// Whether the message under this delivery, or if that is unknown some message of the run, was
/// rightly given up.
fn is_poison_explained(state: &WorldState, delivery: u64, change: &RunChange<'_>) -> bool {
    let mut messages = state
        .messages
        .records
        .values()
        .filter(|message| message.run == change.run);
    messages.any(|message| {
        // It may have let go of it meanwhile.
        let was_held = message.deliveries.contains(&delivery);
        (was_held || delivery == 0) && is_explained(message)
    })
}

fn is_explained(message: &MessageRecord) -> bool {
    message.unexplained == 0 && (message.is_spoiled || message.explained > 0)
}

/// Looks at a message that is dead-lettered or dropped.
pub(crate) fn judge_dead(results: &mut CheckResults, state: &WorldState, message: &MessageRecord) {
    results.check(Blame, true, is_explained(message), || {
        ViolationDetail::new(
            state.message_name(message),
            "its message was given up, and not every counted attempt has a cause on record",
        )
        .expected(
            "a spoiled body, or crashes and lost leases",
            format_args!(
                "{} attempts with a cause and {} without",
                message.explained, message.unexplained
            ),
        )
    });
    let limit = state.options.max_delivery_attempts;
    // One that nobody can read is given up at the last try, any other one when that has failed too.
    let due = limit + u32::from(!message.is_spoiled);
    results.check(Blame, limit > 1, message.attempt >= due, || {
        let what = "its message was given up before all its tries";
        ViolationDetail::new(state.message_name(message), what).expected(
            format_args!("delivery {due} at the earliest"),
            message.attempt,
        )
    });
}

/// Looks at a message that is handed back; `counted`: as one more try that led to nothing. One that
/// nobody can read is given up at its last try.
pub(crate) fn judge_released(
    results: &mut CheckResults,
    state: &WorldState,
    message: &MessageRecord,
    counted: bool,
) {
    if !counted || !message.is_spoiled {
        return;
    }
    let limit = state.options.max_delivery_attempts;
    results.check(Blame, true, message.attempt < limit, || {
        let what = "its message can't be read, and was handed back for one more try";
        ViolationDetail::new(state.message_name(message), what).expected(
            format_args!("it given up at delivery {limit}"),
            message.attempt,
        )
    });
}

/// Whether the end of a delivery that counts has a cause on record. `expired`: the lease ran out;
/// if not, the holder handed the message back.
pub(crate) fn is_attempt_explained(
    state: &WorldState,
    message: &MessageRecord,
    expired: bool,
) -> bool {
    let MessageStatus::Leased {
        incarnation, since, ..
    } = message.place
    else {
        return true;
    };
    if expired {
        !state.incarnations.incarnations[incarnation].is_alive
            || state.faults.any_since(&LEASE_LOSS, since)
    } else {
        message.is_spoiled || state.faults.any_since(&HAND_BACK, since)
    }
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs())
}

fn faults(state: &WorldState, since: Timestamp) -> String {
    let kinds = FaultKind::ALL
        .iter()
        .filter(|kind| state.faults.any_since(&[**kind], since));
    let names: Vec<_> = kinds.map(|kind| kind.as_str()).collect();
    if names.is_empty() {
        "no fault".to_owned()
    } else {
        format!("the faults {}", names.join(", "))
    }
}
