//! Settings of the observed world that the invariants depend on.

use std::sync::Arc;
use std::time::Duration;

use super::{Inventory, WorkTimes};
use crate::check::instruments::GaugeSeries;
use crate::worker::options::WorkerOptions;

/// Settings of the observed world that the invariants depend on.
#[derive(Debug, Clone)]
pub struct OracleOptions {
    /// Every image, in the order in which the impact index answers.
    pub inventory: Arc<Inventory>,
    /// Options of the worker processes.
    pub worker: WorkerOptions,
    /// Observed gauges that some process must expose.
    pub gauges: Vec<GaugeSeries>,
    /// Maximum time before a relay notices what a commit leaves for it: a commit wakes relays of
    /// its own process, and others poll.
    pub relay_notice: Duration,
    /// A due fire that is undecided for longer, with nothing wrong in the world, was forgotten.
    pub fire_patience: Duration,
    /// Mean times of work without faults.
    pub work_times: WorkTimes,
    /// Violations of one invariant that are kept; all are counted.
    pub violations_kept: usize,
}

impl OracleOptions {
    /// Time for which true values of gauges are kept: a process withholds an older reading, even if
    /// its clock is slow by half.
    pub(crate) fn history_kept(&self) -> Duration {
        self.worker.backlog_refresh * 4
    }
}

impl Default for OracleOptions {
    fn default() -> Self {
        Self {
            inventory: Arc::default(),
            worker: WorkerOptions::default(),
            gauges: GaugeSeries::ALL.to_vec(),
            relay_notice: Duration::ZERO,
            fire_patience: Duration::from_secs(120),
            work_times: WorkTimes::default(),
            violations_kept: 20,
        }
    }
}
