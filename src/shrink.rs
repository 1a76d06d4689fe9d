//! Shrinking: the smallest scenario that still fails with the same cause.
//!
//! ```text
//!  bug ──materialize──> scenario in which all drawn faults and options are explicit
//!          │
//!          ▼   each reduction: remove, shorten, lower, round
//!       candidates ──run, a few seeds each──> first that fails with the same cause
//!          ▲                                              │
//!          └────────── until no reduction helps ──────────┘
//! ```
//!
//! Candidates run in parallel and are accepted in order. So the result does not depend on the
//! number of threads. This is delta debugging (Zeller and Hildebrandt, 2002) over the values of a
//! scenario file.

mod intensify;
mod reductions;
mod remove;
mod search;
mod shorten;
mod size;
mod toml_edit;

pub use search::{Shrink, ShrinkOptions, ShrinkProgress, Shrunk};
pub use size::ScenarioSize;
