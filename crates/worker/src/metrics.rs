//! Instruments of the Scheduler Worker, declared over the general metrics layer.

pub mod backlog;
pub mod catalog;
pub mod instruments;
pub mod label;
pub mod readings;
pub mod writes;

pub use backlog::{BacklogCache, BacklogOptions, ReadTime};
pub use instruments::{SchedulerWorkerMetrics, WorkerMetricsOptions};
pub use label::{
    AttemptOutcome, Delta, EventKind, Fate, Mode, PlannerStatus, QueueName, RunResult,
    ScannerOutcome, SegmentStatus,
};
pub use readings::Readings;
pub use writes::InstrumentWrites;
