//! Label sets of vectors, and their changes.

use promql_parser::label::METRIC_NAME;
use rustc_hash::FxHashMap;

use crate::error::EvalError;
use crate::operators::block::{Block, is_present};
use crate::parse::semantics::Semantics;
use rehearsal_metrics::Labels;

/// Prometheus's error for a vector with two equal label sets.
pub(crate) const SAME_LABELS: &str = "vector cannot contain metrics with the same labelset";

/// Series of one column of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutputSeries {
    /// Labels including the name, `__name__`.
    pub(crate) labels: Labels,
    /// Drop `__name__` at the end of the query (Prometheus 3: delayed name removal).
    pub(crate) drops_name: bool,
}

impl OutputSeries {
    /// Creates a series with stored labels.
    pub(crate) fn new(labels: Labels) -> Self {
        Self {
            labels,
            drops_name: false,
        }
    }

    /// Creates a series without labels, as scalars have.
    pub(crate) fn unlabelled() -> Self {
        Self::new(Labels::none())
    }

    /// Labels after an operation that changes the meaning of the values.
    pub(crate) fn renamed(&self, semantics: Semantics) -> Self {
        if semantics.delays_name_removal() {
            Self {
                labels: self.labels.clone(),
                drops_name: true,
            }
        } else {
            Self::new(Self::without_metadata(&self.labels, semantics))
        }
    }

    /// Removes the name and, in Prometheus 3, type and unit.
    pub(crate) fn without_metadata(labels: &Labels, semantics: Semantics) -> Labels {
        match semantics {
            Semantics::V2_42 => labels.without(METRIC_NAME),
            _ => labels.retaining(|label| !is_metadata(label)),
        }
    }

    /// Labels of the result.
    pub(crate) fn shown(&self, semantics: Semantics) -> Labels {
        if self.drops_name {
            Self::without_metadata(&self.labels, semantics)
        } else {
            self.labels.clone()
        }
    }
}

/// Whether a label is the name or, since Prometheus 3, type or unit.
pub(crate) fn is_metadata(label: &str) -> bool {
    matches!(label, METRIC_NAME | "__type__" | "__unit__")
}

/// Merge of columns whose labels have become equal.
#[derive(Debug)]
pub(crate) struct SeriesMerge {
    /// Distinct output series.
    pub(crate) series: Vec<OutputSeries>,
    /// Output series of each column; `None` if all are distinct.
    targets: Option<Vec<usize>>,
}

impl SeriesMerge {
    /// Groups equal label sets.
    pub(crate) fn of(all: Vec<OutputSeries>) -> Self {
        let mut places: FxHashMap<Labels, usize> =
            FxHashMap::with_capacity_and_hasher(all.len(), Default::default());
        let mut series: Vec<OutputSeries> = Vec::with_capacity(all.len());
        let mut targets = Vec::with_capacity(all.len());
        for one in all {
            let place = *places.entry(one.labels.clone()).or_insert(series.len());
            targets.push(place);
            if place == series.len() {
                series.push(one);
            }
        }
        let targets = (series.len() < targets.len()).then_some(targets);
        Self { series, targets }
    }

    /// Moves the columns to their output series.
    ///
    /// # Errors
    ///
    /// If two have a value at the same step.
    pub(crate) fn apply(&self, block: Block, steps: usize) -> Result<Block, EvalError> {
        let Some(targets) = &self.targets else {
            return Ok(block);
        };
        let mut merged = Block::absent(self.series.len(), steps);
        for (column, target) in targets.iter().enumerate() {
            let into = merged.column_mut(*target);
            for (into, value) in into.iter_mut().zip(block.column(column)) {
                if !is_present(*value) {
                    continue;
                }
                if is_present(*into) {
                    return Err(EvalError::refused(SAME_LABELS));
                }
                *into = *value;
            }
        }
        Ok(merged)
    }
}
