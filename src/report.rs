//! A finished rehearsal in, a document out: text for a terminal, JSON, `JUnit` XML, `OpenMetrics`,
//! HTML, and a recording from which others can be made later.
//!
//! [`RunReport`] is everything that a report can say, as plain data with a version; the writers
//! only arrange it.

mod again;
mod build;
mod html;
mod json;
mod junit;
pub(crate) mod number;
mod quantiles;
mod record;
mod recording;
pub(crate) mod style;
mod summary;
mod terminal;
mod verdict;

pub use crate::check::expectation::ExpectationOutcome;
pub use again::{again, shell_line};
pub use html::{Dashboard, DashboardError, html};
pub use json::json;
pub use junit::junit;
pub use quantiles::Quantiles;
pub use record::RunRecord;
pub use recording::{EXTENSION, RecordingError, find_recording, read_recording, write_recording};
pub use summary::{
    Determinism, Expectation, Fault, Gate, Instrument, Invariant, RunReport, Runs, SCHEMA, Series,
    SeriesValue, StuckRun, Violation,
};
pub use terminal::terminal;
pub use verdict::{Verdict, worst_exit_code};
