//! Causes of failures. Failures with the same cause count as the same bug.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::check::expectation::ExpectationOutcome;
use crate::check::{InvariantName, Violation};
use crate::rehearsal::FinishedRun;
use crate::report::{ExpectationSummary, RunReport, Verdict};

/// Cause of a failure, without the details that differ between seeds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FailureCause {
    /// First violated invariant; or `expectation`, `budget`, `panic` or `hang`. It is a part of
    /// file names.
    #[serde(deserialize_with = "file_name_part")]
    pub name: String,
    /// Message in which `#` replaces every word that has a digit.
    pub shape: String,
}

/// Reads a name that becomes a part of a file name.
fn file_name_part<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match name.len() {
        1..=64 if name.chars().all(is_letter) => Ok(name),
        _ => Err(D::Error::custom(format!(
            "`{}` is no name of a cause: it has lower-case letters, digits and hyphens, 64 at most",
            name.escape_debug()
        ))),
    }
}

impl FailureCause {
    /// Cause with the given name, and the shape of a message.
    pub fn new(name: impl Into<String>, message: &str) -> Self {
        Self {
            name: name.into(),
            shape: shape(message),
        }
    }

    /// Cause of a seed with two different traces.
    pub fn nondeterminism() -> Self {
        let message = "the same seed gave two different traces";
        Self::new(InvariantName::Determinism.as_str(), message)
    }

    /// Whether failures of both causes count as the same bug. One defect may violate several
    /// invariants for the same reason, and another one first in each seed.
    pub fn is_same(&self, other: &Self) -> bool {
        self.shape == other.shape
    }

    /// Exit code of the program for this cause.
    pub fn exit_code(&self) -> u8 {
        match *self == Self::nondeterminism() {
            true => 13,
            false => Verdict::Fail.exit_code(),
        }
    }

    /// Cause and complete message of a failed rehearsal; none if it did not fail.
    pub fn of(finished: &FinishedRun, report: &RunReport) -> Option<(Self, String)> {
        if let Some(first) = first_violation(finished) {
            let cause = Self::new(first.invariant.as_str(), &first.reason);
            return Some((cause, first.to_string()));
        }
        if let Some(reason) = &report.halted {
            return Some((Self::new("budget", reason), reason.clone()));
        }
        let violated = violated(report)?;
        let message = format!("{}: {}", violated.name, violated.detail);
        Some((Self::new("expectation", &violated.name), message))
    }
}

impl fmt::Display for FailureCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.shape)
    }
}

/// First violation in virtual time. At equal times, the order of invariants decides.
pub fn first_violation(finished: &FinishedRun) -> Option<&Violation> {
    let findings = finished.oracle.findings.iter();
    findings
        .filter_map(|findings| findings.violations.first())
        .min_by_key(|violation| violation.at)
}

/// First violated expectation of those that are required, in file order.
pub(super) fn violated(report: &RunReport) -> Option<&ExpectationSummary> {
    let mut expectations = report.expectations.iter();
    expectations.find(|expectation| {
        expectation.required && expectation.outcome == ExpectationOutcome::Violated
    })
}

/// Message without numbers, times, run identifiers and digests.
fn shape(message: &str) -> String {
    let word = |word: &str| match word.contains(|c: char| c.is_ascii_digit()) {
        true => "#".to_owned(),
        false => word.to_owned(),
    };
    message
        .split_whitespace()
        .map(word)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cause_of_messages_with_other_numbers_is_equal() {
        let first = FailureCause::new(
            "liveness",
            "at 2024-05-06T00:10:00Z it is not  the open runs",
        );
        let second = FailureCause::new(
            "liveness",
            "at 2024-05-06T00:25:00Z it is not the open runs",
        );
        assert_eq!(first, second);
        assert_eq!(first.to_string(), "liveness: at # it is not the open runs");
        let other = FailureCause::new("liveness", "it went back");
        assert_ne!(first, other);
        assert!(!first.is_same(&other));
        let elsewhere = FailureCause::new("stopping", "it went back");
        assert!(other.is_same(&elsewhere));
    }
}
