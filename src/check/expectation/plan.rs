//! A query prepared for being asked often: which series, and which values belong together.

use std::collections::BTreeMap;

use crate::metrics::Recording;
use crate::metrics::series::{Cursor, Matcher, SeriesId};
use crate::scenario::query::{Aggregation, Expression, Matcher as Wanted, Series};

/// A value older than this is no longer the latest one.
const LOOK_BACK_MS: i64 = 300_000;

/// The labels of a value.
type LabelMap = BTreeMap<String, String>;

/// A query prepared for being asked at one instant after another.
pub struct Plan<'r> {
    recording: &'r Recording,
    series: Vec<Cursor<'r>>,
    steps: Vec<Step>,
}

/// What is done with the vector of the step before.
struct Step {
    operation: Operation,
    /// Which values each new value is made of, by their places in the vector.
    groups: Vec<Vec<usize>>,
}

enum Operation {
    Aggregate(Aggregation),
    /// The upper bounds of the buckets, group by group.
    Quantile(f64, Vec<Vec<f64>>),
}

impl<'r> Plan<'r> {
    /// Finds the series of an expression and prepares its steps.
    pub fn new(expression: &Expression, recording: &'r Recording) -> Self {
        let mut plan = Self {
            recording,
            series: Vec::new(),
            steps: Vec::new(),
        };
        plan.prepare(expression, false);
        plan
    }

    /// The values at an instant, which must not lie before that of the last call; those that are
    /// absent are left out.
    pub fn values(&mut self, at_ms: i64) -> Vec<f64> {
        let latest = |series: &mut Cursor<'_>| {
            let sample = series.latest(at_ms, LOOK_BACK_MS);
            sample.map(|sample| sample.value)
        };
        let mut values: Vec<Option<f64>> = self.series.iter_mut().map(latest).collect();
        for step in &self.steps {
            values = step.take(&values);
        }
        values.into_iter().flatten().collect()
    }

    /// Prepares an expression and returns the labels of its values.
    fn prepare(&mut self, expression: &Expression, of_buckets: bool) -> Vec<LabelMap> {
        match expression {
            Expression::Series(series) => self.prepare_series(series, of_buckets),
            Expression::Aggregate { function, by, of } => {
                let labels = self.prepare(of, of_buckets);
                let keep = |labels: &LabelMap| -> LabelMap {
                    let kept = labels.iter().filter(|(name, _)| by.contains(name));
                    kept.map(|(name, value)| (name.clone(), value.clone()))
                        .collect()
                };
                let (labels, groups) = group(&labels, keep);
                self.steps.push(Step {
                    operation: Operation::Aggregate(*function),
                    groups,
                });
                labels
            }
            Expression::HistogramQuantile { quantile, of } => {
                let labels = self.prepare(of, true);
                self.prepare_quantile(*quantile, &labels)
            }
        }
    }

    fn prepare_series(&mut self, series: &Series, of_buckets: bool) -> Vec<LabelMap> {
        let matchers: Vec<Matcher<'_>> = series
            .matchers
            .iter()
            .map(
                |Wanted {
                     label,
                     value,
                     equal,
                     ..
                 }| {
                    if *equal {
                        Matcher::Equal(label, value)
                    } else {
                        Matcher::NotEqual(label, value)
                    }
                },
            )
            .collect();
        let mut name = series.name.clone();
        if of_buckets && !name.ends_with("_bucket") {
            // A histogram by its plain name.
            name.push_str("_bucket");
        }
        let found = self.recording.select(Some(&name), &matchers);
        self.series = found.iter().map(|id| self.recording.cursor(*id)).collect();
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let labels = |id: &SeriesId| self.recording.labels(*id).iter().map(owned).collect();
        found.iter().map(labels).collect()
    }

    fn prepare_quantile(&mut self, quantile: f64, labels: &[LabelMap]) -> Vec<LabelMap> {
        let without_bound = |labels: &LabelMap| {
            let mut labels = labels.clone();
            labels.remove("le");
            labels
        };
        let (grouped, mut groups) = group(labels, without_bound);
        let bound = |place: &usize| -> f64 {
            labels[*place]
                .get("le")
                .and_then(|text| text.parse().ok())
                .unwrap_or(f64::NAN)
        };
        for places in &mut groups {
            places.sort_by(|a, b| bound(a).total_cmp(&bound(b)));
        }
        let bounds = groups
            .iter()
            .map(|places| places.iter().map(bound).collect())
            .collect();
        self.steps.push(Step {
            operation: Operation::Quantile(quantile, bounds),
            groups,
        });
        grouped
    }
}

/// Puts values together whose labels give the same key.
fn group(
    labels: &[LabelMap],
    key: impl Fn(&LabelMap) -> LabelMap,
) -> (Vec<LabelMap>, Vec<Vec<usize>>) {
    let mut groups: BTreeMap<LabelMap, Vec<usize>> = BTreeMap::new();
    for (place, labels) in labels.iter().enumerate() {
        groups.entry(key(labels)).or_default().push(place);
    }
    groups.into_iter().unzip()
}

impl Step {
    fn take(&self, values: &[Option<f64>]) -> Vec<Option<f64>> {
        let mut taken = Vec::with_capacity(self.groups.len());
        for (index, places) in self.groups.iter().enumerate() {
            taken.push(match &self.operation {
                Operation::Aggregate(function) => {
                    let present = places.iter().filter_map(|place| values[*place]).collect();
                    aggregate(*function, present)
                }
                Operation::Quantile(quantile, bounds) => {
                    let counts: Option<Vec<f64>> =
                        places.iter().map(|place| values[*place]).collect();
                    counts.and_then(|counts| bucket_quantile(*quantile, &bounds[index], &counts))
                }
            });
        }
        taken
    }
}

fn aggregate(function: Aggregation, mut values: Vec<f64>) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let count = values.len() as f64;
    Some(match function {
        Aggregation::Sum => values.iter().sum(),
        Aggregation::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
        Aggregation::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Aggregation::Avg => values.iter().sum::<f64>() / count,
        Aggregation::Count => count,
        Aggregation::Quantile(quantile) => {
            values.sort_by(f64::total_cmp);
            let rank = quantile * (count - 1.0);
            let (below, above) = (rank.floor() as usize, rank.ceil() as usize);
            values[below] + (values[above] - values[below]) * rank.fract()
        }
    })
}

/// `PromQL`'s estimate: linear within the bucket in which the quantile lies.
fn bucket_quantile(quantile: f64, bounds: &[f64], counts: &[f64]) -> Option<f64> {
    let all = *counts.last()?;
    if bounds.last() != Some(&f64::INFINITY) || bounds.len() < 2 || all <= 0.0 {
        return None;
    }
    let rank = quantile * all;
    let bucket = counts.iter().position(|count| *count >= rank)?;
    if bucket == bounds.len() - 1 {
        return Some(bounds[bucket - 1]);
    }
    let (lower, before) = match bucket {
        0 => (0.0, 0.0),
        _ => (bounds[bucket - 1], counts[bucket - 1]),
    };
    if bucket == 0 && bounds[0] <= 0.0 {
        return Some(bounds[0]);
    }
    let within = counts[bucket] - before;
    let part = if within > 0.0 {
        (rank - before) / within
    } else {
        0.0
    };
    Some(lower + (bounds[bucket] - lower) * part)
}
