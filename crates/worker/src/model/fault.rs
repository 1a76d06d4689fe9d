//! Faults of the simulated services and processes, by name.

use serde::{Deserialize, Serialize};

macro_rules! fault_kinds {
    ($($name:ident = $text:literal: $doc:literal),* $(,)?) => {
        /// Kind of a fault that the simulator can inject.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[derive(schemars::JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum FaultKind {
            $(#[doc = $doc] #[serde(rename = $text)] $name,)*
        }

        impl FaultKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the name in scenario files and reports.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Returns the effect in one line.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $doc,)*
                }
            }
        }
    };
}

fault_kinds! {
    ProcessCrash = "process-crash": "A process dies at any point of its work, and restarts.",
    GracefulStop = "graceful-stop": "A process is requested to stop, and restarts later.",
    RollingDeploy = "rolling-deploy": "All processes are stopped and restarted one by one.",
    ProcessPause = "process-pause": "A process is paused for a while and then continues.",
    ClockSkew = "clock-skew": "A process's own clock runs fast or slow.",
    ScannerOutage = "scanner-outage": "The Scanner answers no request.",
    ScannerSlow = "scanner-slow": "The Scanner takes several times as long.",
    ScannerError = "scanner-error": "The Scanner answers some requests with 5xx.",
    ScannerThrottle = "scanner-429": "The Scanner answers 429 with Retry-After.",
    ScannerRefusal = "scanner-refusal": "The Scanner refuses some images permanently (404, 422).",
    StoreOutage = "store-outage": "The store answers no call.",
    CommitConflict = "commit-conflict": "The store answers some commits with a version conflict.",
    CommitAnswerLost = "commit-answer-lost": "A commit is applied, but its answer is lost.",
    QueueOutage = "queue-outage": "The queues answer no call.",
    QueueDelay = "queue-delay": "Messages become ready later than they were enqueued.",
    DuplicateDelivery = "duplicate-delivery": "A message is delivered twice.",
    Reordering = "reordering": "Messages are delivered out of order.",
    AcknowledgementLost = "acknowledgement-lost": "An acknowledgement is lost on its way.",
    RenewalLost = "renewal-lost": "Lease renewals fail.",
    NotifyOutage = "notify-outage": "Notify accepts no event.",
    Partition = "partition": "One process can't reach one port.",
    Purge = "purge": "Retention purges finished runs.",
    PoisonedMessage = "poisoned-message": "A message's body can't be read by any process.",
    ImpactOutage = "impact-outage": "The impact index answers no query.",
    QueueFailover = "queue-failover": "A queue loses its newest messages that are not leased.",
    SlowStore = "slow-store": "The store takes several times as long.",
    SlowQueue = "slow-queue": "The queues take several times as long.",
    QueueReset = "queue-reset": "A queue is created anew, without its messages.",
}
