//! The counters of the extensions whose every step a process learns of.

use std::fmt;

use super::status;
use crate::model::commit::{FireOutcome, PlanOutcome};
use crate::model::observation::QueueName;
use crate::model::{EventKind, Mode};

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

/// Result of a request to the scanner, as `scheduler_scanner_requests_total` counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it all")]
pub enum RequestOutcome {
    Succeeded,
    TimedOut,
    ServerError,
    RateLimited,
    Refused,
    Unreachable,
}

impl RequestOutcome {
    const ALL: [Self; 6] = [
        Self::Succeeded,
        Self::TimedOut,
        Self::ServerError,
        Self::RateLimited,
        Self::Refused,
        Self::Unreachable,
    ];

    /// The label value.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::TimedOut => "timed_out",
            Self::ServerError => "server_error",
            Self::RateLimited => "rate_limited",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
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
    /// `scheduler_runner_segments_discarded_total`
    Discarded(Mode),
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
    /// `scheduler_lease_losses_total`
    Losses(QueueName),
    /// `scheduler_scanner_requests_total`
    Requests(Mode, RequestOutcome),
    /// `scheduler_events_published_total`
    Events(EventKind),
    /// `scheduler_schedule_fires_total`
    Fires(Mode, FireOutcome),
}

const ATTEMPTS: usize = PlanAttempt::ALL.len() * Mode::ALL.len();
const CANCELLED_AT: usize = ATTEMPTS;
const DISCARDED_AT: usize = CANCELLED_AT + Mode::ALL.len();
const IMAGES_FAILED_AT: usize = DISCARDED_AT + Mode::ALL.len();
const QUEUES_AT: usize = IMAGES_FAILED_AT + Mode::ALL.len();
const PER_QUEUE: usize = 5;
const REQUESTS_AT: usize = QUEUES_AT + PER_QUEUE * QueueName::ALL.len();
const EVENTS_AT: usize = REQUESTS_AT + RequestOutcome::ALL.len() * Mode::ALL.len();
const FIRES_AT: usize = EVENTS_AT + EventKind::ALL.len();

impl ExtensionSeries {
    /// Number of series.
    pub const COUNT: usize = FIRES_AT + FireOutcome::ALL.len() * Mode::ALL.len();

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
            Self::Discarded(mode) => DISCARDED_AT + mode.index(),
            Self::ImagesFailed(mode) => IMAGES_FAILED_AT + mode.index(),
            Self::Redeliveries(queue) => of_queue(queue, 0),
            Self::Renewals(queue) => of_queue(queue, 1),
            Self::DeadLetters(queue) => of_queue(queue, 2),
            Self::Drops(queue) => of_queue(queue, 3),
            Self::Losses(queue) => of_queue(queue, 4),
            Self::Requests(mode, outcome) => {
                REQUESTS_AT + mode.index() * RequestOutcome::ALL.len() + outcome as usize
            }
            Self::Events(kind) => EVENTS_AT + kind as usize,
            Self::Fires(mode, fate) => {
                FIRES_AT + mode.index() * FireOutcome::ALL.len() + fate as usize
            }
        }
    }

    /// The series with this number.
    pub const fn at(index: usize) -> Self {
        match index {
            0..CANCELLED_AT => {
                let mode = Mode::ALL[index / PlanAttempt::ALL.len()];
                Self::Attempts(mode, PlanAttempt::ALL[index % PlanAttempt::ALL.len()])
            }
            CANCELLED_AT..DISCARDED_AT => Self::Cancelled(Mode::ALL[index - CANCELLED_AT]),
            DISCARDED_AT..IMAGES_FAILED_AT => Self::Discarded(Mode::ALL[index - DISCARDED_AT]),
            IMAGES_FAILED_AT..QUEUES_AT => Self::ImagesFailed(Mode::ALL[index - IMAGES_FAILED_AT]),
            QUEUES_AT..REQUESTS_AT => {
                let queue = QueueName::ALL[(index - QUEUES_AT) / PER_QUEUE];
                match (index - QUEUES_AT) % PER_QUEUE {
                    0 => Self::Redeliveries(queue),
                    1 => Self::Renewals(queue),
                    2 => Self::DeadLetters(queue),
                    3 => Self::Drops(queue),
                    _ => Self::Losses(queue),
                }
            }
            REQUESTS_AT..EVENTS_AT => {
                let (place, count) = (index - REQUESTS_AT, RequestOutcome::ALL.len());
                let outcome = RequestOutcome::ALL[place % count];
                Self::Requests(Mode::ALL[place / count], outcome)
            }
            EVENTS_AT..FIRES_AT => Self::Events(EventKind::ALL[index - EVENTS_AT]),
            _ => {
                let (place, count) = (index - FIRES_AT, FireOutcome::ALL.len());
                let mode = Mode::ALL[place / count % Mode::ALL.len()];
                Self::Fires(mode, FireOutcome::ALL[place % count])
            }
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
            Self::Discarded(mode) => (
                "scheduler_runner_segments_discarded_total",
                "mode",
                mode.as_str(),
            ),
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
            Self::Losses(queue) => ("scheduler_lease_losses_total", "queue", queue.as_str()),
            Self::Requests(mode, outcome) => {
                let (mode, outcome) = (mode.as_str(), outcome.as_str());
                return write!(
                    f,
                    "scheduler_scanner_requests_total{{mode=\"{mode}\",outcome=\"{outcome}\"}}"
                );
            }
            Self::Events(kind) => ("scheduler_events_published_total", "kind", kind.as_str()),
            Self::Fires(mode, fate) => {
                let (mode, fate) = (mode.as_str(), fate.as_str());
                return write!(
                    f,
                    "scheduler_schedule_fires_total{{mode=\"{mode}\",fate=\"{fate}\"}}"
                );
            }
        };
        write!(f, "{name}{{{label}=\"{value}\"}}")
    }
}
