//! Documents about a finished rehearsal: terminal text, JSON, `JUnit` XML, HTML, and the
//! recording from which reports can be made later.
//!
//! [`RunReport`] contains everything that a report shows, as plain data with a schema version.
//! The writers only arrange it, so all formats show the same facts.

mod build;
pub(crate) mod format;
mod html;
pub(crate) mod junit;
mod printable;
mod recording;
mod replay_command;
mod summary;
mod table;
mod terminal;
mod verdict;

pub use crate::check::expectation::ExpectationOutcome;
pub use html::{Dashboard, DashboardError, html};
pub use junit::junit;
pub use printable::printable;
pub use recording::{
    EXTENSION, RecordedRun, RecordingError, find_recording, read_recording, write_recording,
};
pub use replay_command::{replay_command, shell_line};
pub use summary::{
    CallSummary, DeterminismSummary, ExpectationSummary, FaultSummary, GateSummary,
    InstrumentSummary, InvariantSummary, QuantileSummary, RunReport, RunsSummary, SCHEMA,
    SeriesSummary, SeriesSummaryValue, SkippedExpectationSummary, StationSummary, StuckRunSummary,
    ViolationSummary, WaitSummary, json,
};
pub use table::table;
pub use terminal::terminal;
pub use verdict::{Verdict, worst_exit_code};
