//! Sections of the file format: plain data that serde reads and writes.
//!
//! The doc comments of these types and their fields are the descriptions in the JSON Schema and in
//! the reference of `docs/scenarios.md`.

mod advisories;
mod distribution;
mod expectation;
mod fault;
mod fleet;
mod operation;
mod population;
mod scanner;
mod schedule;
mod service;
mod target;
mod timing;
mod workers;

pub use advisories::{Advisories, AdvisoryRow, AdvisoryTrace, ComponentMapping};
pub use distribution::{CountDistribution, DistributionSpec, DurationDistribution, Share};
pub use expectation::{ExpectationScope, ExpectationSpec, Gates, TemporalOperator};
pub use fault::{FaultEffect, FaultSpec, MessageSchema};
pub use fleet::{CountOrNames, FleetSpec, Popularity};
pub use operation::{OperationKind, OperationSpec, ScheduleChanges};
pub use population::{Cadence, Population, ScopeWeights};
pub use scanner::{DeltaRates, LatencySpec, ScannerSpec, SeverityWeights};
pub use schedule::{LimitsSpec, OnlyIfSpec, ScheduleSpec, SelectorSpec};
pub use service::{QueueSpec, StoreSpec};
pub use target::{ProcessTarget, QueueTarget};
pub use timing::Timing;
pub use workers::{ProcessGroup, ProcessesSpec, WorkersSpec};
