//! Quantiles and fractions of classic histograms, estimated from their buckets.

use promql_parser::label::{BUCKET_LABEL, METRIC_NAME};
use rustc_hash::FxHashMap;

use crate::annotation::Annotations;
use crate::error::EvalError;
use crate::operators::block::{Block, is_present};
use crate::operators::operator::{BoxedOperator, Operator, fill_all};
use crate::operators::series::{OutputSeries, SeriesMerge};
use crate::operators::steps::Steps;
use crate::parse::semantics::Semantics;
use rehearsal_metrics::Labels;

/// Maximum relative difference of equal counts: rates of equal counts may differ by rounding.
const TOLERANCE: f64 = 1e-12;

/// Buckets as pairs of upper bound and cumulative count.
type Buckets = Vec<(f64, f64)>;

/// Quantity estimated from the buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Estimate {
    /// Quantile given by the first scalar.
    Quantile,
    /// Fraction between the two scalars.
    Fraction,
}

/// `histogram_quantile` and `histogram_fraction`.
pub(crate) struct HistogramCall<'s> {
    estimate: Estimate,
    scalars: Vec<BoxedOperator<'s>>,
    buckets: BoxedOperator<'s>,
    /// Buckets of each histogram, by upper bound.
    histograms: Vec<Vec<(f64, usize)>>,
    names: Vec<String>,
    merge: SeriesMerge,
    semantics: Semantics,
    annotations: &'s Annotations,
}

impl<'s> HistogramCall<'s> {
    pub(crate) fn new(
        estimate: Estimate,
        scalars: Vec<BoxedOperator<'s>>,
        buckets: BoxedOperator<'s>,
        semantics: Semantics,
        annotations: &'s Annotations,
    ) -> Self {
        let mut places: FxHashMap<Labels, usize> = FxHashMap::default();
        let mut histograms: Vec<Vec<(f64, usize)>> = Vec::new();
        let (mut series, mut names) = (Vec::new(), Vec::new());
        for (index, bucket) in buckets.series().iter().enumerate() {
            let name = bucket.labels.get(METRIC_NAME).unwrap_or_default();
            let le = bucket.labels.get(BUCKET_LABEL).unwrap_or_default();
            let Ok(bound) = le.parse::<f64>() else {
                annotations.warn(format!(
                    "bucket label \"le\" is missing or has a malformed value of {le:?} for metric \
                     name {name:?}"
                ));
                continue;
            };
            let labels = bucket.labels.without(BUCKET_LABEL);
            let place = *places.entry(labels.clone()).or_insert(histograms.len());
            if place == histograms.len() {
                histograms.push(Vec::new());
                names.push(name.to_owned());
                series.push(OutputSeries::new(labels).renamed(semantics));
            }
            histograms[place].push((bound, index));
        }
        for histogram in &mut histograms {
            histogram.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        }
        Self {
            estimate,
            scalars,
            buckets,
            histograms,
            names,
            merge: SeriesMerge::of(series),
            semantics,
            annotations,
        }
    }
}

impl Operator for HistogramCall<'_> {
    fn series(&self) -> &[OutputSeries] {
        &self.merge.series
    }

    fn eval_block(&self, steps: Steps) -> Result<Block, EvalError> {
        let scalars = fill_all(&self.scalars, steps)?;
        if self.estimate == Estimate::Quantile {
            let wanted = scalars[0].column(0).iter();
            wanted.for_each(|wanted| self.annotations.warn_of_quantile(*wanted));
        }
        let counts = self.buckets.eval_block(steps)?;
        let mut block = Block::absent(self.histograms.len(), steps.count);
        let mut buckets = Buckets::new();
        for (index, histogram) in self.histograms.iter().enumerate() {
            for (step, into) in block.column_mut(index).iter_mut().enumerate() {
                gather(histogram, &counts, step, &mut buckets);
                if !buckets.is_empty() {
                    let scalar = |index: usize| scalars[index].at(0, step);
                    *into = match self.estimate {
                        Estimate::Quantile => self.quantile(index, scalar(0), &mut buckets),
                        Estimate::Fraction => fraction(scalar(0), scalar(1), &buckets),
                    };
                }
            }
        }
        self.merge.apply(block, steps.count)
    }
}

