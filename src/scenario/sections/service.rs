//! Capacity of the store and of the queues.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scenario::{DistributionSpec, Duration, DurationDistribution};

/// Capacity of the store: a service station. Calls wait for one of its servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StoreSpec {
    /// Number of calls that are served at once.
    #[schemars(range(min = 1, max = 10_000))]
    pub servers: u32,
    /// Service time of a read.
    pub read_time: DurationDistribution,
    /// Service time of a write that is no commit.
    pub write_time: DurationDistribution,
    /// Service time of a commit.
    pub commit_time: DurationDistribution,
    /// Whether commits that write the same run or the same schedule are served one after another.
    pub row_locks: bool,
    /// Maximum number of open calls of a process; further calls wait. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub connections_per_process: Option<u32>,
    /// Time after which a call that waits for a connection fails. Default: that of every call, 5 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_timeout: Option<Duration>,
}

impl Default for StoreSpec {
    fn default() -> Self {
        Self {
            servers: 8,
            read_time: constant(Duration::from_millis(1)),
            write_time: constant(Duration::from_millis(2)),
            commit_time: constant(Duration::from_millis(5)),
            row_locks: true,
            connections_per_process: None,
            connection_timeout: None,
        }
    }
}

/// Capacity of the queues, which share one server machine: a service station. Calls wait for one of
/// its servers. A process that waits for a message waits without one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct QueueSpec {
    /// Number of calls that are served at once.
    #[schemars(range(min = 1, max = 10_000))]
    pub servers: u32,
    /// Service time of an enqueue.
    pub enqueue_time: DurationDistribution,
    /// Service time of a request for a message.
    pub lease_time: DurationDistribution,
    /// Service time of every other call: renewals, acknowledgements, releases, depths.
    pub answer_time: DurationDistribution,
    /// Maximum number of open calls of a process; further calls wait. Requests for messages have
    /// connections of their own. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub connections_per_process: Option<u32>,
    /// Time after which a call that waits for a connection fails. Default: that of every call, 5 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_timeout: Option<Duration>,
}

impl Default for QueueSpec {
    fn default() -> Self {
        Self {
            servers: 1,
            enqueue_time: constant(Duration::from_nanos(100_000)),
            lease_time: constant(Duration::from_nanos(100_000)),
            answer_time: constant(Duration::from_nanos(100_000)),
            connections_per_process: None,
            connection_timeout: None,
        }
    }
}

const fn constant(value: Duration) -> DurationDistribution {
    DistributionSpec::Constant { value }
}
