//! Constants of the world that no scenario sets.

use std::time::Duration;

use crate::model::time::nanos_of;

/// Timeouts and windows of the clients and services.
#[derive(Debug, Clone)]
pub struct WorldOptions {
    /// Delay after which a connection to an unreachable service fails.
    pub connect_delay_ns: u64,
    /// Timeout of a client for an answer.
    pub client_timeout_ns: u64,
    /// Time for which the queues remember idempotency keys.
    pub idempotency_window: Duration,
    /// Time after `stopGrace` at which a process that has not stopped is killed.
    pub stop_margin: Duration,
    /// Delay after which an operator asks another process.
    pub operator_retry_delay: Duration,
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self {
            connect_delay_ns: nanos_of(Duration::from_millis(10)),
            client_timeout_ns: nanos_of(Duration::from_secs(5)),
            idempotency_window: Duration::from_mins(2),
            stop_margin: Duration::from_secs(10),
            operator_retry_delay: Duration::from_secs(30),
        }
    }
}
