//! Sweeps: many seeds of one scenario, their failures by cause, and their coverage.
//!
//! ```text
//!  seeds ──> worker threads, one seed each ──trials──> merged in seed order ──> result
//!            (a rehearsal is single-threaded)              │
//!                                                          └──> stop at plateau or time limit
//! ```
//!
//! A result has no wall-clock times and trials are merged in seed order. So the merged results of
//! shards equal, byte for byte, the result of one sweep over all their seeds.

mod bug;
mod cause;
mod constant_keys;
mod coverage;
mod coverage_observer;
mod directory;
mod driver;
mod expectation_share;
mod result;
mod row_checksum;
mod rows;
mod running_seeds;
mod seed_scheduler;
mod seeds;
mod text;
mod trial;

pub use bug::{Bug, BugError};
pub use cause::{FailureCause, first_violation};
pub use constant_keys::ConstantKeys;
pub use coverage::{Coverage, CoverageMark};
pub use directory::{SweepDirectory, is_fresh, read_result, read_sweep};
pub use driver::{Sweep, SweepEnd, SweepOptions};
pub use expectation_share::{ExpectationShare, RequiredSeeds};
pub use result::{
    HistogramCounts, ResultError, SweepFailure, SweepResult, SweepSubject, VerdictCounts,
};
pub use row_checksum::RowChecksum;
pub use running_seeds::{RunningSeeds, read_running};
pub use seeds::{SeedSet, Shard};
pub use text::text;
pub use trial::{SeedFailure, SeedRow, Trial, TrialOptions};
