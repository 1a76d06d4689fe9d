//! Many seeds of one scenario: which fail, of what cause, and what was covered.
//!
//! ```text
//!  seeds ──> workers, one seed each at a time ──trials──> in order of seeds ──> result
//!            (a rehearsal is single-threaded)                 │
//!                                                             └──> stop at a plateau, or out of time
//! ```
//!
//! A result holds no real time, so that the merged results of shards equal, byte for byte, that of
//! one sweep over all of their seeds.

mod bug;
mod cause;
mod coverage;
mod coverage_observer;
mod directory;
mod driver;
mod result;
mod seed_scheduler;
mod seeds;
mod text;
mod trial;

pub use bug::{Bug, BugError};
pub use cause::{FailureCause, first_violation};
pub use coverage::{Coverage, CoverageMark};
pub use directory::{
    RunningSeeds, SweepDirectory, WriteError, is_fresh, read_result, read_rows, read_running,
};
pub use driver::{Sweep, SweepEnd, SweepOptions};
pub use result::{
    HistogramCounts, ResultError, SweepFailure, SweepResult, SweepSubject, VerdictCounts,
};
pub use seeds::{SeedSet, Shard};
pub use text::text;
pub use trial::{SeedFailure, SeedRow, Trial, TrialOptions};
