//! Query planning: from an expression to operators with resolved series.

mod call;

use promql_parser::parser::token::{T_LAND, T_LOR, T_LUNLESS};
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{
    AggregateExpr, BinaryExpr, Expr, MatrixSelector, UnaryExpr, VectorSelector,
};

use self::call::Negate;
use crate::annotation::Annotations;
use crate::budget::Budget;
use crate::error::EvalError;
use crate::operators::aggregate::{Aggregate, Aggregation, Grouping};
use crate::operators::binary::{BinaryOperation, ScalarBinary, ScalarSide, VectorScalar};
use crate::operators::count_values::CountValues;
use crate::operators::dynamic::DynamicElements;
use crate::operators::join::Join;
use crate::operators::matching::VectorMatching;
use crate::operators::operator::{BoxedOperator, RangeOperator};
use crate::operators::order;
use crate::operators::range_windows::{RangeSelector, RangeWindows};
use crate::operators::scalar::Scalar;
use crate::operators::selector::{InstantSelector, LOOK_BACK_MS, SampleField};
use crate::operators::series::OutputSeries;
use crate::operators::set_operation::{SetOperation, SetOperator};
use crate::operators::steps::Steps;
use crate::operators::subquery::{Subquery, inner_steps};
use crate::operators::topk::{SelectingAggregate, SelectingAggregation};
use crate::parse::expression::all_matchers;
use crate::parse::semantics::Semantics;
use crate::parse::time_modifier::{TimeModifier, millis};
use crate::storage::queryable::{Queryable, SelectHints, SeriesData};

/// Default step of subqueries: Prometheus's evaluation interval, 1 min.
const SUBQUERY_STEP_MS: i64 = 60_000;

/// Creates operators from expressions.
#[derive(Clone, Copy)]
pub(crate) struct QueryPlanner<'s> {
    pub(crate) source: &'s dyn Queryable,
    pub(crate) semantics: Semantics,
    pub(crate) annotations: &'s Annotations,
    pub(crate) budget: &'s Budget,
    /// Start and end of the whole query.
    pub(crate) start_end_ms: (i64, i64),
    /// Step of the whole query; 0 for an instant query.
    pub(crate) step_ms: i64,
    /// Whether the whole query is a range query.
    pub(crate) is_range: bool,
}

