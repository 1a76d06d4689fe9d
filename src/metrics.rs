//! The general metrics layer, together with the worker's instruments.

pub use rehearsal_metrics::*;
pub use rehearsal_worker::metrics::{
    AttemptOutcome, BacklogCache, BacklogOptions, Delta, EventKind, Fate, InstrumentWrites, Mode,
    PlannerStatus, QueueName, ReadTime, Readings, RunResult, ScannerOutcome,
    SchedulerWorkerMetrics, SegmentStatus, WorkerMetricsOptions, backlog, catalog,
};
