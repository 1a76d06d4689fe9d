//! Settings of the observed world that the invariants depend on.

use std::sync::Arc;
use std::time::Duration;

use super::Inventory;
use crate::check::instruments::GaugeSeries;

/// Settings of the observed world that the invariants depend on.
#[derive(Debug, Clone)]
pub struct OracleOptions {
    /// Every image, in the order in which the impact index answers.
    pub inventory: Arc<Inventory>,
    /// Age at which a process withholds a backlog value.
    pub backlog_refresh: Duration,
    /// Observed gauges that some process must expose.
    pub gauges: Vec<GaugeSeries>,
    /// Duration of a lease.
    pub lease: Duration,
    /// Maximum time for which a process waits for a message.
    pub receive_wait_time: Duration,
    /// Maximum time for which a stopping process may finish work.
    pub stop_grace: Duration,
    /// Runs that a planner takes up at once.
    pub planner_batch: u32,
    /// Tries to plan a run.
    pub planner_attempts: u32,
    /// Tries to work a message.
    pub max_delivery_attempts: u32,
    /// Requests per image and delivery at most.
    pub scanner_attempts: u32,
    /// A run open for longer ends in `Error`.
    pub run_timeout: Duration,
    /// A due fire that is undecided for longer, with nothing wrong in the world, was forgotten.
    pub fire_patience: Duration,
    /// The scenario says that the fleet can't keep up: runs may time out without a fault.
    pub overload_expected: bool,
    /// Violations of one invariant that are kept; all are counted.
    pub violations_kept: usize,
}

impl OracleOptions {
    /// Time for which true values of gauges are kept: a process withholds an older reading, even if
    /// its clock is slow by half.
    pub(crate) fn history_kept(&self) -> Duration {
        self.backlog_refresh * 4
    }
}

impl Default for OracleOptions {
    fn default() -> Self {
        Self {
            inventory: Arc::default(),
            backlog_refresh: Duration::from_secs(15),
            gauges: GaugeSeries::ALL.to_vec(),
            lease: Duration::from_secs(60),
            receive_wait_time: Duration::from_secs(20),
            stop_grace: Duration::from_secs(30),
            planner_batch: 20,
            planner_attempts: 5,
            max_delivery_attempts: 5,
            scanner_attempts: 3,
            run_timeout: Duration::from_secs(24 * 3_600),
            fire_patience: Duration::from_secs(120),
            overload_expected: false,
            violations_kept: 20,
        }
    }
}
