//! The smallest scenario that still fails in the same way.
//!
//! ```text
//!  bug ──concrete──> scenario in which everything drawn is stated
//!          │
//!          ▼   each reduction: leave something out, make it smaller, rounder, plainer
//!       candidates ──rehearsed, a few seeds each──> the first that fails of the same cause
//!          ▲                                              │
//!          └────────── until nothing more can go ─────────┘
//! ```
//!
//! Candidates are rehearsed in parallel and taken in their order, so the result does not depend on
//! how many threads there are. This is delta debugging (Zeller and Hildebrandt, 2002) over the
//! values of a scenario file.

mod intensify;
mod reductions;
mod remove;
mod search;
mod shorten;
mod size;
mod toml_edit;

pub use search::{Shrink, ShrinkOptions, ShrinkProgress, Shrunk};
pub use size::ScenarioSize;