/// Collects the buckets of a histogram at a step; buckets with equal bounds are added.
fn gather(histogram: &[(f64, usize)], counts: &Block, step: usize, buckets: &mut Buckets) {
    buckets.clear();
    for (bound, series) in histogram {
        let count = counts.at(*series, step);
        if !is_present(count) {
            continue;
        }
        match buckets.last_mut() {
            Some((last, so_far)) if last == bound => *so_far += count,
            _ => buckets.push((*bound, count)),
        }
    }
}

impl HistogramCall<'_> {
    fn quantile(&self, histogram: usize, wanted: f64, buckets: &mut Buckets) -> f64 {
        if wanted.is_nan() {
            return f64::NAN;
        }
        if wanted < 0.0 {
            return f64::NEG_INFINITY;
        }
        if wanted > 1.0 {
            return f64::INFINITY;
        }
        let is_complete = buckets
            .last()
            .is_some_and(|(bound, _)| *bound == f64::INFINITY);
        if !is_complete {
            return f64::NAN;
        }
        let tolerance = match self.semantics {
            Semantics::V2_42 => 0.0,
            _ => TOLERANCE,
        };
        if make_rise(buckets, tolerance) {
            self.annotations.info(format!(
                "input to histogram_quantile needed to be fixed for monotonicity (see \
                 https://prometheus.io/docs/prometheus/latest/querying/functions/\
                 #histogram_quantile) for metric name {:?}",
                self.names[histogram]
            ));
        }
        quantile(wanted, buckets)
    }
}

/// Makes the counts monotonic. Returns whether a count fell by more than rounding explains.
fn make_rise(buckets: &mut Buckets, tolerance: f64) -> bool {
    let mut fell = false;
    let mut before = buckets[0].1;
    for (_, count) in &mut buckets[1..] {
        if is_close(before, *count, tolerance) {
            *count = before;
        } else if *count < before {
            *count = before;
            fell = true;
        } else {
            before = *count;
        }
    }
    fell
}

fn is_close(a: f64, b: f64, tolerance: f64) -> bool {
    if a == b {
        return true;
    }
    let (difference, size) = ((a - b).abs(), a.abs() + b.abs());
    size > 0.0 && difference / size.min(f64::MAX) < tolerance
}

/// Quantile, interpolated linearly within its bucket.
fn quantile(wanted: f64, buckets: &[(f64, f64)]) -> f64 {
    let [.., (before_last, _), (_, all)] = *buckets else {
        return f64::NAN;
    };
    if all == 0.0 || all.is_nan() {
        return f64::NAN;
    }
    let mut rank = wanted * all;
    let last = buckets.len() - 1;
    let place = buckets[..last].partition_point(|(_, count)| *count < rank);
    if place == last {
        return before_last;
    }
    let (end, mut count) = buckets[place];
    if place == 0 && end <= 0.0 {
        return end;
    }
    let mut start = 0.0;
    if place > 0 {
        let (bound, below) = buckets[place - 1];
        start = bound;
        count -= below;
        rank -= below;
    }
    start + (end - start) * (rank / count)
}

/// Fraction of the samples between two bounds, interpolated linearly within buckets.
fn fraction(lower: f64, upper: f64, buckets: &[(f64, f64)]) -> f64 {
    let (last, all) = buckets[buckets.len() - 1];
    if last != f64::INFINITY || all == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (rank(upper, buckets, all) - rank(lower, buckets, all)) / all
}

/// Returns the number of samples below a value.
fn rank(value: f64, buckets: &[(f64, f64)], all: f64) -> f64 {
    let mut below = 0.0_f64;
    let mut start = if buckets[0].0 <= 0.0 {
        f64::NEG_INFINITY
    } else {
        0.0
    };
    for (end, count) in buckets {
        if start >= value {
            return below.min(all);
        }
        if *end > value {
            let within = if start == f64::NEG_INFINITY {
                *count
            } else {
                below + (count - below) * (value - start) / (end - start)
            };
            return within.min(all);
        }
        below = *count;
        start = *end;
    }
    all
}
