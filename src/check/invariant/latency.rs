//! `latency-count` and `latency-quantile`: histograms hold exactly the acknowledged samples.

use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::contract;
use crate::check::instruments::{CounterSeries, HistogramRead, HistogramSeries, InstrumentSource};
use crate::check::invariant::InvariantName::{LatencyCount, LatencyQuantile};
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::PendingInstruments;
use crate::check::state::incarnation::{ExactSamples, IncarnationRecord};
use crate::model::time::NANOS_PER_SECOND;
use rehearsal_convert::{Index, Nearest, Saturating};

/// Name and documentation of `latency-count`.
pub(crate) const LATENCY_COUNT: InvariantDefinition = InvariantDefinition {
    name: "latency-count",
    evaluated: EvaluationTime::Always,
    meaning: "Histograms hold exactly the acknowledged samples: count, sum and cumulative buckets \
              agree.",
    method: "Planner latency is `plannedAt − createdAt`, run duration `completedAt − createdAt`, \
             both by the store's clock; a run without work adds a duration of exactly 0. The \
             count must be that of the acknowledged samples and of the planner counter, the sum \
             theirs within one part in 10⁹, and the buckets must rise to the count.",
    exercised_by: "each new sample",
};

/// Name and documentation of `latency-quantile`.
pub(crate) const LATENCY_QUANTILE: InvariantDefinition = InvariantDefinition {
    name: "latency-quantile",
    evaluated: EvaluationTime::Quiescence,
    meaning: "The bucket chosen for a quantile holds the exact sample of that rank.",
    method: "For the quantiles 0, 0.5, 0.9, 0.95, 0.99 and 1 the bucket that holds rank ⌈qn⌉ by \
             the histogram must hold the exact sample of that rank, and the bounds must be the \
             documented ones. Checked for each incarnation, when it ends or at the end.",
    exercised_by: "each series with samples",
};

/// Quantiles that are checked.
const QUANTILES: [f64; 6] = [0.0, 0.5, 0.9, 0.95, 0.99, 1.0];

/// Maximum error of a sum, relative to itself and at least to one second. Each addition of
/// floating-point numbers loses at most one part in 2^53.
const SUM_TOLERANCE: f64 = 1e-9;

/// Checks `latency-count` and `latency-quantile`.
#[derive(Debug, Default)]
pub(crate) struct LatencyCheck;

impl Invariant for LatencyCheck {
    fn names(&self) -> &[InvariantName] {
        &[LatencyCount, LatencyQuantile]
    }

    fn instruments_due(&mut self, context: &mut CheckContext<'_>, due: &PendingInstruments) {
        if due.histograms == 0 {
            return;
        }
        let incarnation = &context.state.incarnations[due.incarnation];
        check_counts(context, incarnation, due);
        if due.is_final {
            check_quantiles(context, incarnation);
        }
    }
}

/// Checks the histograms that are due against the acknowledged samples.
fn check_counts(
    context: &mut CheckContext<'_>,
    incarnation: &IncarnationRecord,
    due: &PendingInstruments,
) {
    let Some(instruments) = incarnation.read(due.view) else {
        return;
    };
    for index in (0..HistogramSeries::COUNT).filter(|index| due.histograms >> index & 1 == 1) {
        let series = HistogramSeries::at(index);
        let read = instruments.histogram(series);
        let samples = &incarnation.expected.samples[index];
        let has_moved = incarnation.expected.dirty_histograms >> index & 1 == 1;
        let name = || format!("{series} of {}", incarnation.id);
        check_histogram(context, name, &read, samples, has_moved);
        if let HistogramSeries::Latency(mode, outcome) = series {
            let runs = instruments.counter(CounterSeries::PlannerRuns(mode, outcome));
            context.check(LatencyCount, has_moved, runs == read.count, || {
                ViolationDetail::of(format_args!("the count of {}", name()))
                    .is(read.count)
                    .expected(runs)
                    .because("scheduler_planner_runs_total counts that many runs")
            });
        }
    }
}

