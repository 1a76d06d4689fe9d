//! The counters of the extensions whose every step a process learns of.

use std::fmt;

use super::status;
use crate::model::Mode;
use crate::model::commit::{FireOutcome, PlanOutcome};
use crate::model::observation::QueueName;

/// Result of an attempt to plan a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanAttempt {
    /// The run left `Planning`.
    Planned(PlanOutcome),
    /// It will be tried again.
    Retried,
    /// Another planner was faster.
    Conflict,
}

impl PlanAttempt {
    const ALL: [Self; 5] = [
        Self::Planned(PlanOutcome::Enqueued),
        Self::Planned(PlanOutcome::NoWork),
        Self::Planned(PlanOutcome::Failed),
        Self::Retried,
        Self::Conflict,
    ];

    const fn index(self) -> usize {
        match self {
            Self::Planned(outcome) => outcome as usize,
            Self::Retried => 3,
            Self::Conflict => 4,
        }
    }

    /// The label value.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Planned(outcome) => status(outcome),
            Self::Retried => "retried",
            Self::Conflict => "conflict",
        }
    }
}

/// One of the extensions' counter series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtensionSeries {
    /// `scheduler_planner_attempts_total`
    Attempts(Mode, PlanAttempt),
    /// `scheduler_runs_cancelled_total`
    Cancelled(Mode),
    /// `scheduler_runner_images_failed_total`
    ImagesFailed(Mode),
    /// `scheduler_queue_redeliveries_total`
    Redeliveries(QueueName),
    /// `scheduler_lease_renewals_total`
    Renewals(QueueName),
    /// `scheduler_queue_dead_letters_total`
    DeadLetters(QueueName),
    /// `scheduler_queue_drops_total`
    Drops(QueueName),
    /// `scheduler_schedule_fires_total`, of both modes: a schedule may change its mode at any time.
    Fires(FireOutcome),
}

const ATTEMPTS: usize = PlanAttempt::ALL.len() * Mode::ALL.len();
const CANCELLED_AT: usize = ATTEMPTS;
const IMAGES_FAILED_AT: usize = CANCELLED_AT + Mode::ALL.len();
const QUEUES_AT: usize = IMAGES_FAILED_AT + Mode::ALL.len();
const PER_QUEUE: usize = 4;
const FIRES_AT: usize = QUEUES_AT + PER_QUEUE * QueueName::ALL.len();

impl ExtensionSeries {
    /// Number of series.
    pub const COUNT: usize = FIRES_AT + FireOutcome::ALL.len();

    /// A number below [`ExtensionSeries::COUNT`].
    pub const fn index(self) -> usize {
        const fn of_queue(queue: QueueName, place: usize) -> usize {
            QUEUES_AT + queue as usize * PER_QUEUE + place
        }
        match self {
            Self::Attempts(mode, attempt) => {
                mode.index() * PlanAttempt::ALL.len() + attempt.index()
            }
            Self::Cancelled(mode) => CANCELLED_AT + mode.index(),
            Self::ImagesFailed(mode) => IMAGES_FAILED_AT + mode.index(),
            Self::Redeliveries(queue) => of_queue(queue, 0),
            Self::Renewals(queue) => of_queue(queue, 1),
            Self::DeadLetters(queue) => of_queue(queue, 2),
            Self::Drops(queue) => of_queue(queue, 3),
            Self::Fires(fate) => FIRES_AT + fate as usize,
        }
    }

    /// The series with this number.
    pub const fn at(index: usize) -> Self {
        match index {
            0..CANCELLED_AT => {
                let mode = Mode::ALL[index / PlanAttempt::ALL.len()];
                Self::Attempts(mode, PlanAttempt::ALL[index % PlanAttempt::ALL.len()])
            }
            CANCELLED_AT..IMAGES_FAILED_AT => Self::Cancelled(Mode::ALL[index - CANCELLED_AT]),
            IMAGES_FAILED_AT..QUEUES_AT => Self::ImagesFailed(Mode::ALL[index - IMAGES_FAILED_AT]),
            QUEUES_AT..FIRES_AT => {
                let queue = QueueName::ALL[(index - QUEUES_AT) / PER_QUEUE];
                match (index - QUEUES_AT) % PER_QUEUE {
                    0 => Self::Redeliveries(queue),
                    1 => Self::Renewals(queue),
                    2 => Self::DeadLetters(queue),
                    _ => Self::Drops(queue),
                }
            }
            _ => Self::Fires(FireOutcome::ALL[(index - FIRES_AT) % FireOutcome::ALL.len()]),
        }
    }

    /// Plural of the thing that is counted.
    pub const fn counts(self) -> &'static str {
        match self {
            Self::Attempts(..) => "planning attempts",
            Self::Cancelled(_) => "cancelled runs",
            Self::ImagesFailed(_) => "failed images",
            Self::Redeliveries(_) => "redeliveries",
            Self::Renewals(_) => "renewed leases",
            Self::DeadLetters(_) => "dead letters",
            Self::Drops(_) => "dropped messages",
            Self::Fires(_) => "decided fires",
        }
    }
}

impl fmt::Display for ExtensionSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, label, value) = match self {
            Self::Attempts(mode, attempt) => {
                let mode = mode.as_str();
                let outcome = attempt.as_str();
                return write!(
                    f,
                    "scheduler_planner_attempts_total{{mode=\"{mode}\",outcome=\"{outcome}\"}}"
                );
            }
            Self::Cancelled(mode) => ("scheduler_runs_cancelled_total", "mode", mode.as_str()),
            Self::ImagesFailed(mode) => (
                "scheduler_runner_images_failed_total",
                "mode",
                mode.as_str(),
            ),
            Self::Redeliveries(queue) => (
                "scheduler_queue_redeliveries_total",
                "queue",
                queue.as_str(),
            ),
            Self::Renewals(queue) => ("scheduler_lease_renewals_total", "queue", queue.as_str()),
            Self::DeadLetters(queue) => (
                "scheduler_queue_dead_letters_total",
                "queue",
                queue.as_str(),
            ),
            Self::Drops(queue) => ("scheduler_queue_drops_total", "queue", queue.as_str()),
            Self::Fires(fate) => ("scheduler_schedule_fires_total", "fate", fate.as_str()),
        };
        write!(f, "{name}{{{label}=\"{value}\"}}")
    }
}
