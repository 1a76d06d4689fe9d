//! Query evaluation.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use promql_parser::parser::Expr;

use crate::annotation::{Annotation, Annotations};
use crate::budget::Budget;
use crate::error::EvalError;
use crate::operators::block::is_present;
use crate::operators::operator::{Operator, RangeOperator};
use crate::operators::order::Order;
use crate::operators::series::SAME_LABELS;
use crate::operators::steps::Steps;
use crate::parse::duration::DurationContext;
use crate::parse::expression::without_parens;
use crate::parse::query::{AnswerKind, Query};
use crate::plan::QueryPlanner;
use crate::storage::queryable::Queryable;
use crate::value::{InstantSample, Matrix, QueryValue, RangeSeries};
use rehearsal_convert::Nearest;
use rehearsal_metrics::Labels;

/// Number of steps computed together: enough to amortise labels and look-ups, few enough for
/// columns to stay in the cache.
const BLOCK_STEPS: usize = 2_048;

/// Number of steps in the first block of a walk, which often ends early.
const FIRST_STEPS: usize = 32;

/// Evaluates queries over a [`Queryable`].
#[derive(Clone, Copy, Debug)]
pub struct Engine<'s, S> {
    source: &'s S,
}

impl<'s, S: Queryable> Engine<'s, S> {
    /// Creates an engine over a source.
    pub fn new(source: &'s S) -> Self {
        Self { source }
    }

    /// Evaluates an instant query at a time in ms since 1970.
    ///
    /// # Errors
    ///
    /// If Prometheus would refuse it: label sets that do not match, or an invalid argument. If a
    /// series holds native histograms.
    pub fn instant(&self, query: &Query, at_ms: i64) -> Result<QueryValue, EvalError> {
        self.instant_annotated(query, at_ms).map(|(value, _)| value)
    }

    /// As [`Self::instant`], with annotations.
    ///
    /// # Errors
    ///
    /// As [`Self::instant`].
    pub fn instant_annotated(
        &self,
        query: &Query,
        at_ms: i64,
    ) -> Result<(QueryValue, Vec<Annotation>), EvalError> {
        let account = QueryStats::new();
        let steps = Steps::one(at_ms);
        let planner = self.planner(query, &account, steps, false);
        let expression = expression(query, steps, false)?;
        let value = match (without_parens(&expression), query.answers()) {
            (Expr::StringLiteral(text), _) => QueryValue::String(text.val.clone()),
            (expression, AnswerKind::Ranges) => {
                let operator = planner.range(expression, steps)?;
                QueryValue::Matrix(samples(operator.as_ref(), query, steps)?)
            }
            (expression, AnswerKind::Scalar) => {
                let operator = planner.operator(expression, steps)?;
                QueryValue::Scalar(operator.eval_block(steps)?.at(0, 0))
            }
            (expression, _) => {
                let operator = planner.operator(expression, steps)?;
                let mut elements = vector(operator.as_ref(), query, steps)?;
                Order::of(expression).sort(&mut elements);
                QueryValue::Vector(elements)
            }
        };
        Ok((value, account.annotations.take()))
    }

    /// Evaluates a range query from start to end, ms since 1970, both included, with a step of at
    /// least 1 ms.
    ///
    /// # Errors
    ///
    /// As [`Self::instant`] for any step, or if the query is neither a scalar nor a vector.
    pub fn range(
        &self,
        query: &Query,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    ) -> Result<Matrix, EvalError> {
        self.range_annotated(query, start_ms, end_ms, step_ms)
            .map(|(matrix, _)| matrix)
    }

    /// As [`Self::range`], with annotations.
    ///
    /// # Errors
    ///
    /// As [`Self::range`].
    pub fn range_annotated(
        &self,
        query: &Query,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    ) -> Result<(Matrix, Vec<Annotation>), EvalError> {
        let account = QueryStats::new();
        let steps = Steps::between(start_ms, end_ms, step_ms.max(1));
        if steps.count == 0 {
            return Ok((Matrix::default(), Vec::new()));
        }
        let planner = self.planner(query, &account, steps, true);
        let expression = expression(query, steps, true)?;
        let operator = planner.operator(&expression, steps)?;
        let matrix = matrix(operator.as_ref(), query, steps)?;
        Ok((matrix, account.annotations.take()))
    }

