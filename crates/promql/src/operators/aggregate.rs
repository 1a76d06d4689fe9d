//! Aggregations that combine many series into one.

use promql_parser::label::METRIC_NAME;
use promql_parser::parser::LabelModifier;
use promql_parser::parser::token::{
    T_AVG, T_COUNT, T_GROUP, T_MAX, T_MIN, T_QUANTILE, T_STDDEV, T_STDVAR, T_SUM, TokenId,
};
use rustc_hash::FxHashMap;

use crate::annotation::Annotations;
use crate::error::EvalError;
use crate::operators::block::{Block, is_present};
use crate::operators::operator::{BoxedOperator, Operator};
use crate::operators::series::OutputSeries;
use crate::operators::steps::Steps;
use crate::operators::sum::{Mean, Sum, Variance, quantile};
use rehearsal_metrics::Labels;

/// Labels that the series of a group share: `by (..)`, `without (..)` or none.
#[derive(Clone, Debug)]
pub(crate) enum Grouping {
    /// Exactly these labels.
    By(Vec<String>),
    /// All labels except these and the name.
    Without(Vec<String>),
}

impl Grouping {
    pub(crate) fn of(modifier: Option<&LabelModifier>) -> Self {
        match modifier {
            None => Self::By(Vec::new()),
            Some(LabelModifier::Include(labels)) => Self::By(labels.labels.clone()),
            Some(LabelModifier::Exclude(labels)) => Self::Without(labels.labels.clone()),
        }
    }

    /// Adds one label to the shared ones.
    pub(crate) fn also(&self, label: &str) -> Self {
        match self {
            Self::By(names) => Self::By(names.iter().cloned().chain([label.to_owned()]).collect()),
            Self::Without(names) => Self::Without(names.clone()),
        }
    }

    /// Returns the labels of a series that its group keeps.
    pub(crate) fn series(&self, series: &OutputSeries) -> OutputSeries {
        let labels = match self {
            Self::By(names) => series
                .labels
                .retaining(|label| names.iter().any(|name| name == label)),
            Self::Without(names) => series
                .labels
                .retaining(|label| label != METRIC_NAME && !names.iter().any(|name| name == label)),
        };
        OutputSeries::new(labels)
    }
}

/// Assignment of series to groups.
#[derive(Debug)]
pub(crate) struct GroupTable {
    /// Output series of each group.
    pub(crate) series: Vec<OutputSeries>,
    /// Indices of each group's members.
    pub(crate) members: Vec<Vec<usize>>,
}

impl GroupTable {
    pub(crate) fn of(all: &[OutputSeries], grouping: &Grouping) -> Self {
        let mut places: FxHashMap<Labels, usize> = FxHashMap::default();
        let mut groups = Self {
            series: Vec::new(),
            members: Vec::new(),
        };
        for (index, series) in all.iter().enumerate() {
            let grouped = grouping.series(series);
            let next = groups.series.len();
            let place = *places.entry(grouped.labels.clone()).or_insert(next);
            if place == next {
                groups.series.push(grouped);
                groups.members.push(Vec::new());
            }
            groups.series[place].drops_name |= series.drops_name;
            groups.members[place].push(index);
        }
        groups
    }
}

/// Operation that combines the values of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aggregation {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Group,
    Stddev,
    Stdvar,
    Quantile,
}

impl Aggregation {
    /// Returns the aggregation of a token; `None` for those that select series.
    pub(crate) fn of(token: TokenId) -> Option<Self> {
        Some(match token {
            T_SUM => Self::Sum,
            T_AVG => Self::Avg,
            T_MIN => Self::Min,
            T_MAX => Self::Max,
            T_COUNT => Self::Count,
            T_GROUP => Self::Group,
            T_STDDEV => Self::Stddev,
            T_STDVAR => Self::Stdvar,
            T_QUANTILE => Self::Quantile,
            _ => return None,
        })
    }
}

