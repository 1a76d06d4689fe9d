//! Which series of two vectors belong together.

use promql_parser::parser::{BinModifier, LabelModifier};
use rustc_hash::FxHashMap;

use crate::operators::series::{OutputSeries, is_metadata};
use rehearsal_metrics::Labels;

/// The labels that must be equal: `on (..)` or `ignoring (..)`.
#[derive(Clone, Debug)]
pub(crate) struct VectorMatching {
    is_on: bool,
    names: Vec<String>,
}

impl VectorMatching {
    /// Without modifier all labels must be equal but the name, type and unit.
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

    /// The labels that must be equal.
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

    /// Finds the groups of series with equal signatures on both sides, in the order in which the
    /// left side, and then the right, has them.
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

/// Series of two vectors with the same signature.
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

    /// Those of the left side.
    pub(crate) fn left(&self) -> &[usize] {
        &self.sides[0]
    }

    /// Those of the right side.
    pub(crate) fn right(&self) -> &[usize] {
        &self.sides[1]
    }
}
