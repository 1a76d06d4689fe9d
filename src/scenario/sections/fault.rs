//! What goes wrong.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::fault::FaultKind;
use crate::model::observation::PortName;

use crate::scenario::{DistributionSpec, Duration, DurationDistribution, Share, Timing};

/// One fault, or one that repeats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FaultSpec {
    /// When it strikes.
    #[serde(flatten)]
    pub timing: Timing,
    /// What it is.
    #[serde(flatten)]
    pub effect: FaultEffect,
}

/// Every fault that the simulated world knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum FaultEffect {
    /// A process dies at whatever it is doing, and starts anew.
    ProcessCrash {
        /// Which.
        #[serde(default)]
        process: ProcessTarget,
        /// How long it is down.
        #[serde(default = "ten_seconds")]
        downtime: Duration,
    },
    /// A process is asked to stop, finishes or hands back what it holds, and starts anew.
    GracefulStop {
        /// Which.
        #[serde(default)]
        process: ProcessTarget,
        /// How long it is down.
        #[serde(default = "ten_seconds")]
        downtime: Duration,
    },
    /// Every process is stopped gracefully and started anew, one after the other.
    RollingDeploy {
        /// How long each is down.
        #[serde(default = "ten_seconds")]
        downtime: Duration,
        /// How long to wait after one is up before the next is stopped.
        #[serde(default = "thirty_seconds")]
        pause: Duration,
    },
    /// A process stands still and then goes on as if nothing had happened.
    ProcessPause {
        /// Which.
        #[serde(default)]
        process: ProcessTarget,
        /// For how long.
        #[serde(default = "ninety_seconds")]
        duration: Duration,
    },
    /// A process's own clock runs fast or slow.
    ClockSkew {
        /// Which.
        #[serde(default)]
        process: ProcessTarget,
        /// For how long.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// By how much it gains: 0.1 is a tenth fast, -0.1 a tenth slow.
        #[serde(default = "a_tenth")]
        #[schemars(range(min = -0.9, max = 10))]
        drift: f64,
    },
    /// The Scanner answers nobody.
    ScannerOutage {
        /// For how long.
        #[serde(default = "ten_minutes")]
        duration: Duration,
    },
    /// The Scanner takes longer than usual.
    ScannerSlow {
        /// For how long.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// How many times as long.
        #[serde(default = "ten_times")]
        #[schemars(range(min = 1, max = 10_000))]
        factor: f64,
    },
    /// The Scanner answers with a server error.
    ScannerError {
        /// For how long.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// How likely for a request.
        #[serde(default = "often")]
        probability: Share,
    },
    /// The Scanner answers 429, too many requests, with Retry-After.
    #[serde(rename = "scanner-429")]
    ScannerThrottle {
        /// For how long.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// How likely for a request.
        #[serde(default = "often")]
        probability: Share,
        /// What it says in Retry-After; rounded up to whole seconds.
        #[serde(default = "ten_seconds_always")]
        retry_after: DurationDistribution,
    },
    /// The Scanner refuses images for good.
    ScannerRefusal {
        /// For how long.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// How likely for a request.
        #[serde(default = "seldom")]
        probability: Share,
    },
    /// The store answers nobody.
    StoreOutage {
        /// For how long.
        #[serde(default = "five_minutes")]
        duration: Duration,
    },
    /// The store refuses commits because something else was faster.
    CommitConflict {
        /// For how long.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// How likely for a commit.
        #[serde(default = "seldom")]
        probability: Share,
    },
    /// The store takes a commit, but its answer does not arrive.
    CommitAnswerLost {
        /// For how long.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// How likely for a commit.
        #[serde(default = "seldom")]
        probability: Share,
    },
    /// A queue answers nobody.
    QueueOutage {
        /// Which.
        #[serde(default)]
        queue: QueueTarget,
        /// For how long.
        #[serde(default = "five_minutes")]
        duration: Duration,
    },
    /// Messages become visible late.
    QueueDelay {
        /// On which queue.
        #[serde(default)]
        queue: QueueTarget,
        /// For how long.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// How late.
        #[serde(default = "ten_seconds_always")]
        delay: DurationDistribution,
        /// How likely for a message.
        #[serde(default = "often")]
        probability: Share,
    },
    /// A message is delivered twice.
    DuplicateDelivery {
        /// On which queue.
        #[serde(default)]
        queue: QueueTarget,
        /// For how long.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// How likely for a message.
        #[serde(default = "seldom")]
        probability: Share,
    },
    /// Messages overtake one another.
    Reordering {
        /// On which queue.
        #[serde(default)]
        queue: QueueTarget,
        /// For how long.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// How likely for a message.
        #[serde(default = "often")]
        probability: Share,
    },
    /// A queue does not take note of acknowledgements.
    AcknowledgementLost {
        /// Which.
        #[serde(default)]
        queue: QueueTarget,
        /// For how long.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// How likely for an acknowledgement.
        #[serde(default = "seldom")]
        probability: Share,
    },
    /// Renewals of leases fail.
    RenewalLost {
        /// On which queue.
        #[serde(default)]
        queue: QueueTarget,
        /// For how long.
        #[serde(default = "ten_minutes")]
        duration: Duration,
        /// How likely for a renewal.
        #[serde(default = "often")]
        probability: Share,
    },
    /// Notify answers nobody.
    NotifyOutage {
        /// For how long.
        #[serde(default = "thirty_minutes")]
        duration: Duration,
    },
    /// The impact index answers nobody.
    ImpactOutage {
        /// For how long.
        #[serde(default = "five_minutes")]
        duration: Duration,
    },
    /// One process is cut off from one port; everyone else is not.
    Partition {
        /// Which process.
        #[serde(default)]
        process: ProcessTarget,
        /// From what.
        port: PortName,
        /// For how long.
        #[serde(default = "ninety_seconds")]
        duration: Duration,
    },
    /// Retention removes finished runs.
    Purge {
        /// Only those that ended longer ago than this.
        #[serde(default)]
        older_than: Duration,
    },
    /// The next messages of a queue cannot be worked, ever.
    PoisonedMessage {
        /// Which queue's.
        #[serde(default)]
        queue: QueueTarget,
        /// How many messages.
        #[serde(default = "one")]
        #[schemars(range(min = 1, max = 10_000))]
        count: u32,
    },
    /// A queue's server fails over to a replica that has not got the newest messages. Those that
    /// nobody has leased are lost, and their idempotency keys with them.
    QueueFailover {
        /// Which queue's.
        #[serde(default)]
        queue: QueueTarget,
        /// How far behind the replica is.
        #[serde(default = "ten_seconds")]
        lag: Duration,
    },
}