impl<'s> QueryPlanner<'s> {
    /// Creates the operator of a scalar or vector.
    ///
    /// # Errors
    ///
    /// If the series of a selector can't be read, or labels do not match.
    pub(crate) fn operator(
        &self,
        expression: &Expr,
        grid: Steps,
    ) -> Result<BoxedOperator<'s>, EvalError> {
        Ok(match expression {
            Expr::Paren(paren) => self.operator(&paren.expr, grid)?,
            Expr::NumberLiteral(number) => {
                let value = number.val;
                Box::new(Scalar::new(move |_| value))
            }
            Expr::VectorSelector(selector) => self.instant(selector, grid, SampleField::Value)?,
            Expr::Unary(UnaryExpr { expr }) => {
                let of = self.operator(expr, grid)?;
                let is_scalar = expr.value_type() == ValueType::Scalar;
                Box::new(Negate::new(of, is_scalar, self.semantics))
            }
            Expr::Binary(binary) => self.binary(binary, grid)?,
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, grid)?,
            Expr::Call(called) => call::operator(self, called, grid)?,
            Expr::StringLiteral(_)
            | Expr::MatrixSelector(_)
            | Expr::Subquery(_)
            | Expr::Extension(_) => {
                return Err(EvalError::refused(format!(
                    "`{expression}` is neither a scalar nor a vector"
                )));
            }
        })
    }

    /// Creates the operator of a range selector or subquery.
    ///
    /// # Errors
    ///
    /// As for [`Self::operator`].
    pub(crate) fn range(
        &self,
        expression: &Expr,
        grid: Steps,
    ) -> Result<Box<dyn RangeOperator + 's>, EvalError> {
        match expression {
            Expr::Paren(paren) => self.range(&paren.expr, grid),
            Expr::MatrixSelector(MatrixSelector { vs, range }) => {
                let when = self.when(vs);
                let range_ms = millis(*range);
                let series_data = self.series_data(vs, when, range_ms, grid)?;
                let series = stored(&series_data);
                let ranges = self.ranges(when, range_ms);
                Ok(Box::new(RangeSelector::new(series_data, ranges, series)))
            }
            Expr::Subquery(subquery) => {
                let range_ms = millis(subquery.range);
                let step_ms = subquery.step.map_or(SUBQUERY_STEP_MS, millis).max(1);
                let offset = subquery.offset.as_ref();
                let when = TimeModifier::new(subquery.at.as_ref(), offset, self.start_end_ms);
                let ranges = self.ranges(when, range_ms);
                let inner = inner_steps(grid, ranges, step_ms);
                self.budget.check(inner.count, 1)?;
                let of = self.operator(&subquery.expr, inner)?;
                Ok(Box::new(Subquery::new(of, ranges, step_ms, self.budget)))
            }
            _ => Err(EvalError::refused(format!("`{expression}` is no range"))),
        }
    }

    fn ranges(&self, when: TimeModifier, range_ms: i64) -> RangeWindows {
        RangeWindows {
            when,
            range_ms,
            closes_left: self.semantics.closes_left(),
        }
    }

    /// Creates the operator of an instant selector.
    ///
    /// # Errors
    ///
    /// If the series can't be read.
    pub(crate) fn instant(
        &self,
        selector: &VectorSelector,
        grid: Steps,
        taken: SampleField,
    ) -> Result<BoxedOperator<'s>, EvalError> {
        let when = self.when(selector);
        let series_data = self.series_data(selector, when, LOOK_BACK_MS, grid)?;
        let mut series = stored(&series_data);
        if taken == SampleField::Time {
            series = series
                .iter()
                .map(|series| series.renamed(self.semantics))
                .collect();
        }
        let closes_left = self.semantics.closes_left();
        Ok(Box::new(InstantSelector::new(
            series_data,
            when,
            closes_left,
            taken,
            series,
        )))
    }

    fn when(&self, selector: &VectorSelector) -> TimeModifier {
        TimeModifier::new(
            selector.at.as_ref(),
            selector.offset.as_ref(),
            self.start_end_ms,
        )
    }

    /// Series of a selector with samples up to `reach_ms` before its steps.
    fn series_data(
        &self,
        selector: &VectorSelector,
        when: TimeModifier,
        reach_ms: i64,
        grid: Steps,
    ) -> Result<Vec<SeriesData<'s>>, EvalError> {
        let matchers = all_matchers(selector);
        let selection = SelectHints {
            any_of: matchers.iter().map(Vec::as_slice).collect(),
            from_ms: when.at(grid.first_ms) - reach_ms + i64::from(!self.semantics.closes_left()),
            until_ms: when.at(grid.last_ms()),
        };
        let mut series_data = self.source.select(&selection)?;
        series_data.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(series_data)
    }

    fn binary(&self, binary: &BinaryExpr, grid: Steps) -> Result<BoxedOperator<'s>, EvalError> {
        let left = self.operator(&binary.lhs, grid)?;
        let right = self.operator(&binary.rhs, grid)?;
        let modifier = binary.modifier.as_ref();
        let set_operation = match binary.op.id() {
            T_LAND => Some(SetOperation::And),
            T_LOR => Some(SetOperation::Or),
            T_LUNLESS => Some(SetOperation::Unless),
            _ => None,
        };
        if let Some(operation) = set_operation {
            let matching = VectorMatching::of(modifier);
            return Ok(Box::new(SetOperator::new(
                operation, left, right, &matching,
            )));
        }
        let both_scalar = |expression: &Expr| expression.value_type() == ValueType::Scalar;
        let sides = (both_scalar(&binary.lhs), both_scalar(&binary.rhs));
        // Scalars can't be absent, so comparing them always tests.
        let is_bool = binary.return_bool() || sides == (true, true);
        let Some(operation) = BinaryOperation::of(binary.op.id(), is_bool) else {
            return Err(EvalError::refused(format!(
                "`{}` is no operator",
                binary.op
            )));
        };
        let semantics = self.semantics;
        Ok(match sides {
            (true, true) => Box::new(ScalarBinary::new(operation, left, right)),
            (false, true) => {
                let side = ScalarSide::Right;
                Box::new(VectorScalar::new(operation, left, right, side, semantics))
            }
            (true, false) => {
                let side = ScalarSide::Left;
                Box::new(VectorScalar::new(operation, right, left, side, semantics))
            }
            (false, false) => Box::new(Join::new(operation, left, right, modifier, semantics)),
        })
    }

    fn aggregate(
        &self,
        aggregate: &AggregateExpr,
        grid: Steps,
    ) -> Result<BoxedOperator<'s>, EvalError> {
        let of = self.operator(&aggregate.expr, grid)?;
        let grouping = Grouping::of(aggregate.modifier.as_ref());
        let parameter = aggregate.param.as_deref();
        if let Some(label) = parameter.and_then(order::text) {
            let label = label.to_owned();
            let counts = CountValues {
                of,
                label,
                grouping,
            };
            return Ok(Box::new(DynamicElements::new(counts, grid)?));
        }
        let parameter = parameter.map(|parameter| self.operator(parameter, grid));
        let parameter = parameter.transpose()?;
        let token = aggregate.op.id();
        let annotations = self.annotations;
        match (
            Aggregation::of(token),
            SelectingAggregation::of(token),
            parameter,
        ) {
            (Some(aggregation), _, parameter) => Ok(Box::new(Aggregate::new(
                aggregation,
                of,
                parameter,
                &grouping,
                annotations,
            ))),
            (_, Some(choice), Some(parameter)) => {
                let choose = SelectingAggregate::new(choice, of, parameter, &grouping, annotations);
                Ok(Box::new(choose))
            }
            _ => Err(EvalError::refused(format!(
                "`{}` is not supported",
                aggregate.op
            ))),
        }
    }
}

fn stored(series_data: &[SeriesData<'_>]) -> Vec<OutputSeries> {
    let labels = series_data.iter().map(|data| data.labels.clone());
    labels.map(OutputSeries::new).collect()
}
