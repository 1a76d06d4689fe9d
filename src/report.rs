//! A finished rehearsal in, a document out: text for a terminal, JSON, `JUnit` XML, `OpenMetrics`,
//! HTML, and a recording from which others can be made later.
//!
//! [`RunReport`] is everything that a report can say, as plain data with a version; the writers
//! only arrange it.

mod build;
pub(crate) mod format;
mod html;
mod junit;
mod recording;
mod replay_command;
mod summary;
mod terminal;
mod verdict;

pub use crate::check::expectation::ExpectationOutcome;
pub use html::{Dashboard, DashboardError, html};
pub use junit::junit;
pub use recording::{
    EXTENSION, RecordingError, RunRecord, find_recording, read_recording, write_recording,
};
pub use replay_command::{replay_command, shell_line};
pub use summary::{
    DeterminismSummary, ExpectationSummary, FaultSummary, GateSummary, InstrumentSummary,
    InvariantSummary, QuantileSummary, RunReport, RunsSummary, SCHEMA, SeriesSummary,
    SeriesSummaryValue, StuckRunSummary, ViolationSummary, json,
};
pub use terminal::terminal;
pub use verdict::{Verdict, worst_exit_code};
