//! Constants of the world that no scenario speaks of.

use std::time::Duration;

use crate::model::time::nanos_of;

/// What the clients and services of the world are like.
#[derive(Debug, Clone)]
pub struct WorldOptions {
    /// How long it takes to find that a service can't be reached.
    pub connect_delay_ns: u64,
    /// How long a client waits for an answer.
    pub client_timeout_ns: u64,
    /// How long the queues remember idempotency keys.
    pub idempotency_window: Duration,
    /// How long after `stopGrace` a process that hasn't stopped is killed.
    pub stop_margin: Duration,
    /// How long an operator waits before asking another process.
    pub operator_patience: Duration,
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self {
            connect_delay_ns: nanos_of(Duration::from_millis(10)),
            client_timeout_ns: nanos_of(Duration::from_secs(5)),
            idempotency_window: Duration::from_mins(2),
            stop_margin: Duration::from_secs(10),
            operator_patience: Duration::from_secs(30),
        }
    }
}
