//! `and`, `or` and `unless`.

use crate::error::EvalError;
use crate::operators::block::{ABSENT, Block, is_present};
use crate::operators::matching::{MatchGroup, VectorMatching};
use crate::operators::operator::{BoxedOperator, Operator};
use crate::operators::series::{OutputSeries, SeriesMerge};
use crate::operators::steps::Steps;

/// Set operation on two vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetOperation {
    /// Elements of the left side with a match on the right side.
    And,
    /// Elements of the left side, and those of the right side without a match.
    Or,
    /// Elements of the left side without a match on the right side.
    Unless,
}

/// Operator of a set operation.
pub(crate) struct SetOperator<'s> {
    operation: SetOperation,
    left: BoxedOperator<'s>,
    right: BoxedOperator<'s>,
    groups: Vec<MatchGroup>,
    merge: SeriesMerge,
}

impl<'s> SetOperator<'s> {
    pub(crate) fn new(
        operation: SetOperation,
        left: BoxedOperator<'s>,
        right: BoxedOperator<'s>,
        matching: &VectorMatching,
    ) -> Self {
        let groups = matching.groups(left.series(), right.series());
        let mut series = left.series().to_vec();
        if operation == SetOperation::Or {
            series.extend_from_slice(right.series());
        }
        let merge = SeriesMerge::of(series);
        Self {
            operation,
            left,
            right,
            groups,
            merge,
        }
    }
}

impl Operator for SetOperator<'_> {
    fn series(&self) -> &[OutputSeries] {
        &self.merge.series
    }

    fn eval_block(&self, steps: Steps) -> Result<Block, EvalError> {
        let mut left = self.left.eval_block(steps)?;
        let mut right = self.right.eval_block(steps)?;
        for group in &self.groups {
            match self.operation {
                SetOperation::And => {
                    let has = any(&right, group.right(), steps.count);
                    clear(&mut left, group.left(), |step| !has[step]);
                }
                SetOperation::Unless => {
                    let has = any(&right, group.right(), steps.count);
                    clear(&mut left, group.left(), |step| has[step]);
                }
                SetOperation::Or => {
                    let has = any(&left, group.left(), steps.count);
                    clear(&mut right, group.right(), |step| has[step]);
                }
            }
        }
        if self.operation == SetOperation::Or {
            left.append(right);
        }
        self.merge.apply(left, steps.count)
    }
}

/// Whether any of these series has a value, for each step.
fn any(block: &Block, series: &[usize], steps: usize) -> Vec<bool> {
    let mut has = vec![false; steps];
    for series in series {
        for (has, value) in has.iter_mut().zip(block.column(*series)) {
            *has |= is_present(*value);
        }
    }
    has
}

fn clear(block: &mut Block, series: &[usize], goes: impl Fn(usize) -> bool) {
    for series in series {
        for (step, value) in block.column_mut(*series).iter_mut().enumerate() {
            if goes(step) {
                *value = ABSENT;
            }
        }
    }
}
