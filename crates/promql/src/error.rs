//! Errors of a query, before and during its evaluation.

use std::fmt;

/// Fault in the text of a query, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// The byte of the text at which it goes wrong, unless only the whole is known to be wrong.
    pub offset: Option<usize>,
    /// Description of the fault.
    pub message: String,
    /// Remedy, if one is known.
    pub help: Option<String>,
    /// Whether it is right in Prometheus, but needs native histograms, which aren't known here.
    pub needs_native_histograms: bool,
}

impl QueryError {
    /// Something wrong at that byte.
    pub fn new(offset: usize, message: impl Into<String>) -> Self {
        Self {
            offset: Some(offset),
            ..Self::whole(message)
        }
    }

    /// Something wrong with the whole.
    pub fn whole(message: impl Into<String>) -> Self {
        Self {
            offset: None,
            message: message.into(),
            help: None,
            needs_native_histograms: false,
        }
    }

    /// Says what to write instead, if anything is known.
    #[must_use]
    pub fn help(self, help: impl Into<Option<String>>) -> Self {
        Self {
            help: help.into(),
            ..self
        }
    }

    /// Something that only native histograms have.
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

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// As Prometheus would refuse it.
    #[error("{0}")]
    Refused(String),
    /// A series that is asked for holds native histograms.
    #[error("{0} holds native histograms, which are not supported")]
    NativeHistogram(String),
}

impl EvalError {
    /// As Prometheus would refuse it.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }
}
