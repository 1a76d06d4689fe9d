//! `absent` and `absent_over_time`: 1 where a vector has no element.

use promql_parser::label::{METRIC_NAME, MatchOp};
use promql_parser::parser::{Expr, VectorSelector};

use crate::error::EvalError;
use crate::operators::block::{ABSENT, Block, is_present};
use crate::operators::operator::{BoxedOperator, Operator, RangeOperator};
use crate::operators::range_function::over_time;
use crate::operators::series::OutputSeries;
use crate::operators::steps::Steps;
use crate::parse::expression::all_matchers;
use rehearsal_metrics::Labels;

/// Input of `absent` or `absent_over_time`.
pub(crate) enum AbsentInput<'s> {
    /// Elements of an instant vector, for `absent`.
    Vector(BoxedOperator<'s>),
    /// Ranges of samples, for `absent_over_time`.
    Range(Box<dyn RangeOperator + 's>),
}

/// Operator with the value 1 at each step at which the argument has no element or sample.
pub(crate) struct Absent<'s> {
    of: AbsentInput<'s>,
    series: [OutputSeries; 1],
}

impl<'s> Absent<'s> {
    /// Creates the operator. The labels that `expression` requires with `=` are those of the
    /// result.
    pub(crate) fn new(of: AbsentInput<'s>, expression: &Expr) -> Self {
        let series = [OutputSeries::new(asked_labels(expression))];
        Self { of, series }
    }
}

impl Operator for Absent<'_> {
    fn series(&self) -> &[OutputSeries] {
        &self.series
    }

    fn eval_block(&self, steps: Steps) -> Result<Block, EvalError> {
        let mut column = vec![1.0; steps.count];
        match &self.of {
            AbsentInput::Vector(vector) => {
                let block = vector.eval_block(steps)?;
                for index in 0..vector.series().len() {
                    for (into, value) in column.iter_mut().zip(block.column(index)) {
                        if is_present(*value) {
                            *into = ABSENT;
                        }
                    }
                }
            }
            AbsentInput::Range(range) => {
                range.visit(steps, &mut |_, samples| {
                    over_time::is_empty(samples, &mut column);
                })?;
            }
        }
        Ok(Block::of_column(column))
    }
}

/// Labels that a selector requires with `=` exactly once.
fn asked_labels(expression: &Expr) -> Labels {
    let selector: &VectorSelector = match expression {
        Expr::Paren(paren) => return asked_labels(&paren.expr),
        Expr::VectorSelector(selector) => selector,
        Expr::MatrixSelector(selector) => &selector.vs,
        _ => return Labels::none(),
    };
    let alternatives = all_matchers(selector);
    let [matchers] = alternatives.as_slice() else {
        return Labels::none();
    };
    let mut labels = Labels::none();
    let mut seen: Vec<&str> = Vec::new();
    for matcher in matchers
        .iter()
        .filter(|matcher| matcher.name != METRIC_NAME)
    {
        let is_first = !seen.contains(&matcher.name.as_str());
        if is_first && matches!(matcher.op, MatchOp::Equal) {
            labels = labels.with(&matcher.name, &matcher.value);
            seen.push(&matcher.name);
        } else {
            labels = labels.without(&matcher.name);
        }
    }
    labels
}
