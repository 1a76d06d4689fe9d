//! `label_replace` and `label_join`: new labels for the same values.

use promql_parser::label::METRIC_NAME;
use regex::Regex;

use crate::error::EvalError;
use crate::operators::block::Block;
use crate::operators::operator::{BoxedOperator, Operator};
use crate::operators::series::{OutputSeries, SeriesMerge};
use crate::operators::steps::Steps;

/// Source of a label's value.
#[derive(Clone, Debug)]
pub(crate) enum RelabelValue {
    /// `label_replace`: from another label, if it matches.
    Replace {
        /// Source label.
        from: String,
        /// Pattern that the whole value has to match.
        pattern: Regex,
        /// New value, with `$1` for a capture group.
        value: String,
    },
    /// `label_join`: from several labels in order.
    Join {
        /// Source labels.
        from: Vec<String>,
        /// Separator between two values.
        separator: String,
    },
}

/// Compiles the pattern of `label_replace`, which must match a whole value.
///
/// # Errors
///
/// If it is not a valid regular expression.
pub(crate) fn pattern(text: &str) -> Result<Regex, regex::Error> {
    Regex::new(&format!("^(?s:{text})$"))
}

/// Operator that sets one label of a vector.
pub(crate) struct Relabel<'s> {
    of: BoxedOperator<'s>,
    merge: SeriesMerge,
}

impl<'s> Relabel<'s> {
    /// Creates the operator for a label and its source.
    pub(crate) fn new(of: BoxedOperator<'s>, label: &str, source: &RelabelValue) -> Self {
        let relabelled = |series: &OutputSeries| match source.value(series) {
            None => series.clone(),
            Some(value) => OutputSeries {
                labels: series.labels.with(label, &value),
                // A name that is set explicitly is kept.
                drops_name: series.drops_name && label != METRIC_NAME,
            },
        };
        let merge = SeriesMerge::of(of.series().iter().map(relabelled).collect());
        Self { of, merge }
    }
}

impl RelabelValue {
    fn value(&self, series: &OutputSeries) -> Option<String> {
        let label = |name: &String| series.labels.get(name).unwrap_or_default();
        match self {
            Self::Replace {
                from,
                pattern,
                value,
            } => {
                let captures = pattern.captures(label(from))?;
                let mut expanded = String::new();
                captures.expand(value, &mut expanded);
                Some(expanded)
            }
            Self::Join { from, separator } => {
                let values: Vec<&str> = from.iter().map(label).collect();
                Some(values.join(separator))
            }
        }
    }
}

impl Operator for Relabel<'_> {
    fn series(&self) -> &[OutputSeries] {
        &self.merge.series
    }

    fn eval_block(&self, steps: Steps) -> Result<Block, EvalError> {
        self.merge.apply(self.of.eval_block(steps)?, steps.count)
    }
}
