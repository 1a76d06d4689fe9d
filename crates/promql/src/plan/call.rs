//! Function calls.

use promql_parser::label::{METRIC_NAME, MatchOp, Matcher};
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{Call, Expr, VectorSelector};

use crate::error::EvalError;
use crate::operators::absent::{Absent, AbsentInput};
use crate::operators::block::Block;
use crate::operators::dynamic::DynamicElements;
use crate::operators::elementwise::{ElementCall, ElementFunction, maximum, minimum};
use crate::operators::histogram::{Estimate, HistogramCall};
use crate::operators::info::{Info, TARGET_INFO};
use crate::operators::operator::{BoxedOperator, Operator};
use crate::operators::order;
use crate::operators::quantiles::HistogramQuantiles;
use crate::operators::range_function::{RangeCall, RangeFunction};
use crate::operators::relabel::{self, Relabel};
use crate::operators::scalar::{OnlyElement, Scalar, ScalarPair};
use crate::operators::selector::SampleField;
use crate::operators::series::{OutputSeries, SeriesMerge};
use crate::operators::steps::Steps;
use crate::parse::expression::without_parens;
use crate::parse::semantics::Semantics;
use crate::plan::QueryPlanner;
use rehearsal_convert::Nearest;

type Planned<'s> = Result<BoxedOperator<'s>, EvalError>;

/// Creates the operator of a function call.
///
/// # Errors
///
/// Errors of the arguments.
pub(crate) fn operator<'s>(planner: &QueryPlanner<'s>, call: &Call, grid: Steps) -> Planned<'s> {
    let name = call.func.name;
    let arguments: Vec<&Expr> = call.args.args.iter().map(AsRef::as_ref).collect();
    if let Some(function) = RangeFunction::named(name) {
        return range_call(planner, function, &arguments, grid);
    }
    let seconds = |ms: i64| ms.nearest_f64() / 1_000.0;
    let (start_ms, end_ms) = planner.start_end_ms;
    let constant = |value: f64| -> Planned<'s> { Ok(Box::new(Scalar::new(move |_| value))) };
    match (name, arguments.as_slice()) {
        ("time", []) => Ok(Box::new(Scalar::new(seconds))),
        ("pi", []) => constant(std::f64::consts::PI),
        ("start", []) => constant(seconds(start_ms)),
        ("end", []) => constant(seconds(end_ms)),
        ("range", []) => constant(seconds(end_ms - start_ms)),
        ("step", []) => constant(seconds(planner.step_ms)),
        ("scalar", [of]) => Ok(Box::new(OnlyElement::new(planner.operator(of, grid)?))),
        ("vector", [of]) => planner.operator(of, grid),
        ("max_of" | "min_of", [a, b]) => {
            let choose = if name == "max_of" { maximum } else { minimum };
            let (a, b) = (planner.operator(a, grid)?, planner.operator(b, grid)?);
            Ok(Box::new(ScalarPair::new(a, b, choose)))
        }
        ("absent", [of]) => {
            let missing = AbsentInput::Vector(planner.operator(of, grid)?);
            Ok(Box::new(Absent::new(missing, of)))
        }
        ("absent_over_time", [of]) => {
            let missing = AbsentInput::Range(planner.range(of, grid)?);
            Ok(Box::new(Absent::new(missing, of)))
        }
        ("sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc", [of, ..]) => {
            if planner.is_range {
                // Prometheus's message has `sort` for all of them.
                planner.annotations.warn(
                    "sort is ineffective for range queries since results are always ordered by \
                     labels"
                        .to_owned(),
                );
            }
            planner.operator(of, grid)
        }
        ("label_replace" | "label_join", [of, texts @ ..]) => {
            relabel(planner.operator(of, grid)?, name, texts)
        }
        ("histogram_quantile", [quantile, of]) => {
            let scalars = vec![planner.operator(quantile, grid)?];
            histogram(planner, Estimate::Quantile, scalars, of, grid)
        }
        ("histogram_fraction", [lower, upper, of]) => {
            let scalars = vec![
                planner.operator(lower, grid)?,
                planner.operator(upper, grid)?,
            ];
            histogram(planner, Estimate::Fraction, scalars, of, grid)
        }
        ("histogram_quantiles", [of, label, quantiles @ ..]) => {
            let label = order::text(label).unwrap_or_default().to_owned();
            let mut estimates = Vec::new();
            for quantile in quantiles {
                let scalar = planner.operator(quantile, grid)?;
                let again = planner.operator(quantile, grid)?;
                let estimate = histogram(planner, Estimate::Quantile, vec![again], of, grid)?;
                estimates.push((scalar, estimate));
            }
            Ok(Box::new(DynamicElements::new(
                HistogramQuantiles { label, estimates },
                grid,
            )?))
        }
        ("info", [of, about @ ..]) => info(planner, of, about.first().copied(), grid),
        ("timestamp", [of]) => match without_parens(of) {
            Expr::VectorSelector(selector) => planner.instant(selector, grid, SampleField::Time),
            of => element_call(planner, ElementFunction::Time, &[of], grid),
        },
        _ => match ElementFunction::named(name) {
            Some(function) => element_call(planner, function, &arguments, grid),
            None => Err(EvalError::refused(format!("`{name}` is not supported"))),
        },
    }
}

