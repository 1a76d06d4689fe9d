//! Functions of range vectors: one value for each window of samples.

pub(crate) mod over_time;
mod rate;
mod trend;

use promql_parser::label::METRIC_NAME;

use crate::annotation::Annotations;
use crate::error::EvalError;
use crate::operators::block::{ABSENT, Block};
use crate::operators::operator::{BoxedOperator, Operator, RangeOperator, fill_all};
use crate::operators::series::{OutputSeries, SeriesMerge};
use crate::operators::series_window::{SeriesWindow, Window};
use crate::operators::steps::Steps;
use crate::parse::semantics::Semantics;

/// Context of a range function besides its samples.
pub(crate) struct RangeContext<'a> {
    /// Scalar arguments, a block for each.
    pub(crate) scalars: &'a [Block],
    /// Semantics of the query.
    pub(crate) semantics: Semantics,
    /// Destination of annotations.
    pub(crate) annotations: &'a Annotations,
    /// Metric name of the series.
    pub(crate) name: &'a str,
}

/// Computes a value for each step's window.
type ColumnFunction = fn(&SeriesWindow<'_>, &RangeContext<'_>, &mut [f64]);

/// Function of range vectors.
#[derive(Clone, Copy)]
pub(crate) struct RangeFunction {
    column: ColumnFunction,
    /// Whether the metric name is kept.
    keeps_name: bool,
    /// Whether its scalars are smoothing factors between 0 and 1.
    smooths: bool,
}

impl RangeFunction {
    /// Returns the function of a name, if this module implements it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let column: ColumnFunction = match name {
            "avg_over_time" => over_time::avg,
            "changes" => over_time::changes,
            "count_over_time" => over_time::count,
            "delta" => rate::delta,
            "deriv" => trend::deriv,
            "double_exponential_smoothing" | "holt_winters" => trend::double_exponential_smoothing,
            "first_over_time" => over_time::first,
            "idelta" => trend::idelta,
            "increase" => rate::increase,
            "irate" => trend::irate,
            "last_over_time" => over_time::last,
            "mad_over_time" => over_time::mad,
            "max_over_time" => over_time::max,
            "min_over_time" => over_time::min,
            "predict_linear" => trend::predict_linear,
            "present_over_time" => over_time::present,
            "quantile_over_time" => over_time::quantile_over_time,
            "rate" => rate::rate,
            "resets" => over_time::resets,
            "stddev_over_time" => over_time::stddev,
            "stdvar_over_time" => over_time::stdvar,
            "sum_over_time" => over_time::sum,
            "ts_of_first_over_time" => over_time::time_of_first,
            "ts_of_last_over_time" => over_time::time_of_last,
            "ts_of_max_over_time" => over_time::time_of_max,
            "ts_of_min_over_time" => over_time::time_of_min,
            _ => return None,
        };
        let smooths = matches!(name, "double_exponential_smoothing" | "holt_winters");
        let keeps_name = matches!(name, "first_over_time" | "last_over_time");
        Some(Self {
            column,
            keeps_name,
            smooths,
        })
    }
}

/// Computes a column window by window.
#[inline]
fn each_window(
    samples: &SeriesWindow<'_>,
    column: &mut [f64],
    mut value: impl FnMut(usize, Window<'_>) -> Option<f64>,
) {
    for (step, into) in column.iter_mut().enumerate() {
        let window = samples.window(step);
        *into = window
            .and_then(|window| value(step, window))
            .unwrap_or(ABSENT);
    }
}

/// Operator of a function call on a range vector.
pub(crate) struct RangeCall<'s> {
    function: RangeFunction,
    range: Box<dyn RangeOperator + 's>,
    scalars: Vec<BoxedOperator<'s>>,
    semantics: Semantics,
    annotations: &'s Annotations,
    names: Vec<String>,
    merge: SeriesMerge,
}

impl<'s> RangeCall<'s> {
    pub(crate) fn new(
        function: RangeFunction,
        range: Box<dyn RangeOperator + 's>,
        scalars: Vec<BoxedOperator<'s>>,
        semantics: Semantics,
        annotations: &'s Annotations,
    ) -> Self {
        let renamed = |series: &OutputSeries| match function.keeps_name {
            true => series.clone(),
            false => series.renamed(semantics),
        };
        let name = |series: &OutputSeries| {
            series
                .labels
                .get(METRIC_NAME)
                .unwrap_or_default()
                .to_owned()
        };
        let merge = SeriesMerge::of(range.series().iter().map(renamed).collect());
        let names = range.series().iter().map(name).collect();
        Self {
            function,
            range,
            scalars,
            semantics,
            annotations,
            names,
            merge,
        }
    }
}

impl Operator for RangeCall<'_> {
    fn series(&self) -> &[OutputSeries] {
        &self.merge.series
    }

    fn eval_block(&self, steps: Steps) -> Result<Block, EvalError> {
        let scalars = fill_all(&self.scalars, steps)?;
        if self.function.smooths {
            check_factors(&scalars)?;
        }
        let mut block = Block::absent(self.names.len(), steps.count);
        self.range.visit(steps, &mut |index, samples| {
            let surroundings = RangeContext {
                scalars: &scalars,
                semantics: self.semantics,
                annotations: self.annotations,
                name: &self.names[index],
            };
            (self.function.column)(samples, &surroundings, block.column_mut(index));
        })?;
        self.merge.apply(block, steps.count)
    }
}

/// Checks that smoothing factors are between 0 and 1.
fn check_factors(factors: &[Block]) -> Result<(), EvalError> {
    for (factors, name) in factors.iter().zip(["smoothing", "trend"]) {
        let mut factors = factors.column(0).iter();
        if let Some(wrong) = factors.find(|factor| **factor <= 0.0 || **factor >= 1.0) {
            return Err(EvalError::refused(format!(
                "invalid {name} factor. Expected: 0 < factor < 1, got: {wrong}"
            )));
        }
    }
    Ok(())
}
