//! Errors of commands, with their exit codes.

use std::fmt::Display;

use rehearsal::files::FileError;
use rehearsal::rehearsal::RehearsalError;
use rehearsal::report::RecordingError;
use rehearsal::scenario::LoadError;
use rehearsal::sweep::{BugError, ResultError};

/// Error of a command.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A scenario file can't be read, or has errors.
    #[error("{}", message(.0))]
    Scenario(#[from] LoadError),
    /// A file or stream can't be read or written.
    #[error("error: {0}")]
    Io(String),
    /// The command line, or a file that it names, is invalid.
    #[error("error: {0}")]
    Usage(String),
}

impl CliError {
    /// Exit code of an invalid command line or scenario.
    pub const USAGE: u8 = 2;

    /// Exit code of an I/O error.
    pub const IO: u8 = 1;

    /// Invalid use, with the error as its message.
    pub fn usage(error: impl Display) -> Self {
        Self::Usage(error.to_string())
    }

    /// I/O error, with the error as its message.
    pub fn io(error: impl Display) -> Self {
        Self::Io(error.to_string())
    }

    /// Error of rendering `JUnit` XML.
    pub fn junit(error: impl Display) -> Self {
        Self::Io(format!("can't write JUnit XML: {error}"))
    }

    /// Exit code of the program.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Scenario(LoadError::Invalid(_)) | Self::Usage(_) => Self::USAGE,
            Self::Scenario(LoadError::Unreadable(_)) | Self::Io(_) => Self::IO,
        }
    }
}

fn message(error: &LoadError) -> String {
    match error {
        // The stream strips the styles where standard error is not a terminal.
        LoadError::Invalid(diagnostics) => diagnostics.render(true),
        LoadError::Unreadable(_) => format!("error: {error}"),
    }
}

impl From<FileError> for CliError {
    fn from(error: FileError) -> Self {
        match error.is_usage() {
            true => Self::usage(error),
            false => Self::io(error),
        }
    }
}

impl From<BugError> for CliError {
    fn from(error: BugError) -> Self {
        match error {
            BugError::Scenario(error) => Self::Scenario(error),
            BugError::Unreadable(error) => error.into(),
            BugError::Foreign { .. } => Self::usage(error),
        }
    }
}

impl From<RecordingError> for CliError {
    fn from(error: RecordingError) -> Self {
        match error {
            RecordingError::Unreadable(error) => error.into(),
            RecordingError::NotOne { .. }
            | RecordingError::Foreign { .. }
            | RecordingError::Damaged { .. } => Self::usage(error),
        }
    }
}

impl From<ResultError> for CliError {
    fn from(error: ResultError) -> Self {
        match error {
            ResultError::Unreadable(error) => error.into(),
            _ => Self::usage(error),
        }
    }
}

impl From<RehearsalError> for CliError {
    fn from(error: RehearsalError) -> Self {
        match error {
            RehearsalError::Thread(_) => Self::io(error),
            RehearsalError::Scenario(_) => Self::usage(error),
        }
    }
}
