//! Faults that are injected into the simulated world.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::fault::FaultKind;
use crate::model::observation::PortName;

use super::{ProcessTarget, QueueTarget};
use crate::scenario::{DistributionSpec, Duration, DurationDistribution, Share, Timing};

/// A fault that is injected once or repeatedly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FaultSpec {
    /// Time or times of the injection.
    #[serde(flatten)]
    pub timing: Timing,
    /// Kind of fault, with its parameters.
    #[serde(flatten)]
    pub effect: FaultEffect,
}

/// Schema version of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MessageSchema {
    /// Version that the worker writes.
    #[default]
    Current,
    /// Version before it, which the worker still reads.
    Previous,
}

/// Kinds of faults that the simulator can inject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum FaultEffect {
    /// A process crashes at any await point and restarts.
    ProcessCrash {
        /// Process that the fault is injected into: a name, `any` or `all`.
        #[serde(default)]
        process: ProcessTarget,
        /// Time from the stop to the restart.
        #[serde(default = "ten_seconds")]
        downtime: Duration,
    },
    /// A process receives a stop signal, finishes or releases its leased work, and restarts.
    GracefulStop {
        /// Process that the fault is injected into: a name, `any` or `all`.
        #[serde(default)]
        process: ProcessTarget,
        /// Time from the stop to the restart.
        #[serde(default = "ten_seconds")]
        downtime: Duration,
    },
    /// All processes are stopped gracefully and restarted, one after the other.
    RollingDeploy {
        /// Time from the stop to the restart.
        #[serde(default = "ten_seconds")]
        downtime: Duration,
        /// Delay between the restart of one process and the stop of the next.
        #[serde(default = "thirty_seconds")]
        pause: Duration,
        /// Schema version of the messages that a process writes until a deploy restarts it.
        #[serde(default)]
        schema_before: MessageSchema,
    },
    /// A process is paused and resumes without notice, as in a long garbage collection.
    ProcessPause {
        /// Process that the fault is injected into: a name, `any` or `all`.
        #[serde(default)]
        process: ProcessTarget,
        /// Duration of the fault.
        #[serde(default = "ninety_seconds")]
        duration: Duration,
    },
    /// A process's local clock runs fast or slow.
    ClockSkew {
        /// Process that the fault is injected into: a name, `any` or `all`.
        #[serde(default)]
        process: ProcessTarget,
        /// Duration of the fault.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// Relative drift of the clock: 0.1 is 10 % fast, -0.1 is 10 % slow.
        #[serde(default = "a_tenth")]
        #[schemars(range(min = -0.9, max = 10))]
        drift: f64,
    },
    /// The Scanner answers no request.
    ScannerOutage {
        /// Duration of the fault.
        #[serde(default = "ten_minutes")]
        duration: Duration,
    },
    /// The Scanner is slower than usual.
    ScannerSlow {
        /// Duration of the fault.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// Factor by which the latency is multiplied.
        #[serde(default = "ten_times")]
        #[schemars(range(min = 1, max = 10_000))]
        factor: f64,
    },
    /// The Scanner answers requests with a server error (5xx).
    ScannerError {
        /// Duration of the fault.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// Probability for each request.
        #[serde(default = "often")]
        probability: Share,
    },
    /// The Scanner answers requests with 429 (Too Many Requests) and Retry-After.
    #[serde(rename = "scanner-429")]
    ScannerThrottle {
        /// Duration of the fault.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// Probability for each request.
        #[serde(default = "often")]
        probability: Share,
        /// Value of Retry-After, rounded up to whole seconds.
        #[serde(default = "ten_seconds_always")]
        retry_after: DurationDistribution,
    },
    /// The Scanner rejects images permanently (404 or 422).
    ScannerRefusal {
        /// Duration of the fault.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// Probability for each request.
        #[serde(default = "seldom")]
        probability: Share,
    },
    /// The store answers no request.
    StoreOutage {
        /// Duration of the fault.
        #[serde(default = "five_minutes")]
        duration: Duration,
    },
    /// The store rejects commits with a write conflict.
    CommitConflict {
        /// Duration of the fault.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// Probability for each commit.
        #[serde(default = "seldom")]
        probability: Share,
    },
    /// The store applies a commit, but its answer is lost.
    CommitAnswerLost {
        /// Duration of the fault.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// Probability for each commit.
        #[serde(default = "seldom")]
        probability: Share,
    },
    /// A queue answers no request.
    QueueOutage {
        /// Queue that the fault is injected into.
        #[serde(default)]
        queue: QueueTarget,
        /// Duration of the fault.
        #[serde(default = "five_minutes")]
        duration: Duration,
    },
    /// Messages become visible after a delay.
    QueueDelay {
        /// Queue that the fault is injected into.
        #[serde(default)]
        queue: QueueTarget,
        /// Duration of the fault.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// Delay until a message becomes visible.
        #[serde(default = "ten_seconds_always")]
        delay: DurationDistribution,
        /// Probability for each message.
        #[serde(default = "often")]
        probability: Share,
    },
    /// Messages are delivered twice.
    DuplicateDelivery {
        /// Queue that the fault is injected into.
        #[serde(default)]
        queue: QueueTarget,
        /// Duration of the fault.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// Probability for each message.
        #[serde(default = "seldom")]
        probability: Share,
    },
    /// Messages are delivered out of order.
    Reordering {
        /// Queue that the fault is injected into.
        #[serde(default)]
        queue: QueueTarget,
        /// Duration of the fault.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// Probability for each message.
        #[serde(default = "often")]
        probability: Share,
    },
    /// A queue loses acknowledgements.
    AcknowledgementLost {
        /// Queue that the fault is injected into.
        #[serde(default)]
        queue: QueueTarget,
        /// Duration of the fault.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// Probability for each acknowledgement.
        #[serde(default = "seldom")]
        probability: Share,
    },
    /// Lease renewals fail.
    RenewalLost {
        /// Queue that the fault is injected into.
        #[serde(default)]
        queue: QueueTarget,
        /// Duration of the fault.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// Probability for each renewal.
        #[serde(default = "often")]
        probability: Share,
    },
    /// Notify answers no request.
    NotifyOutage {
        /// Duration of the fault.
        #[serde(default = "thirty_minutes")]
        duration: Duration,
    },
    /// The impact index answers no request.
    ImpactOutage {
        /// Duration of the fault.
        #[serde(default = "five_minutes")]
        duration: Duration,
    },
    /// One process cannot reach one port; all other processes can.
    Partition {
        /// Process that the fault is injected into: a name, `any` or `all`.
        #[serde(default)]
        process: ProcessTarget,
        /// Port that the process cannot reach.
        port: PortName,
        /// Duration of the fault.
        #[serde(default = "ninety_seconds")]
        duration: Duration,
    },
    /// Retention removes terminal runs.
    Purge {
        /// Minimum time since a run ended for it to be removed.
        #[serde(default)]
        older_than: Duration,
    },
    /// The next messages of a queue are poison messages: every attempt to process them fails.
    PoisonedMessage {
        /// Queue that the fault is injected into.
        #[serde(default)]
        queue: QueueTarget,
        /// Number of poison messages.
        #[serde(default = "one")]
        #[schemars(range(min = 1, max = 10_000))]
        count: u32,
    },
    /// A queue's server fails over to a replica without the newest messages. Messages that are
    /// not leased are lost, and so are their idempotency keys.
    QueueFailover {
        /// Queue that the fault is injected into.
        #[serde(default)]
        queue: QueueTarget,
        /// Replication lag of the replica.
        #[serde(default = "ten_seconds")]
        lag: Duration,
    },
    /// The store is slower than usual.
    SlowStore {
        /// Duration of the fault.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// Factor by which the round-trip time is multiplied.
        #[serde(default = "hundred_times")]
        #[schemars(range(min = 1, max = 10_000))]
        factor: f64,
    },
    /// A queue is slower than usual.
    SlowQueue {
        /// Queue that the fault is injected into.
        #[serde(default)]
        queue: QueueTarget,
        /// Duration of the fault.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// Factor by which the round-trip time is multiplied.
        #[serde(default = "hundred_times")]
        #[schemars(range(min = 1, max = 10_000))]
        factor: f64,
    },
    /// A queue is created anew: all its messages and idempotency keys are lost, leased messages
    /// included, and its delivery numbers start again. Dead letters are kept.
    QueueReset {
        /// Queue that the fault is injected into.
        #[serde(default)]
        queue: QueueTarget,
    },
}

