//! `histogram_quantiles`: several quantiles at once, each with its own label.

use crate::error::EvalError;
use crate::operators::block::is_present;
use crate::operators::dynamic::DynamicOperator;
use crate::operators::operator::BoxedOperator;
use crate::operators::series::OutputSeries;
use crate::operators::steps::Steps;

/// Operator with the estimates of each requested quantile.
pub(crate) struct HistogramQuantiles<'s> {
    pub(crate) label: String,
    pub(crate) estimates: Vec<(BoxedOperator<'s>, BoxedOperator<'s>)>,
}

impl DynamicOperator for HistogramQuantiles<'_> {
    fn each(
        &self,
        steps: Steps,
        show: &mut dyn FnMut(usize, OutputSeries, f64),
    ) -> Result<(), EvalError> {
        for (quantile, estimate) in &self.estimates {
            let quantiles = quantile.eval_block(steps)?;
            let block = estimate.eval_block(steps)?;
            for (index, series) in estimate.series().iter().enumerate() {
                for step in 0..steps.count {
                    let value = block.at(index, step);
                    if is_present(value) {
                        let mut series = series.clone();
                        let quantile = open_metrics(quantiles.at(0, step));
                        series.labels = series.labels.with(&self.label, &quantile);
                        show(step, series, value);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Formats a number as OpenMetrics does, with a decimal point.
fn open_metrics(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        _ if value.is_nan() => "NaN".to_owned(),
        _ => format!("{value:?}"),
    }
}