fn check_histogram(
    context: &mut CheckContext<'_>,
    name: impl Fn() -> String,
    read: &HistogramRead,
    samples: &ExactSamples,
    has_moved: bool,
) {
    let count = samples.nanos.len() as u64;
    context.check(LatencyCount, has_moved, read.count == count, || {
        ViolationDetail::of(format_args!("the count of {}", name()))
            .is(read.count)
            .expected(count)
            .because("that many samples were acknowledged")
    });
    let sum = samples.sum_seconds();
    let is_near = (read.sum - sum).abs() <= SUM_TOLERANCE * sum.max(1.0);
    context.check(LatencyCount, has_moved, is_near, || {
        ViolationDetail::of(format_args!("the sum of {}", name()))
            .is(format_args!("{} s", read.sum))
            .expected(format_args!("{sum} s"))
            .because("the acknowledged samples add up to that")
    });
    let is_rising = read.cumulative.is_sorted() && read.cumulative.last() == Some(&read.count);
    context.check(LatencyCount, has_moved, is_rising, || {
        ViolationDetail::of(format_args!("the buckets of {}", name()))
            .is(format_args!("{:?}", read.cumulative))
            .expected(format_args!("rising to {}", read.count))
            .because("buckets are cumulative and the last one holds every sample")
    });
}

/// Checks the buckets that quantiles fall into against the exact samples of those ranks.
fn check_quantiles(context: &mut CheckContext<'_>, incarnation: &IncarnationRecord) {
    let Some(instruments) = incarnation.read(InstrumentSource::Exposed) else {
        return;
    };
    for (index, samples) in incarnation.expected.samples.iter().enumerate() {
        if samples.nanos.is_empty() {
            continue;
        }
        let series = HistogramSeries::at(index);
        let read = instruments.histogram(series);
        check_bounds(context, incarnation, series, &read);
        let mut sorted = samples.nanos.clone();
        sorted.sort_unstable();
        for quantile in QUANTILES {
            let exact = exact_quantile(&sorted, quantile);
            let (lower, upper) = bucket_of(&read, quantile);
            let holds = lower < exact && exact <= upper;
            context.check(LatencyQuantile, true, holds, || {
                ViolationDetail::of(format_args!(
                    "the bucket of quantile {quantile} of {series} of {}",
                    incarnation.id
                ))
                .is(match read.count {
                    0 => "empty".to_owned(),
                    _ => format!("({lower}, {upper}]"),
                })
                .expected(format_args!("a bucket with {exact} s"))
                .because("that is the acknowledged sample of this rank")
            });
        }
    }
}

/// Checks that a histogram has the documented bounds.
fn check_bounds(
    context: &mut CheckContext<'_>,
    incarnation: &IncarnationRecord,
    series: HistogramSeries,
    read: &HistogramRead,
) {
    let expected = match series {
        HistogramSeries::Latency(..) => contract::LATENCY_BOUNDS,
        HistogramSeries::Duration(..) => contract::DURATION_BOUNDS,
    };
    let holds = read.bounds == expected;
    context.check(LatencyQuantile, true, holds, || {
        ViolationDetail::of(format_args!("the bounds of {series} of {}", incarnation.id))
            .is(format_args!("{:?}", read.bounds))
            .expected(format_args!("{expected:?}"))
            .because("the documentation lists them, and rules and dashboards use them")
    });
}

/// The exact sample of rank ⌈qn⌉ (at least 1), in seconds. `sorted` must not be empty.
fn exact_quantile(sorted: &[u64], quantile: f64) -> f64 {
    let rank = rank(sorted.len() as u64, quantile);
    (sorted[rank.to_index() - 1]).nearest_f64() / NANOS_PER_SECOND.nearest_f64()
}

fn rank(count: u64, quantile: f64) -> u64 {
    ((quantile * count.nearest_f64()).ceil())
        .saturating_u64()
        .clamp(1, count.max(1))
}

/// The bucket that holds the sample of rank ⌈qn⌉, by the histogram's own counts.
fn bucket_of(read: &HistogramRead, quantile: f64) -> (f64, f64) {
    let rank = rank(read.count, quantile);
    let bucket = read.cumulative.partition_point(|up_to| *up_to < rank);
    let bound = |bucket: usize| read.bounds.get(bucket).copied().unwrap_or(f64::INFINITY);
    let lower = bucket.checked_sub(1).map_or(f64::NEG_INFINITY, bound);
    (lower, bound(bucket))
}