fn element_call<'s>(
    planner: &QueryPlanner<'s>,
    function: ElementFunction,
    arguments: &[&Expr],
    grid: Steps,
) -> Planned<'s> {
    let (of, scalars): (BoxedOperator<'s>, &[&Expr]) = match arguments {
        // Date functions without argument apply to the step itself.
        [] => (
            Box::new(Scalar::new(|step_ms| {
                (step_ms.nearest_f64() / 1_000.0).floor()
            })),
            &[],
        ),
        [of, scalars @ ..] => (planner.operator(of, grid)?, scalars),
    };
    let scalars: Result<Vec<_>, _> = scalars
        .iter()
        .map(|scalar| planner.operator(scalar, grid))
        .collect();
    Ok(Box::new(ElementCall::new(
        function,
        of,
        scalars?,
        planner.semantics,
    )))
}

fn range_call<'s>(
    planner: &QueryPlanner<'s>,
    function: RangeFunction,
    arguments: &[&Expr],
    grid: Steps,
) -> Planned<'s> {
    let (ranges, scalars): (Vec<&Expr>, Vec<&Expr>) = arguments
        .iter()
        .partition(|argument| argument.value_type() == ValueType::Matrix);
    let Some(range) = ranges.first() else {
        return Err(EvalError::refused("a range is missing"));
    };
    let range = planner.range(range, grid)?;
    let scalars: Result<Vec<_>, _> = scalars
        .iter()
        .map(|scalar| planner.operator(scalar, grid))
        .collect();
    Ok(Box::new(RangeCall::new(
        function,
        range,
        scalars?,
        planner.semantics,
        planner.annotations,
    )))
}

fn histogram<'s>(
    planner: &QueryPlanner<'s>,
    estimate: Estimate,
    scalars: Vec<BoxedOperator<'s>>,
    of: &Expr,
    grid: Steps,
) -> Planned<'s> {
    let buckets = planner.operator(of, grid)?;
    Ok(Box::new(HistogramCall::new(
        estimate,
        scalars,
        buckets,
        planner.semantics,
        planner.annotations,
    )))
}

fn relabel<'s>(of: BoxedOperator<'s>, name: &str, texts: &[&Expr]) -> Planned<'s> {
    let texts: Vec<String> = texts
        .iter()
        .filter_map(|of| order::text(of))
        .map(str::to_owned)
        .collect();
    let (label, source) = match (name, texts.as_slice()) {
        ("label_replace", [label, value, from, pattern]) => {
            let pattern = relabel::pattern(pattern).map_err(|_| {
                EvalError::refused(format!(
                    "invalid regular expression in label_replace(): {pattern}"
                ))
            })?;
            let (from, value) = (from.clone(), value.clone());
            (
                label,
                relabel::RelabelValue::Replace {
                    from,
                    pattern,
                    value,
                },
            )
        }
        ("label_join", [label, separator, from @ ..]) => {
            let (from, separator) = (from.to_vec(), separator.clone());
            (label, relabel::RelabelValue::Join { from, separator })
        }
        _ => return Err(EvalError::refused(format!("{name} takes texts"))),
    };
    if label.is_empty() {
        return Err(EvalError::refused(format!(
            "invalid destination label name in {name}(): {label}"
        )));
    }
    Ok(Box::new(Relabel::new(of, label, &source)))
}

fn info<'s>(
    planner: &QueryPlanner<'s>,
    of: &Expr,
    about: Option<&Expr>,
    grid: Steps,
) -> Planned<'s> {
    let mut matchers = match about.map(without_parens) {
        Some(Expr::VectorSelector(selector)) => {
            crate::parse::expression::all_matchers(selector).concat()
        }
        _ => Vec::new(),
    };
    if !matchers.iter().any(|matcher| matcher.name == METRIC_NAME) {
        matchers.push(Matcher::new(MatchOp::Equal, METRIC_NAME, TARGET_INFO));
    }
    let (at, offset) = first_selector(of).map_or((None, None), |selector| {
        (selector.at.clone(), selector.offset.clone())
    });
    let selector = VectorSelector {
        name: None,
        matchers: promql_parser::label::Matchers::new(matchers.clone()),
        offset,
        at,
    };
    let times = planner.instant(&selector, grid, SampleField::TimeOfStored)?;
    let info = Info::new(planner.operator(of, grid)?, times, &matchers);
    Ok(Box::new(DynamicElements::new(info, grid)?))
}

/// First selector of an expression. Info series are selected at its time.
fn first_selector(expression: &Expr) -> Option<&VectorSelector> {
    match expression {
        Expr::VectorSelector(selector) => Some(selector),
        Expr::MatrixSelector(selector) => Some(&selector.vs),
        Expr::Paren(paren) => first_selector(&paren.expr),
        Expr::Unary(unary) => first_selector(&unary.expr),
        Expr::Aggregate(aggregate) => first_selector(&aggregate.expr),
        Expr::Binary(binary) => first_selector(&binary.lhs).or_else(|| first_selector(&binary.rhs)),
        Expr::Call(call) => call
            .args
            .args
            .iter()
            .find_map(|argument| first_selector(argument)),
        Expr::Subquery(_)
        | Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::Extension(_) => None,
    }
}

/// `-x`
pub(crate) struct Negate<'s> {
    of: BoxedOperator<'s>,
    merge: SeriesMerge,
}

impl<'s> Negate<'s> {
    pub(crate) fn new(of: BoxedOperator<'s>, is_scalar: bool, semantics: Semantics) -> Self {
        let series = of.series().iter();
        let merge = SeriesMerge::of(match is_scalar {
            true => series.cloned().collect(),
            false => series.map(|series| series.renamed(semantics)).collect(),
        });
        Self { of, merge }
    }
}

impl Operator for Negate<'_> {
    fn series(&self) -> &[OutputSeries] {
        &self.merge.series
    }

    fn eval_block(&self, steps: Steps) -> Result<Block, EvalError> {
        let mut block = self.of.eval_block(steps)?;
        block.map(|value| -value);
        self.merge.apply(block, steps.count)
    }
}
