//! Annotations: warnings and notes of Prometheus on an answer.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

/// Severity of a remark of Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnnotationLevel {
    /// The result is probably not the intended one.
    Warning,
    /// The result may differ from the intended one.
    Info,
}

/// Message about a result, without the position that Prometheus adds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Annotation {
    /// Level of the annotation.
    pub severity: AnnotationLevel,
    /// Text of the annotation.
    pub message: String,
}

impl fmt::Display for Annotation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            AnnotationLevel::Warning => "warning",
            AnnotationLevel::Info => "info",
        };
        write!(formatter, "PromQL {word}: {}", self.message)
    }
}

/// Distinct annotations of one result.
#[derive(Debug, Default)]
pub(crate) struct Annotations(RefCell<BTreeSet<Annotation>>);

impl Annotations {
    /// Adds a warning.
    pub(crate) fn warn(&self, message: String) {
        self.add(AnnotationLevel::Warning, message);
    }

    /// Adds an info.
    pub(crate) fn info(&self, message: String) {
        self.add(AnnotationLevel::Info, message);
    }

    /// Adds a warning about a quantile outside of 0 to 1.
    pub(crate) fn warn_of_quantile(&self, quantile: f64) {
        if !(0.0..=1.0).contains(&quantile) {
            self.warn(format!(
                "quantile value should be between 0 and 1, got {quantile}"
            ));
        }
    }

    fn add(&self, severity: AnnotationLevel, message: String) {
        self.0.borrow_mut().insert(Annotation { severity, message });
    }

    /// Returns all annotations, warnings first.
    pub(crate) fn take(&self) -> Vec<Annotation> {
        self.0.take().into_iter().collect()
    }
}
