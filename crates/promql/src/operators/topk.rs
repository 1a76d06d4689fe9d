//! Aggregations that select series: `topk`, `bottomk`, `limitk` and `limit_ratio`.

use promql_parser::parser::token::{T_BOTTOMK, T_LIMIT_RATIO, T_LIMITK, T_TOPK, TokenId};
use xxhash_rust::xxh64::xxh64;

use crate::annotation::Annotations;
use crate::error::EvalError;
use crate::operators::aggregate::{GroupTable, Grouping};
use crate::operators::block::{Block, is_present};
use crate::operators::operator::{BoxedOperator, Operator};
use crate::operators::series::OutputSeries;
use crate::operators::steps::Steps;
use rehearsal_convert::{LowBits, Nearest, Saturating};
use rehearsal_metrics::Labels;

/// Selection of series in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SelectingAggregation {
    /// Largest values.
    Top,
    /// Smallest values.
    Bottom,
    /// Arbitrary but stable series.
    Any,
    /// Share of the series, by the hash of the labels.
    Part,
}

impl SelectingAggregation {
    /// Returns the aggregation of a token.
    pub(crate) fn of(token: TokenId) -> Option<Self> {
        Some(match token {
            T_TOPK => Self::Top,
            T_BOTTOMK => Self::Bottom,
            T_LIMITK => Self::Any,
            T_LIMIT_RATIO => Self::Part,
            _ => return None,
        })
    }
}

/// Operator of `topk by (..) (k, ..)` and similar aggregations.
pub(crate) struct SelectingAggregate<'s> {
    choice: SelectingAggregation,
    of: BoxedOperator<'s>,
    parameter: BoxedOperator<'s>,
    groups: GroupTable,
    /// Hash of each series' labels divided by the maximum hash.
    shares: Vec<f64>,
    annotations: &'s Annotations,
}

impl<'s> SelectingAggregate<'s> {
    pub(crate) fn new(
        choice: SelectingAggregation,
        of: BoxedOperator<'s>,
        parameter: BoxedOperator<'s>,
        grouping: &Grouping,
        annotations: &'s Annotations,
    ) -> Self {
        let groups = GroupTable::of(of.series(), grouping);
        let shares = of
            .series()
            .iter()
            .map(|series| share(&series.labels))
            .collect();
        Self {
            choice,
            of,
            parameter,
            groups,
            shares,
            annotations,
        }
    }
}

/// Prometheus's hash of the labels divided by the maximum hash.
fn share(labels: &Labels) -> f64 {
    let mut bytes = Vec::new();
    for text in labels.iter().flat_map(|(name, value)| [name, value]) {
        let length = text.len();
        if length < 255 {
            bytes.push(length.low_u8());
        } else {
            bytes.extend([
                255,
                length.low_u8(),
                (length >> 8).low_u8(),
                (length >> 16).low_u8(),
            ]);
        }
        bytes.extend_from_slice(text.as_bytes());
    }
    xxh64(&bytes, 0).nearest_f64() / u64::MAX.nearest_f64()
}

impl Operator for SelectingAggregate<'_> {
    fn series(&self) -> &[OutputSeries] {
        self.of.series()
    }

    fn eval_block(&self, steps: Steps) -> Result<Block, EvalError> {
        let values = self.of.eval_block(steps)?;
        let parameter = self.parameter.eval_block(steps)?;
        let mut block = Block::absent(self.series().len(), steps.count);
        let mut present: Vec<(usize, f64)> = Vec::new();
        for step in 0..steps.count {
            let wanted = self.wanted(parameter.at(0, step))?;
            for members in &self.groups.members {
                present.clear();
                let all = members
                    .iter()
                    .map(|member| (*member, values.at(*member, step)));
                present.extend(all.filter(|(_, value)| is_present(*value)));
                self.choose(wanted, &mut present);
                for (series, value) in &present {
                    block.column_mut(*series)[step] = *value;
                }
            }
        }
        Ok(block)
    }
}

impl SelectingAggregate<'_> {
    /// Returns the checked parameter: a number of elements, or a ratio.
    fn wanted(&self, parameter: f64) -> Result<f64, EvalError> {
        if self.choice == SelectingAggregation::Part {
            if parameter.is_nan() {
                return Err(EvalError::refused("Ratio value is NaN"));
            }
            if parameter.abs() > 1.0 {
                let capped = parameter.clamp(-1.0, 1.0);
                self.annotations.warn(format!(
                    "ratio value should be between -1 and 1, got {parameter}, capping to {capped}"
                ));
                return Ok(capped);
            }
            return Ok(parameter);
        }
        if parameter.is_nan() {
            return Err(EvalError::refused("Parameter value is NaN"));
        }
        if parameter.abs() >= i64::MAX.nearest_f64() {
            let way = if parameter > 0.0 {
                "overflows"
            } else {
                "underflows"
            };
            return Err(EvalError::refused(format!(
                "Scalar value {parameter} {way} int64"
            )));
        }
        Ok(parameter.trunc())
    }

    /// Keeps the selected series.
    fn choose(&self, wanted: f64, present: &mut Vec<(usize, f64)>) {
        match self.choice {
            SelectingAggregation::Top => best(wanted, present, |a, b| b.total_cmp(&a)),
            SelectingAggregation::Bottom => best(wanted, present, |a, b| a.total_cmp(&b)),
            SelectingAggregation::Any => present.truncate(wanted.max(0.0).saturating_usize()),
            SelectingAggregation::Part => present.retain(|(series, _)| {
                let share = self.shares[*series];
                match wanted < 0.0 {
                    false => share < wanted,
                    true => share >= 1.0 + wanted,
                }
            }),
        }
    }
}

/// Keeps the first elements in an order with NaN last.
fn best(
    wanted: f64,
    present: &mut Vec<(usize, f64)>,
    order: impl Fn(f64, f64) -> std::cmp::Ordering,
) {
    let wanted = wanted.max(0.0).saturating_usize();
    if wanted < present.len() {
        present.sort_by(|(_, a), (_, b)| match (a.is_nan(), b.is_nan()) {
            // Zeros of either sign are equal.
            (false, false) => order(*a + 0.0, *b + 0.0),
            (a_is_nan, b_is_nan) => a_is_nan.cmp(&b_is_nan),
        });
        present.truncate(wanted);
    }
}
