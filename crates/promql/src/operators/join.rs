//! Arithmetic and comparisons of two vectors, element by matching element.

use promql_parser::parser::{BinModifier, VectorMatchCardinality};

use crate::error::EvalError;
use crate::labels::display;
use crate::operators::binary::BinaryOperation;
use crate::operators::block::{Block, is_present};
use crate::operators::matching::{MatchGroup, VectorMatching};
use crate::operators::operator::{BoxedOperator, Operator};
use crate::operators::series::{OutputSeries, SeriesMerge};
use crate::operators::steps::Steps;
use crate::parse::semantics::Semantics;
use rehearsal_metrics::Labels;

/// Matches between the elements of both sides.
struct PairTable {
    matching: VectorMatching,
    operation: BinaryOperation,
    semantics: Semantics,
    is_one_to_one: bool,
    /// Whether the right side is the "many" side, so that sides are swapped.
    is_swapped: bool,
    /// Labels copied from the "one" side.
    included: Vec<String>,
    /// Value for an absent element of the "many" side.
    fill_many: Option<f64>,
    /// Value for an absent element of the "one" side.
    fill_one: Option<f64>,
}

/// Output element with the indices of both inputs.
#[derive(Clone, Copy, Debug)]
struct MatchedPair {
    group: usize,
    many: Option<usize>,
    one: Option<usize>,
}

/// Operator of two vectors.
pub(crate) struct Join<'s> {
    pairing: PairTable,
    many: BoxedOperator<'s>,
    one: BoxedOperator<'s>,
    groups: Vec<MatchGroup>,
    pairs: Vec<MatchedPair>,
    merge: SeriesMerge,
}

impl<'s> Join<'s> {
    pub(crate) fn new(
        operation: BinaryOperation,
        left: BoxedOperator<'s>,
        right: BoxedOperator<'s>,
        modifier: Option<&BinModifier>,
        semantics: Semantics,
    ) -> Self {
        let pairing = PairTable::new(operation, modifier, semantics);
        let (many, one) = if pairing.is_swapped {
            (right, left)
        } else {
            (left, right)
        };
        let groups = pairing.matching.groups(many.series(), one.series());
        let mut pairs = Vec::new();
        let mut series = Vec::new();
        for (index, group) in groups.iter().enumerate() {
            for pair in pairing.pairs(index, group) {
                series.push(pairing.series(pair, group, many.series(), one.series()));
                pairs.push(pair);
            }
        }
        let merge = SeriesMerge::of(series);
        Self {
            pairing,
            many,
            one,
            groups,
            pairs,
            merge,
        }
    }
}

impl PairTable {
    fn new(
        operation: BinaryOperation,
        modifier: Option<&BinModifier>,
        semantics: Semantics,
    ) -> Self {
        let cardinality = modifier.map(|modifier| &modifier.card);
        let is_swapped = matches!(cardinality, Some(VectorMatchCardinality::OneToMany(_)));
        let included = cardinality.and_then(VectorMatchCardinality::labels);
        let eval_block =
            modifier.map(|modifier| (modifier.fill_values.lhs, modifier.fill_values.rhs));
        // With `group_right`, Prometheus swaps the sides, but not their fill values.
        let (fill_many, fill_one) = eval_block.unwrap_or_default();
        Self {
            matching: VectorMatching::of(modifier),
            operation,
            semantics,
            is_one_to_one: included.is_none(),
            is_swapped,
            included: included
                .map(|names| names.labels.clone())
                .unwrap_or_default(),
            fill_many,
            fill_one,
        }
    }

    /// All output elements of a match group.
    fn pairs(&self, index: usize, group: &MatchGroup) -> Vec<MatchedPair> {
        let pair = |many: Option<&usize>, one: Option<&usize>| MatchedPair {
            group: index,
            many: many.copied(),
            one: one.copied(),
        };
        let mut pairs = Vec::with_capacity(group.left().len());
        for many in group.left() {
            pairs.extend(group.right().iter().map(|one| pair(Some(many), Some(one))));
            pairs.extend(self.fill_one.map(|_| pair(Some(many), None)));
        }
        if self.fill_many.is_some() {
            pairs.extend(group.right().iter().map(|one| pair(None, Some(one))));
        }
        pairs
    }