impl FaultEffect {
    /// Kind of the fault, without its parameters.
    pub const fn kind(&self) -> FaultKind {
        match self {
            Self::ProcessCrash { .. } => FaultKind::ProcessCrash,
            Self::GracefulStop { .. } => FaultKind::GracefulStop,
            Self::RollingDeploy { .. } => FaultKind::RollingDeploy,
            Self::ProcessPause { .. } => FaultKind::ProcessPause,
            Self::ClockSkew { .. } => FaultKind::ClockSkew,
            Self::ScannerOutage { .. } => FaultKind::ScannerOutage,
            Self::ScannerSlow { .. } => FaultKind::ScannerSlow,
            Self::ScannerError { .. } => FaultKind::ScannerError,
            Self::ScannerThrottle { .. } => FaultKind::ScannerThrottle,
            Self::ScannerRefusal { .. } => FaultKind::ScannerRefusal,
            Self::StoreOutage { .. } => FaultKind::StoreOutage,
            Self::CommitConflict { .. } => FaultKind::CommitConflict,
            Self::CommitAnswerLost { .. } => FaultKind::CommitAnswerLost,
            Self::QueueOutage { .. } => FaultKind::QueueOutage,
            Self::QueueDelay { .. } => FaultKind::QueueDelay,
            Self::DuplicateDelivery { .. } => FaultKind::DuplicateDelivery,
            Self::Reordering { .. } => FaultKind::Reordering,
            Self::AcknowledgementLost { .. } => FaultKind::AcknowledgementLost,
            Self::RenewalLost { .. } => FaultKind::RenewalLost,
            Self::NotifyOutage { .. } => FaultKind::NotifyOutage,
            Self::Partition { .. } => FaultKind::Partition,
            Self::Purge { .. } => FaultKind::Purge,
            Self::PoisonedMessage { .. } => FaultKind::PoisonedMessage,
            Self::ImpactOutage { .. } => FaultKind::ImpactOutage,
            Self::QueueFailover { .. } => FaultKind::QueueFailover,
            Self::SlowStore { .. } => FaultKind::SlowStore,
            Self::SlowQueue { .. } => FaultKind::SlowQueue,
            Self::QueueReset { .. } => FaultKind::QueueReset,
        }
    }

