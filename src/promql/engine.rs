//! Evaluates queries over a source.

use promql_parser::parser::Expr;
use promql_parser::parser::value::ValueType;

use super::annotation::{Annotation, Annotations};
use super::block::is_present;
use super::error::EvalError;
use super::operator::Operator;
use super::plan::{Planner, Span};
use super::query::Query;
use super::source::Source;
use super::steps::Steps;
use super::value::{InstantSample, Matrix, RangeSeries, Value};

/// Steps that are computed together.
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
        let expression = without_parens(query.expression());
        let value = match expression {
            Expr::StringLiteral(text) => Value::String(text.val.clone()),
            _ => {
                let steps = Steps::one(at_ms);
                let planner = self.planner(query, &annotations, steps);
                let span = Span {
                    from_ms: at_ms,
                    until_ms: at_ms,
                };
                if query.value_type() == ValueType::Matrix {
                    let operator = planner.range(expression, span)?;
                    let mut series = Vec::new();
                    operator.visit(steps, &mut |index, samples| {
                        if let Some(window) = samples.window(0) {
                            let times = window.times_ms.iter().copied();
                            let points = times.zip(window.values.iter().copied()).collect();
                            let labels = operator.series()[index].shown(query.semantics());
                            series.push(RangeSeries { labels, points });
                        }
                    })?;
                    series.sort_by(|a, b| a.labels.cmp(&b.labels));
                    Value::Matrix(Matrix { series })
                } else {
                    let operator = planner.operator(expression, span)?;
                    let block = operator.fill(steps)?;
                    if query.value_type() == ValueType::Scalar {
                        Value::Scalar(block.at(0, 0))
                    } else {
                        let all = operator.series().iter().enumerate();
                        let samples = all.map(|(index, series)| InstantSample {
                            labels: series.shown(query.semantics()),
                            value: block.at(index, 0),
                        });
                        let mut samples: Vec<InstantSample> =
                            samples.filter(|sample| is_present(sample.value)).collect();
                        samples.sort_by(|a, b| a.labels.cmp(&b.labels));
                        Value::Vector(samples)
                    }
                }
            }
        };
        Ok((value, annotations.take()))
    }

    /// The answers from start to end, ms since 1970, both included, a step of at least 1 ms apart.
    ///
    /// # Errors
    ///
    /// As [`Self::instant`], at the first instant at which it is refused; or if the query isn't a
    /// scalar or a vector.
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
        let planner = self.planner(query, &annotations, steps);
        let span = Span {
            from_ms: start_ms,
            until_ms: end_ms,
        };
        let operator = planner.operator(query.expression(), span)?;
        let matrix = collect(operator.as_ref(), query, steps)?;
        Ok((matrix, annotations.take()))
    }

    fn planner<'p>(&self, query: &Query, annotations: &'p Annotations, steps: Steps) -> Planner<'p>
    where
        's: 'p,
    {
        let last_ms = match steps.count {
            0 => steps.first_ms,
            _ => steps.last_ms(),
        };
        Planner {
            source: self.source,
            semantics: query.semantics(),
            annotations,
            start_end_ms: (steps.first_ms, last_ms),
            step_ms: steps.step_ms,
        }
    }
}

fn without_parens(mut expression: &Expr) -> &Expr {
    while let Expr::Paren(paren) = expression {
        expression = &paren.expr;
    }
    expression
}

fn collect(operator: &dyn Operator, query: &Query, steps: Steps) -> Result<Matrix, EvalError> {
    let shown = operator.series().iter();
    let mut all: Vec<RangeSeries> = shown
        .map(|series| RangeSeries {
            labels: series.shown(query.semantics()),
            points: Vec::new(),
        })
        .collect();
    for piece in steps.pieces(BLOCK_STEPS) {
        let block = operator.fill(piece)?;
        for (index, series) in all.iter_mut().enumerate() {
            let values = piece.iter().zip(block.column(index).iter().copied());
            series
                .points
                .extend(values.filter(|(_, value)| is_present(*value)));
        }
    }
    all.retain(|series| !series.points.is_empty());
    all.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(Matrix { series: all })
}
