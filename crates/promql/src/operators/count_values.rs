//! `count_values`: number of series with each value.

use std::collections::BTreeMap;

use crate::error::EvalError;
use crate::operators::aggregate::Grouping;
use crate::operators::block::is_present;
use crate::operators::dynamic::DynamicOperator;
use crate::operators::operator::BoxedOperator;
use crate::operators::series::OutputSeries;
use crate::operators::steps::Steps;
use rehearsal_metrics::Labels;

/// `count_values by (..) ("label", ..)`
pub(crate) struct CountValues<'s> {
    pub(crate) of: BoxedOperator<'s>,
    pub(crate) label: String,
    pub(crate) grouping: Grouping,
}

impl DynamicOperator for CountValues<'_> {
    fn each(
        &self,
        steps: Steps,
        show: &mut dyn FnMut(usize, OutputSeries, f64),
    ) -> Result<(), EvalError> {
        let block = self.of.eval_block(steps)?;
        let grouping = self.grouping.also(&self.label);
        for step in 0..steps.count {
            let mut counts: BTreeMap<Labels, f64> = BTreeMap::new();
            for (index, series) in self.of.series().iter().enumerate() {
                let value = block.at(index, step);
                if is_present(value) {
                    let labels = series.labels.with(&self.label, &decimal(value));
                    let grouped = grouping.series(&OutputSeries::new(labels));
                    *counts.entry(grouped.labels).or_default() += 1.0;
                }
            }
            for (labels, count) in counts {
                show(step, OutputSeries::new(labels), count);
            }
        }
        Ok(())
    }
}

/// Formats a number without exponent, as a label value.
fn decimal(value: f64) -> String {
    if value.is_infinite() {
        let sign = if value > 0.0 { '+' } else { '-' };
        return format!("{sign}Inf");
    }
    value.to_string()
}
