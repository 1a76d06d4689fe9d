//! The metrics layer.

pub mod backlog;
pub mod bounds;
pub mod catalog;
pub mod counter;
pub mod definition;
pub mod exact;
pub mod exposition;
pub mod gauge;
mod hash;
pub mod histogram;
pub mod label;
pub mod labels;
#[cfg(all(test, feature = "model-check"))]
mod model;
pub(crate) mod number;
pub mod observe;
pub mod observed;
pub mod open;
mod place;
pub mod read;
mod recorder;
pub mod registry;
pub mod series;
mod shelf;
mod slab;
mod slot;
pub mod snapshot;
mod sync;
pub mod worker;

pub use backlog::{BacklogCache, BacklogOptions};
pub use bounds::{Bounds, BoundsError};
pub use counter::{Counter, CounterFamily, UpDown, UpDownFamily};
pub use definition::{Definition, Family, Kind, Origin, RegisterError, Text, Unit};
pub use exact::{Precision, PrecisionError, Quantiles};
pub use gauge::Gauge;
pub use histogram::{Histogram, HistogramFamily, HistogramReading};
pub use label::{
    AttemptOutcome, ClosedLabel, Delta, EventKind, Fate, LabelSet, Mode, PlannerStatus, QueueName,
    RunResult, SampleFault, ScannerOutcome, SegmentStatus,
};
pub use labels::{Labels, OVERFLOW};
pub use observe::{CollectContext, Observe};
pub use observed::ObservedFamily;
pub use open::Open;
pub use read::Readings;
pub use registry::Registry;
pub use series::Recording;
pub use shelf::RegistryOptions;
pub use snapshot::{FamilySnapshot, Reading, SeriesSnapshot, Snapshot, Value, Visitor};
pub use worker::{SchedulerWorkerMetrics, WorkerMetricsOptions};
