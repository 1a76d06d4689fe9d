//! Two sides, seed by seed: what one changes against the other, and whether that is more than chance.
//!
//! ```text
//!  sweep A ─┐                ┌─> a paired difference for each number, with its interval
//!  runs  A ─┼─> ComparisonSide, ComparisonSide ──┼─> seeds that fail on one side only
//!  options ─┘   (by seed)    └─> histograms side by side
//! ```
//!
//! Both sides have the same seeds, so most of what differs from seed to seed is taken out by looking
//! at the difference within each. Its mean over the seeds has a Student's t interval of
//! [`CONFIDENCE`]. Where that holds zero, the sides do not differ as far as these seeds can tell.

mod effect;
mod histograms;
mod report;
mod side;
mod text;

pub use effect::{CONFIDENCE, Effect, EffectFinding};
pub use histograms::{HistogramBar, HistogramPair};
pub use report::{Comparison, SCHEMA, SideSummary};
pub use side::{ComparisonSide, SideError};
pub use text::text;
