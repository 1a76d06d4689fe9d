//! Comparison of two builds or two sets of options, paired by seed, with confidence intervals.
//!
//! ```text
//!  sweep   ─┐                         ┌─> paired difference of each number, with its interval
//!  runs    ─┼─> two ComparisonSides ──┼─> seeds that fail on one side only
//!  options ─┘                         └─> histograms side by side
//! ```
//!
//! Both sides run the same seeds. The difference within each pair removes most of the variation
//! between seeds (common random numbers). Its mean has a Student t interval of [`CONFIDENCE`]. If
//! the interval contains zero, these seeds show no difference.

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