    /// Visits the values at each instant from start to end, until the visitor breaks. Returns
    /// whether it did. Costs less than [`Self::range`] where the labels do not matter.
    ///
    /// # Errors
    ///
    /// As [`Self::range`], up to the last evaluated instant.
    pub fn walk(
        &self,
        query: &Query,
        (start_ms, end_ms, step_ms): (i64, i64, i64),
        mut show: impl FnMut(i64, &[f64]) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, EvalError> {
        let account = QueryStats::new();
        let steps = Steps::between(start_ms, end_ms, step_ms.max(1));
        if steps.count == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        let planner = self.planner(query, &account, steps, true);
        let expression = expression(query, steps, true)?;
        let operator = planner.operator(&expression, steps)?;
        let series = operator.series().len();
        let mut present = Vec::with_capacity(series);
        for piece in steps.growing_pieces(FIRST_STEPS, BLOCK_STEPS) {
            let block = operator.eval_block(piece)?;
            for step in 0..piece.count {
                present.clear();
                let values = (0..series).map(|index| block.at(index, step));
                present.extend(values.filter(|value| is_present(*value)));
                if show(piece.at(step), &present).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn planner<'p>(
        &self,
        query: &Query,
        account: &'p QueryStats,
        steps: Steps,
        is_range: bool,
    ) -> QueryPlanner<'p>
    where
        's: 'p,
    {
        QueryPlanner {
            source: self.source,
            semantics: query.semantics(),
            annotations: &account.annotations,
            budget: &account.budget,
            start_end_ms: (steps.first_ms, steps.last_ms()),
            step_ms: step_ms(steps, is_range),
            is_range,
        }
    }
}

/// Step that `step()` returns: 0 for an instant query.
fn step_ms(steps: Steps, is_range: bool) -> i64 {
    if is_range { steps.step_ms } else { 0 }
}

/// Expression with its durations at these steps.
fn expression(query: &Query, steps: Steps, is_range: bool) -> Result<Cow<'_, Expr>, EvalError> {
    let setting = DurationContext {
        step: step_ms(steps, is_range).nearest_f64() / 1_000.0,
        range: (steps.last_ms() - steps.first_ms).nearest_f64() / 1_000.0,
        is_known: true,
    };
    let expression = query.expression_in(setting);
    expression.map_err(|error| EvalError::refused(error.to_string()))
}

/// Budget and annotations of one evaluation.
struct QueryStats {
    annotations: Annotations,
    budget: Budget,
}

impl QueryStats {
    fn new() -> Self {
        Self {
            annotations: Annotations::default(),
            budget: Budget::new(),
        }
    }
}

fn vector(
    operator: &dyn Operator,
    query: &Query,
    steps: Steps,
) -> Result<Vec<InstantSample>, EvalError> {
    let block = operator.eval_block(steps)?;
    let all = operator.series().iter().enumerate();
    let present = all.filter(|(index, _)| is_present(block.at(*index, 0)));
    let elements: Vec<InstantSample> = present
        .map(|(index, series)| InstantSample {
            labels: series.shown(query.semantics()),
            value: block.at(index, 0),
        })
        .collect();
    let mut labels: Vec<&Labels> = elements.iter().map(|element| &element.labels).collect();
    labels.sort_unstable();
    if labels.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(EvalError::refused(SAME_LABELS));
    }
    Ok(elements)
}

fn samples(operator: &dyn RangeOperator, query: &Query, steps: Steps) -> Result<Matrix, EvalError> {
    let mut series = Vec::new();
    operator.visit(steps, &mut |index, samples| {
        if let Some(window) = samples.window(0) {
            let times_ms = window.times_ms.iter().copied();
            series.push(RangeSeries {
                labels: operator.series()[index].shown(query.semantics()),
                points: times_ms.zip(window.values.iter().copied()).collect(),
            });
        }
    })?;
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(Matrix { series })
}

fn matrix(operator: &dyn Operator, query: &Query, steps: Steps) -> Result<Matrix, EvalError> {
    let mut all: Vec<Vec<(i64, f64)>> = vec![Vec::new(); operator.series().len()];
    for piece in steps.pieces(BLOCK_STEPS) {
        let block = operator.eval_block(piece)?;
        for (index, points) in all.iter_mut().enumerate() {
            let values = piece.iter().zip(block.column(index).iter().copied());
            points.extend(values.filter(|(_, value)| is_present(*value)));
        }
    }
    let mut by_labels: BTreeMap<Labels, Vec<(i64, f64)>> = BTreeMap::new();
    for (series, points) in operator.series().iter().zip(all) {
        if points.is_empty() {
            continue;
        }
        let merged = by_labels
            .entry(series.shown(query.semantics()))
            .or_default();
        let is_first = merged.is_empty();
        merged.extend(points);
        if !is_first {
            // Delayed name removal can give equal labels at different instants.
            merged.sort_by_key(|(at_ms, _)| *at_ms);
            if merged.windows(2).any(|pair| pair[0].0 == pair[1].0) {
                return Err(EvalError::refused(SAME_LABELS));
            }
        }
    }
    let series = by_labels.into_iter();
    let series = series.map(|(labels, points)| RangeSeries { labels, points });
    Ok(Matrix {
        series: series.collect(),
    })
}
