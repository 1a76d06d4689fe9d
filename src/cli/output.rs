//! Standard output and standard error.

use std::io::{ErrorKind, Write};

use clap::ValueEnum;
use rehearsal::report::printable;

use super::error::CliError;

/// Format of a report or a scorecard on standard output.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Text for a terminal
    Text,
    /// One JSON document; an array for several scenarios
    Json,
    /// `JUnit` XML, for CI
    Junit,
}

/// Format of a result that `JUnit` XML has no form for.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ResultFormat {
    /// Text for a terminal
    Text,
    /// One JSON document
    Json,
}

/// Prints to standard output. A closed pipe is not an error: the reader needs no more.
pub fn print(text: &str) -> Result<(), CliError> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CliError::Io(format!(
            "can't write to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}

/// Prints a text for people to standard output, without control characters of user data.
pub fn print_text(text: &str) -> Result<(), CliError> {
    print(&printable(text))
}

/// Prints a line to standard error: a banner, a notice or an error. A failure is ignored.
pub fn print_status(text: &str) {
    let text = printable(text);
    let mut err = anstream::stderr().lock();
    let _ = writeln!(err, "{text}");
}
