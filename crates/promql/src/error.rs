//! Errors of a query, before and during its evaluation.

use std::fmt;

/// Fault in the text of a query, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// Byte offset of the error, if it is known.
    pub offset: Option<usize>,
    /// Description of the fault.
    pub message: String,
    /// Remedy, if one is known.
    pub help: Option<String>,
    /// Whether the query is valid in Prometheus, but needs native histograms, which are not
    /// supported.
    pub needs_native_histograms: bool,
}

impl QueryError {
    /// Creates an error at a byte offset.
    pub fn new(offset: usize, message: impl Into<String>) -> Self {
        Self {
            offset: Some(offset),
            ..Self::whole(message)
        }
    }

    /// Creates an error without a position.
    pub fn whole(message: impl Into<String>) -> Self {
        Self {
            offset: None,
            message: message.into(),
            help: None,
            needs_native_histograms: false,
        }
    }

    /// Adds a suggested correction.
    #[must_use]
    pub fn help(self, help: impl Into<Option<String>>) -> Self {
        Self {
            help: help.into(),
            ..self
        }
    }

    /// Creates an error for a feature of native histograms.
    pub(crate) fn native(offset: usize, part: &str) -> Self {
        let message = format!("`{part}` is for native histograms, which are not supported");
        Self {
            needs_native_histograms: true,
            ..Self::new(offset, message)
        }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        if let Some(offset) = self.offset {
            write!(formatter, " (at character {})", offset + 1)?;
        }
        match &self.help {
            Some(help) => write!(formatter, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for QueryError {}

/// Error of an evaluation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// Refusal with Prometheus's message.
    #[error("{0}")]
    Refused(String),
    /// A selected series holds native histograms.
    #[error("{0} holds native histograms, which are not supported")]
    NativeHistogram(String),
}

impl EvalError {
    /// Refusal with Prometheus's message.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }
}
