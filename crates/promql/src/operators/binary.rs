//! Arithmetic and comparisons of scalars, and of vectors with scalars.

use promql_parser::parser::token::{
    T_ADD, T_ATAN2, T_DIV, T_EQLC, T_GTE, T_GTR, T_LSS, T_LTE, T_MOD, T_MUL, T_NEQ, T_POW, T_SUB,
    TokenId,
};

use crate::error::EvalError;
use crate::operators::block::{ABSENT, Block, is_present};
use crate::operators::operator::{BoxedOperator, Operator};
use crate::operators::series::{OutputSeries, SeriesMerge};
use crate::operators::steps::Steps;
use crate::parse::semantics::Semantics;

/// Operation on two numbers.
#[derive(Clone, Copy)]
pub(crate) enum BinaryOperation {
    /// Returns a number.
    Arithmetic(fn(f64, f64) -> f64),
    /// Keeps the left number if the comparison holds.
    ThresholdComparison(fn(f64, f64) -> bool),
    /// Returns 1 if the comparison holds, otherwise 0.
    Test(fn(f64, f64) -> bool),
}

impl BinaryOperation {
    /// Returns the operation of a token; `None` for set operations.
    pub(crate) fn of(token: TokenId, is_bool: bool) -> Option<Self> {
        let arithmetic: fn(f64, f64) -> f64 = match token {
            T_ADD => |a, b| a + b,
            T_SUB => |a, b| a - b,
            T_MUL => |a, b| a * b,
            T_DIV => |a, b| a / b,
            T_MOD => |a, b| a % b,
            T_POW => f64::powf,
            T_ATAN2 => f64::atan2,
            _ => {
                let holds: fn(f64, f64) -> bool = match token {
                    T_EQLC => |a, b| a == b,
                    T_NEQ => |a, b| a != b,
                    T_GTR => |a, b| a > b,
                    T_LSS => |a, b| a < b,
                    T_GTE => |a, b| a >= b,
                    T_LTE => |a, b| a <= b,
                    _ => return None,
                };
                return Some(match is_bool {
                    true => Self::Test(holds),
                    false => Self::ThresholdComparison(holds),
                });
            }
        };
        Some(Self::Arithmetic(arithmetic))
    }

    /// Whether the result needs the metric name removed.
    pub(crate) fn changes_meaning(self) -> bool {
        !matches!(self, Self::ThresholdComparison(_))
    }

    /// Returns the result for two numbers; `kept` is the value that a comparison keeps.
    #[inline]
    pub(crate) fn apply(self, left: f64, right: f64, kept: f64) -> f64 {
        match self {
            Self::Arithmetic(compute) => compute(left, right),
            Self::ThresholdComparison(holds) if holds(left, right) => kept,
            Self::ThresholdComparison(_) => ABSENT,
            Self::Test(holds) => f64::from(u8::from(holds(left, right))),
        }
    }
}

/// Operator of two scalars.
pub(crate) struct ScalarBinary<'s> {
    operation: BinaryOperation,
    left: BoxedOperator<'s>,
    right: BoxedOperator<'s>,
}

impl<'s> ScalarBinary<'s> {
    pub(crate) fn new(
        operation: BinaryOperation,
        left: BoxedOperator<'s>,
        right: BoxedOperator<'s>,
    ) -> Self {
        Self {
            operation,
            left,
            right,
        }
    }
}

impl Operator for ScalarBinary<'_> {
    fn series(&self) -> &[OutputSeries] {
        self.left.series()
    }

    fn eval_block(&self, steps: Steps) -> Result<Block, EvalError> {
        let mut left = self.left.eval_block(steps)?;
        let right = self.right.eval_block(steps)?;
        for (left, right) in left.column_mut(0).iter_mut().zip(right.column(0)) {
            *left = self.operation.apply(*left, *right, *left);
        }
        Ok(left)
    }
}

/// Side of the scalar in an operation with a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScalarSide {
    /// `1 - x`
    Left,
    /// `x - 1`
    Right,
}

/// Operator of a vector and a scalar.
pub(crate) struct VectorScalar<'s> {
    operation: BinaryOperation,
    vector: BoxedOperator<'s>,
    scalar: BoxedOperator<'s>,
    side: ScalarSide,
    merge: SeriesMerge,
}

impl<'s> VectorScalar<'s> {
    pub(crate) fn new(
        operation: BinaryOperation,
        vector: BoxedOperator<'s>,
        scalar: BoxedOperator<'s>,
        side: ScalarSide,
        semantics: Semantics,
    ) -> Self {
        let series = vector.series().iter();
        let merge = SeriesMerge::of(match operation.changes_meaning() {
            true => series.map(|series| series.renamed(semantics)).collect(),
            false => series.cloned().collect(),
        });
        Self {
            operation,
            vector,
            scalar,
            side,
            merge,
        }
    }
}

impl Operator for VectorScalar<'_> {
    fn series(&self) -> &[OutputSeries] {
        &self.merge.series
    }

    fn eval_block(&self, steps: Steps) -> Result<Block, EvalError> {
        let mut block = self.vector.eval_block(steps)?;
        let scalars = self.scalar.eval_block(steps)?;
        for column in block.columns_mut() {
            for (value, scalar) in column.iter_mut().zip(scalars.column(0)) {
                if is_present(*value) {
                    *value = match self.side {
                        ScalarSide::Left => self.operation.apply(*scalar, *value, *value),
                        ScalarSide::Right => self.operation.apply(*value, *scalar, *value),
                    };
                }
            }
        }
        self.merge.apply(block, steps.count)
    }
}