    fn series(
        &self,
        pair: MatchedPair,
        group: &MatchGroup,
        many: &[OutputSeries],
        one: &[OutputSeries],
    ) -> OutputSeries {
        let labels = |side: &[OutputSeries], index: Option<usize>| -> Labels {
            let given = index.map(|index| side[index].labels.clone());
            given.unwrap_or_else(|| group.signature.clone())
        };
        let (many, one) = (labels(many, pair.many), labels(one, pair.one));
        let mut result = OutputSeries::new(many);
        if let BinaryOperation::Arithmetic(_) = self.operation {
            result = OutputSeries::new(OutputSeries::without_metadata(
                &result.labels,
                self.semantics,
            ));
        }
        if self.is_one_to_one {
            result.labels = self.matching.one_to_one(&result.labels);
        }
        for name in &self.included {
            result.labels = result.labels.with(name, one.get(name).unwrap_or_default());
        }
        match self.operation {
            BinaryOperation::Test(_) => result.renamed(self.semantics),
            _ => result,
        }
    }
}

impl Operator for Join<'_> {
    fn series(&self) -> &[OutputSeries] {
        &self.merge.series
    }

    fn eval_block(&self, steps: Steps) -> Result<Block, EvalError> {
        let many = self.many.eval_block(steps)?;
        let one = self.one.eval_block(steps)?;
        self.check(&many, &one, steps)?;
        let mut block = Block::absent(self.pairs.len(), steps.count);
        for (index, pair) in self.pairs.iter().enumerate() {
            self.fill_pair(*pair, &many, &one, block.column_mut(index));
        }
        let merged = self.merge.apply(block, steps.count);
        merged.map_err(|error| match self.pairing.is_one_to_one {
            true => error,
            false => EvalError::refused(
                "multiple matches for labels: grouping labels must ensure unique matches",
            ),
        })
    }
}

impl Join<'_> {
    fn fill_pair(&self, pair: MatchedPair, many: &Block, one: &Block, column: &mut [f64]) {
        let group = &self.groups[pair.group];
        for (step, into) in column.iter_mut().enumerate() {
            let many = match (pair.many, self.pairing.fill_many) {
                (Some(index), _) => many.at(index, step),
                (None, Some(eval_block)) if !has(many, group.left(), step) => eval_block,
                _ => continue,
            };
            let one = match (pair.one, self.pairing.fill_one) {
                (Some(index), _) => one.at(index, step),
                (None, Some(eval_block)) if !has(one, group.right(), step) => eval_block,
                _ => continue,
            };
            if is_present(many) && is_present(one) {
                let operation = self.pairing.operation;
                *into = match self.pairing.is_swapped {
                    true => operation.apply(one, many, one),
                    false => operation.apply(many, one, many),
                };
            }
        }
    }

    /// Checks that no step has two elements on a side that allows one.
    fn check(&self, many: &Block, one: &Block, steps: Steps) -> Result<(), EvalError> {
        let has_any = |step| (0..self.many.series().len()).any(|m| is_present(many.at(m, step)));
        for group in &self.groups {
            if group.right().len() > 1 {
                let twice = (0..steps.count)
                    .find_map(|step| two(one, group.right(), step).filter(|_| has_any(step)));
                if let Some((first, second)) = twice {
                    return Err(self.duplicate(group, first, second));
                }
            }
            if self.pairing.is_one_to_one && group.left().len() > 1 {
                let is_matched =
                    |step: usize| self.pairing.fill_one.is_some() || has(one, group.right(), step);
                let matches_twice =
                    |step| two(many, group.left(), step).is_some() && is_matched(step);
                if (0..steps.count).any(matches_twice) {
                    return Err(EvalError::refused(
                        "multiple matches for labels: many-to-one matching must be explicit \
                         (group_left/group_right)",
                    ));
                }
            }
        }
        Ok(())
    }

    fn duplicate(&self, group: &MatchGroup, first: usize, second: usize) -> EvalError {
        let side = if self.pairing.is_swapped {
            "left"
        } else {
            "right"
        };
        let labels = |index: usize| display(&self.one.series()[index].labels);
        EvalError::refused(format!(
            "found duplicate series for the match group {} on the {side} hand-side of the \
             operation: \
             [{}, {}];many-to-many matching not allowed: matching labels must be unique on one \
             side",
            display(&group.signature),
            labels(first),
            labels(second),
        ))
    }
}

/// Whether any of these series has a value at a step.
fn has(block: &Block, series: &[usize], step: usize) -> bool {
    series
        .iter()
        .any(|index| is_present(block.at(*index, step)))
}

/// First two of these series with a value at a step.
fn two(block: &Block, series: &[usize], step: usize) -> Option<(usize, usize)> {
    let mut present = series
        .iter()
        .filter(|index| is_present(block.at(**index, step)));
    Some((*present.next()?, *present.next()?))
}
