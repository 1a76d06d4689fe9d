//! Vector matching: pairs of series with equal signatures.

use promql_parser::parser::{BinModifier, LabelModifier};
use rustc_hash::FxHashMap;

use crate::operators::series::{OutputSeries, is_metadata};
use rehearsal_metrics::Labels;

/// Labels of the signature: `on (..)` or `ignoring (..)`.
#[derive(Clone, Debug)]
pub(crate) struct VectorMatching {
    is_on: bool,
    names: Vec<String>,
}

impl VectorMatching {
    /// Creates the matching. Without modifier, the signature is all labels except name, type and
    /// unit.
    pub(crate) fn of(modifier: Option<&BinModifier>) -> Self {
        let matching = modifier.and_then(|modifier| modifier.matching.as_ref());
        match matching {
            None => Self {
                is_on: false,
                names: Vec::new(),
            },
            Some(labels) => Self {
                is_on: matches!(labels, LabelModifier::Include(_)),
                names: labels.labels().labels.clone(),
            },
        }
    }

    fn names(&self, label: &str) -> bool {
        self.names.iter().any(|name| name == label)
    }

    /// Signature of a label set.
    pub(crate) fn signature(&self, labels: &Labels) -> Labels {
        if self.is_on {
            labels.retaining(|label| self.names(label))
        } else {
            labels.retaining(|label| !is_metadata(label) && !self.names(label))
        }
    }

    /// Returns the labels of the result of a one-to-one match. The name stays unless it is
    /// ignored.
    pub(crate) fn one_to_one(&self, labels: &Labels) -> Labels {
        labels.retaining(|label| self.is_on == self.names(label))
    }

    /// Groups series of both sides by signature, in the order of the left side, then of the right
    /// side.
    pub(crate) fn groups(&self, left: &[OutputSeries], right: &[OutputSeries]) -> Vec<MatchGroup> {
        let mut places: FxHashMap<Labels, usize> = FxHashMap::default();
        let mut groups: Vec<MatchGroup> = Vec::new();
        for (side, all) in [left, right].into_iter().enumerate() {
            for (index, series) in all.iter().enumerate() {
                let signature = self.signature(&series.labels);
                let place = *places.entry(signature).or_insert_with_key(|signature| {
                    groups.push(MatchGroup::new(signature.clone()));
                    groups.len() - 1
                });
                groups[place].sides[side].push(index);
            }
        }
        groups
    }
}

/// Series of both sides with the same signature.
#[derive(Debug)]
pub(crate) struct MatchGroup {
    /// Labels that the elements have in common.
    pub(crate) signature: Labels,
    sides: [Vec<usize>; 2],
}

impl MatchGroup {
    fn new(signature: Labels) -> Self {
        Self {
            signature,
            sides: [Vec::new(), Vec::new()],
        }
    }

    /// Indices of the left side's series.
    pub(crate) fn left(&self) -> &[usize] {
        &self.sides[0]
    }

    /// Indices of the right side's series.
    pub(crate) fn right(&self) -> &[usize] {
        &self.sides[1]
    }
}
