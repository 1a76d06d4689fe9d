//! A finished rehearsal in, a document out: text for a terminal, JSON, `JUnit` XML, `OpenMetrics`,
//! HTML, and a recording from which others can be made later.
//!
//! [`RunReport`] is everything that a report can say, as plain data with a version; the writers
//! only arrange it.

mod build;
mod html;
mod json;
mod junit;
pub(crate) mod number;
mod quantiles;
mod record;
mod recording;
mod replay_command;
pub(crate) mod style;
mod summary;
mod terminal;
mod verdict;

pub use crate::check::expectation::ExpectationOutcome;
pub use html::{Dashboard, DashboardError, html};
pub use json::json;
pub use junit::junit;
pub use quantiles::QuantileSummary;
pub use record::RunRecord;
pub use recording::{EXTENSION, RecordingError, find_recording, read_recording, write_recording};
pub use replay_command::{replay_command, shell_line};
pub use summary::{
    DeterminismSummary, ExpectationSummary, FaultSummary, GateSummary, InstrumentSummary,
    InvariantSummary, RunReport, RunsSummary, SCHEMA, SeriesSummary, SeriesSummaryValue,
    StuckRunSummary, ViolationSummary,
};
pub use terminal::terminal;
pub use verdict::{Verdict, worst_exit_code};
