//! Rehearsal: the planner and runner pipelines of the `StellaOps` Scheduler Worker, and a
//! deterministic simulator that checks what their metrics say against the truth.

pub mod alerts;
pub mod bundled;
pub mod check;
pub mod comparison;
pub mod metrics;
pub mod rehearsal;
pub mod replay;
pub mod report;
pub mod scenario;
pub mod shrink;
pub mod sim;
pub mod sweep;
mod threads;

pub use rehearsal_files as files;
pub use rehearsal_promql as promql;
#[cfg(feature = "service")]
pub use rehearsal_service::{self as service, http as live};
pub use rehearsal_worker::{self as worker, model};