    /// Duration of the fault, with the key that states it.
    pub fn length(&self) -> Option<(&'static str, Duration)> {
        match self {
            Self::ProcessCrash { downtime, .. }
            | Self::GracefulStop { downtime, .. }
            | Self::RollingDeploy { downtime, .. } => Some(("downtime", *downtime)),
            Self::ProcessPause { duration, .. }
            | Self::ClockSkew { duration, .. }
            | Self::ScannerOutage { duration }
            | Self::ScannerSlow { duration, .. }
            | Self::ScannerError { duration, .. }
            | Self::ScannerThrottle { duration, .. }
            | Self::ScannerRefusal { duration, .. }
            | Self::StoreOutage { duration }
            | Self::CommitConflict { duration, .. }
            | Self::CommitAnswerLost { duration, .. }
            | Self::QueueOutage { duration, .. }
            | Self::QueueDelay { duration, .. }
            | Self::DuplicateDelivery { duration, .. }
            | Self::Reordering { duration, .. }
            | Self::AcknowledgementLost { duration, .. }
            | Self::RenewalLost { duration, .. }
            | Self::NotifyOutage { duration }
            | Self::ImpactOutage { duration }
            | Self::SlowStore { duration, .. }
            | Self::SlowQueue { duration, .. }
            | Self::Partition { duration, .. } => Some(("duration", *duration)),
            Self::Purge { .. }
            | Self::PoisonedMessage { .. }
            | Self::QueueFailover { .. }
            | Self::QueueReset { .. } => None,
        }
    }

    /// Process that the fault is injected into, if its kind has one.
    pub fn process(&self) -> Option<&ProcessTarget> {
        match self {
            Self::ProcessCrash { process, .. }
            | Self::GracefulStop { process, .. }
            | Self::ProcessPause { process, .. }
            | Self::ClockSkew { process, .. }
            | Self::Partition { process, .. } => Some(process),
            _ => None,
        }
    }

    /// Probability of an injection, if it is not certain.
    pub const fn probability(&self) -> Option<Share> {
        match self {
            Self::ScannerError { probability, .. }
            | Self::ScannerThrottle { probability, .. }
            | Self::ScannerRefusal { probability, .. }
            | Self::CommitConflict { probability, .. }
            | Self::CommitAnswerLost { probability, .. }
            | Self::QueueDelay { probability, .. }
            | Self::DuplicateDelivery { probability, .. }
            | Self::Reordering { probability, .. }
            | Self::AcknowledgementLost { probability, .. }
            | Self::RenewalLost { probability, .. } => Some(*probability),
            _ => None,
        }
    }
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

fn thirty_seconds() -> Duration {
    Duration::from_secs(30)
}

fn a_tenth() -> f64 {
    0.1
}

fn ninety_seconds() -> Duration {
    Duration::from_secs(90)
}

fn five_minutes() -> Duration {
    Duration::from_minutes(5)
}

fn ten_minutes() -> Duration {
    Duration::from_minutes(10)
}

fn thirty_minutes() -> Duration {
    Duration::from_minutes(30)
}

fn ten_seconds_always() -> DurationDistribution {
    DistributionSpec::from(ten_seconds())
}

fn ten_times() -> f64 {
    10.0
}

fn hundred_times() -> f64 {
    100.0
}

fn seldom() -> Share {
    Share(0.05)
}

fn often() -> Share {
    Share(0.5)
}

fn one() -> u32 {
    1
}
