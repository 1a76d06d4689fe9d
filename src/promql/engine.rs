//! Evaluates queries over a source.

use std::collections::BTreeMap;

use promql_parser::parser::Expr;
use promql_parser::parser::value::ValueType;

use super::annotation::{Annotation, Annotations};
use super::block::is_present;
use super::call::without_parens;
use super::error::EvalError;
use super::operator::{Operator, RangeOperator};
use super::order::Order;
use super::plan::Planner;
use super::query::Query;
use super::series::SAME_LABELS;
use super::source::Source;
use super::steps::Steps;
use super::value::{InstantSample, Matrix, RangeSeries, Value};
use crate::metrics::Labels;

/// Steps that are computed together: enough that labels and look-ups cost nothing, few enough that
/// columns stay in the cache.
const BLOCK_STEPS: usize = 2_048;

/// Evaluates queries over one source.
#[derive(Clone, Copy, Debug)]
pub struct Engine<'s, S> {
    source: &'s S,
}

impl<'s, S: Source> Engine<'s, S> {
    /// Over this source.
    pub fn new(source: &'s S) -> Self {
        Self { source }
    }

    /// The answer at one instant, ms since 1970.
    ///
    /// # Errors
    ///
    /// As Prometheus refuses it: labels that don't fit together, or a value that is none. If a
    /// series holds native histograms.
    pub fn instant(&self, query: &Query, at_ms: i64) -> Result<Value, EvalError> {
        self.instant_annotated(query, at_ms).map(|(value, _)| value)
    }

    /// As [`Self::instant`], with what Prometheus remarks on it.
    ///
    /// # Errors
    ///
    /// As [`Self::instant`].
    pub fn instant_annotated(
        &self,
        query: &Query,
        at_ms: i64,
    ) -> Result<(Value, Vec<Annotation>), EvalError> {
        let annotations = Annotations::default();
        let steps = Steps::one(at_ms);
        let planner = self.planner(query, &annotations, steps, false);
        let value = match (without_parens(query.expression()), query.value_type()) {
            (Expr::StringLiteral(text), _) => Value::String(text.val.clone()),
            (expression, ValueType::Matrix) => {
                let operator = planner.range(expression, steps)?;
                Value::Matrix(samples(operator.as_ref(), query, steps)?)
            }
            (expression, ValueType::Scalar) => {
                let operator = planner.operator(expression, steps)?;
                Value::Scalar(operator.fill(steps)?.at(0, 0))
            }
            (expression, _) => {
                let operator = planner.operator(expression, steps)?;
                let mut elements = vector(operator.as_ref(), query, steps)?;
                Order::of(expression).sort(&mut elements);
                Value::Vector(elements)
            }
        };
        Ok((value, annotations.take()))
    }

    /// The answers from start to end, ms since 1970, both included, a step of at least 1 ms apart.
    ///
    /// # Errors
    ///
    /// As [`Self::instant`], if it is refused at any of the instants; or if the query is neither a
    /// scalar nor a vector.
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

    /// As [`Self::range`], with what Prometheus remarks on it.
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
        let annotations = Annotations::default();
        let steps = Steps::between(start_ms, end_ms, step_ms.max(1));
        if steps.count == 0 {
            return Ok((Matrix::default(), Vec::new()));
        }
        let planner = self.planner(query, &annotations, steps, true);
        let operator = planner.operator(query.expression(), steps)?;
        let matrix = matrix(operator.as_ref(), query, steps)?;
        Ok((matrix, annotations.take()))
    }

    fn planner<'p>(
        &self,
        query: &Query,
        annotations: &'p Annotations,
        steps: Steps,
        is_range: bool,
    ) -> Planner<'p>
    where
        's: 'p,
    {
        Planner {
            source: self.source,
            semantics: query.semantics(),
            annotations,
            start_end_ms: (steps.first_ms, steps.last_ms()),
            step_ms: if is_range { steps.step_ms } else { 0 },
            is_range,
        }
    }
}

fn vector(
    operator: &dyn Operator,
    query: &Query,
    steps: Steps,
) -> Result<Vec<InstantSample>, EvalError> {
    let block = operator.fill(steps)?;
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
        let block = operator.fill(piece)?;
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
            // Names that were dropped last can leave the same labels, at other instants.
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
