//! The observed gauges of the extensions.

use std::fmt;

use crate::model::Mode;
use crate::model::observation::QueueName;

/// One of the extensions' observed gauges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GaugeSeries {
    /// `scheduler_queue_depth`
    QueueDepth(QueueName),
    /// `scheduler_queue_oldest_ready_age_seconds`
    OldestReady(QueueName),
    /// `scheduler_outbox_depth`
    OutboxDepth,
    /// `scheduler_run_since_progress_seconds`
    SinceProgress(Mode),
}

impl GaugeSeries {
    /// Every series.
    pub const ALL: [Self; 7] = [
        Self::QueueDepth(QueueName::Planner),
        Self::QueueDepth(QueueName::Runner),
        Self::OldestReady(QueueName::Planner),
        Self::OldestReady(QueueName::Runner),
        Self::OutboxDepth,
        Self::SinceProgress(Mode::AnalysisOnly),
        Self::SinceProgress(Mode::ContentRefresh),
    ];

    /// Position in [`GaugeSeries::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Self::QueueDepth(queue) => queue as usize,
            Self::OldestReady(queue) => QueueName::ALL.len() + queue as usize,
            Self::OutboxDepth => 2 * QueueName::ALL.len(),
            Self::SinceProgress(mode) => 2 * QueueName::ALL.len() + 1 + mode.index(),
        }
    }
}

impl fmt::Display for GaugeSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, label, value) = match self {
            Self::QueueDepth(queue) => ("scheduler_queue_depth", "queue", queue.as_str()),
            Self::OldestReady(queue) => (
                "scheduler_queue_oldest_ready_age_seconds",
                "queue",
                queue.as_str(),
            ),
            Self::OutboxDepth => return f.write_str("scheduler_outbox_depth"),
            Self::SinceProgress(mode) => (
                "scheduler_run_since_progress_seconds",
                "mode",
                mode.as_str(),
            ),
        };
        write!(f, "{name}{{{label}=\"{value}\"}}")
    }
}
