//! The label sets of a vector, and what happens to them.

use promql_parser::label::METRIC_NAME;
use rustc_hash::FxHashMap;

use crate::error::EvalError;
use crate::operators::block::{Block, is_present};
use crate::parse::semantics::Semantics;
use rehearsal_metrics::Labels;

/// Why a vector is refused that has two elements with equal labels; Prometheus's own words.
pub(crate) const SAME_LABELS: &str = "vector cannot contain metrics with the same labelset";

/// Series of one column of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutputSeries {
    /// All labels; the name is the label `__name__`.
    pub(crate) labels: Labels,
    /// The name has no meaning any more, but goes only when all else is done.
    pub(crate) drops_name: bool,
}

impl OutputSeries {
    /// A series as it is stored.
    pub(crate) fn new(labels: Labels) -> Self {
        Self {
            labels,
            drops_name: false,
        }
    }

    /// No labels: what a scalar has.
    pub(crate) fn unlabelled() -> Self {
        Self::new(Labels::none())
    }

    /// The same after an operation that makes something else of the values than what the name
    /// says.
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

    /// The labels without those that say what the values are.
    pub(crate) fn without_metadata(labels: &Labels, semantics: Semantics) -> Labels {
        match semantics {
            Semantics::V2_42 => labels.without(METRIC_NAME),
            _ => labels.retaining(|label| !is_metadata(label)),
        }
    }

    /// The labels that a user sees.
    pub(crate) fn shown(&self, semantics: Semantics) -> Labels {
        if self.drops_name {
            Self::without_metadata(&self.labels, semantics)
        } else {
            self.labels.clone()
        }
    }
}

/// Whether a label says what the values are: the name, and since Prometheus 3 type and unit.
pub(crate) fn is_metadata(label: &str) -> bool {
    matches!(label, METRIC_NAME | "__type__" | "__unit__")
}

/// Columns that belong to one series after their labels have changed.
#[derive(Debug)]
pub(crate) struct SeriesMerge {
    /// The distinct series.
    pub(crate) series: Vec<OutputSeries>,
    /// For each column, which of them it belongs to; `None` if each is one of its own.
    targets: Option<Vec<usize>>,
}

impl SeriesMerge {
    /// Puts equal label sets together.
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

    /// Moves the columns to their series.
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