/// Operator of `sum by (..) (..)` and similar aggregations.
pub(crate) struct Aggregate<'s> {
    aggregation: Aggregation,
    of: BoxedOperator<'s>,
    parameter: Option<BoxedOperator<'s>>,
    groups: GroupTable,
    annotations: &'s Annotations,
}

impl<'s> Aggregate<'s> {
    pub(crate) fn new(
        aggregation: Aggregation,
        of: BoxedOperator<'s>,
        parameter: Option<BoxedOperator<'s>>,
        grouping: &Grouping,
        annotations: &'s Annotations,
    ) -> Self {
        let groups = GroupTable::of(of.series(), grouping);
        Self {
            aggregation,
            of,
            parameter,
            groups,
            annotations,
        }
    }
}

impl Operator for Aggregate<'_> {
    fn series(&self) -> &[OutputSeries] {
        &self.groups.series
    }

    fn eval_block(&self, steps: Steps) -> Result<Block, EvalError> {
        let values = self.of.eval_block(steps)?;
        let parameter = self
            .parameter
            .as_ref()
            .map(|operator| operator.eval_block(steps));
        let parameter = parameter.transpose()?;
        let mut block = Block::absent(self.groups.series.len(), steps.count);
        for (index, members) in self.groups.members.iter().enumerate() {
            let column = block.column_mut(index);
            match self.aggregation {
                Aggregation::Sum => fold(&values, members, column, Sum::add, Sum::get),
                Aggregation::Avg => fold(&values, members, column, Mean::add, Mean::get),
                Aggregation::Stdvar => {
                    fold(&values, members, column, Variance::add, Variance::get);
                }
                Aggregation::Stddev => {
                    fold(
                        &values,
                        members,
                        column,
                        Variance::add,
                        |variance: Variance| variance.get().sqrt(),
                    );
                }
                Aggregation::Min => pick(&values, members, column, |value, least| value < least),
                Aggregation::Max => pick(&values, members, column, |value, most| value > most),
                Aggregation::Count => {
                    fold(
                        &values,
                        members,
                        column,
                        |count: &mut f64, _| *count += 1.0,
                        |count| count,
                    );
                }
                Aggregation::Group => {
                    fold(&values, members, column, |(): &mut (), _| (), |()| 1.0);
                }
                Aggregation::Quantile => {
                    let parameter = parameter.as_ref().map_or(&[][..], |block| block.column(0));
                    self.quantile(&values, members, parameter, column);
                }
            }
        }
        Ok(block)
    }
}

/// Folds the columns of a group into one, series by series.
fn fold<S: Copy + Default>(
    values: &Block,
    members: &[usize],
    column: &mut [f64],
    add: impl Fn(&mut S, f64),
    get: impl Fn(S) -> f64,
) {
    let mut states = vec![(false, S::default()); column.len()];
    for member in members {
        for ((is_any, state), value) in states.iter_mut().zip(values.column(*member)) {
            if is_present(*value) {
                *is_any = true;
                add(state, *value);
            }
        }
    }
    for (into, (is_any, state)) in column.iter_mut().zip(states) {
        if is_any {
            *into = get(state);
        }
    }
}

/// Keeps the best value of a group; any number is better than NaN.
fn pick(values: &Block, members: &[usize], column: &mut [f64], beats: impl Fn(f64, f64) -> bool) {
    for member in members {
        for (best, value) in column.iter_mut().zip(values.column(*member)) {
            // An absent value is a NaN too.
            if is_present(*value) && (best.is_nan() || beats(*value, *best)) {
                *best = *value;
            }
        }
    }
}

impl Aggregate<'_> {
    fn quantile(&self, values: &Block, members: &[usize], wanted: &[f64], column: &mut [f64]) {
        let mut present = Vec::with_capacity(members.len());
        for (step, into) in column.iter_mut().enumerate() {
            present.clear();
            let all = members.iter().map(|member| values.at(*member, step));
            present.extend(all.filter(|value| is_present(*value)));
            if !present.is_empty() {
                self.annotations.warn_of_quantile(wanted[step]);
                *into = quantile(wanted[step], &mut present);
            }
        }
    }
}
