//! `latency-count` and `latency-quantile`: histograms hold exactly the learned samples.

use crate::check::instruments::{CounterSeries, HistogramRead, HistogramSeries};
use crate::check::invariant_name::InvariantName::{LatencyCount, LatencyQuantile};
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::incarnation::{ExactSamples, IncarnationRecord};
use crate::model::time::NANOS_PER_SECOND;

/// Every histogram.
pub(crate) const ALL_HISTOGRAMS: u8 = u8::MAX;

const _: () = assert!(HistogramSeries::COUNT == 8, "one bit of a byte each");

/// The quantiles that are looked at.
const QUANTILES: [f64; 6] = [0.0, 0.5, 0.9, 0.95, 0.99, 1.0];

/// How far the sum may be off, relative to itself and at least of one second: it is a sum of
/// floating-point numbers, of which each addition loses at most one part in 2^53.
const SUM_TOLERANCE: f64 = 1e-9;

/// Compares the histograms named by `mask` with what the incarnation has learned.
pub(crate) fn compare(results: &mut CheckResults, incarnation: &IncarnationRecord, mask: u8) {
    let Some(instruments) = &incarnation.instruments else {
        return;
    };
    for index in (0..HistogramSeries::COUNT).filter(|index| mask >> index & 1 == 1) {
        let series = HistogramSeries::at(index);
        let read = instruments.histogram(series);
        let samples = &incarnation.learned.samples[index];
        let has_moved = incarnation.learned.dirty_histograms >> index & 1 == 1;
        let place = || format!("{series} of {}", incarnation.id);
        compare_count(results, place, &read, samples, has_moved);
        if let HistogramSeries::Latency(mode, outcome) = series {
            let runs = instruments.counter(CounterSeries::PlannerRuns(mode, outcome));
            results.check(LatencyCount, has_moved, runs == read.count, || {
                let what = "it does not count the runs that the planner counter counts";
                ViolationDetail::new(place(), what).expected(runs, read.count)
            });
        }
    }
}

fn compare_count(
    results: &mut CheckResults,
    place: impl Fn() -> String,
    read: &HistogramRead,
    samples: &ExactSamples,
    has_moved: bool,
) {
    let count = samples.nanos.len() as u64;
    results.check(LatencyCount, has_moved, read.count == count, || {
        ViolationDetail::new(place(), "its count is not that of the learned samples")
            .expected(count, read.count)
    });
    let sum = samples.sum_seconds();
    let is_near = (read.sum - sum).abs() <= SUM_TOLERANCE * sum.max(1.0);
    results.check(LatencyCount, has_moved, is_near, || {
        ViolationDetail::new(place(), "its sum is not that of the learned samples")
            .expected(format_args!("{sum} s"), format_args!("{} s", read.sum))
    });
    let is_rising = read.cumulative.is_sorted() && read.cumulative.last() == Some(&read.count);
    results.check(LatencyCount, has_moved, is_rising, || {
        ViolationDetail::new(place(), "its buckets do not rise to its count").expected(
            format_args!("a rise to {}", read.count),
            format_args!("{:?}", read.cumulative),
        )
    });
}

/// Compares the buckets that quantiles fall into with the exact samples of those ranks. For an
/// incarnation that is over, or at quiescence.
pub(crate) fn compare_quantiles(results: &mut CheckResults, incarnation: &IncarnationRecord) {
    let Some(instruments) = &incarnation.instruments else {
        return;
    };
    for (index, samples) in incarnation.learned.samples.iter().enumerate() {
        if samples.nanos.is_empty() {
            continue;
        }
        let series = HistogramSeries::at(index);
        let read = instruments.histogram(series);
        let mut sorted = samples.nanos.clone();
        sorted.sort_unstable();
        for quantile in QUANTILES {
            let exact = exact_quantile(&sorted, quantile);
            let (lower, upper) = bucket_of(&read, quantile);
            results.check(
                LatencyQuantile,
                true,
                lower < exact && exact <= upper,
                || {
                    let what =
                        format!("its bucket for quantile {quantile} misses the exact sample");
                    ViolationDetail::new(format_args!("{series} of {}", incarnation.id), what)
                        .expected(
                            format_args!("a bucket with {exact} s"),
                            format_args!("({lower}, {upper}]"),
                        )
                },
            );
        }
    }
}

/// The exact sample of rank ⌈qn⌉ (at least 1), in seconds. `sorted` is not empty.
fn exact_quantile(sorted: &[u64], quantile: f64) -> f64 {
    sorted[rank(sorted.len() as u64, quantile) as usize - 1] as f64 / NANOS_PER_SECOND as f64
}

fn rank(count: u64, quantile: f64) -> u64 {
    ((quantile * count as f64).ceil() as u64).clamp(1, count.max(1))
}

/// The bucket that holds the sample of rank ⌈qn⌉, by the histogram's own account.
fn bucket_of(read: &HistogramRead, quantile: f64) -> (f64, f64) {
    let rank = rank(read.count, quantile);
    let bucket = read.cumulative.partition_point(|up_to| *up_to < rank);
    let bound = |bucket: Option<usize>, beyond| {
        bucket
            .and_then(|bucket| read.bounds.get(bucket))
            .copied()
            .unwrap_or(beyond)
    };
    let lower = if bucket == 0 {
        f64::NEG_INFINITY
    } else {
        bound(bucket.checked_sub(1), f64::INFINITY)
    };
    (lower, bound(Some(bucket), f64::INFINITY))
}