impl FaultEffect {
    /// Its name, without the particulars.
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
        }
    }

    /// How long it lasts, by the key that says so.
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
            | Self::Partition { duration, .. } => Some(("duration", *duration)),
            Self::Purge { .. } | Self::PoisonedMessage { .. } | Self::QueueFailover { .. } => None,
        }
    }

    /// Which process it strikes, if it strikes one.
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

    /// How likely it bites each time, if that is not certain.
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

/// Which processes a fault strikes: a name, `any` (one, drawn by the seed each time) or `all`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub enum ProcessTarget {
    /// One process, drawn by the seed each time.
    #[default]
    Any,
    /// Every process.
    All,
    /// The process of this name.
    Named(String),
}

impl From<String> for ProcessTarget {
    fn from(text: String) -> Self {
        match text.as_str() {
            "any" => Self::Any,
            "all" => Self::All,
            _ => Self::Named(text),
        }
    }
}

impl From<ProcessTarget> for String {
    fn from(target: ProcessTarget) -> Self {
        match target {
            ProcessTarget::Any => "any".into(),
            ProcessTarget::All => "all".into(),
            ProcessTarget::Named(name) => name,
        }
    }
}

/// One of the two queues, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum QueueTarget {
    /// Planned runs, on their way to the dispatcher.
    Planner,
    /// Segments, on their way to a runner.
    Runner,
    /// Both.
    #[default]
    All,
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

fn seldom() -> Share {
    Share(0.05)
}

fn often() -> Share {
    Share(0.5)
}

fn one() -> u32 {
    1
}
