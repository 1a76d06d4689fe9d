//! Defects of instruments that record correct values wrongly.

use rehearsal_convert::Index;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rehearsal::check::{
    CounterSeries, DeltaKind, HistogramRead, HistogramSeries, InfoSeries, InstrumentReader,
    InvariantName as N, SegmentFate,
};
use rehearsal::metrics::{CollectContext, Family, Labels, Registry};
use rehearsal::model::commit::PlanOutcome;
use rehearsal::model::{IncarnationId, Mode};

use super::{Expected, assert_caught};
use crate::plant::Defect;

/// Counts segments in three bits.
struct NarrowCounter;

impl Defect for NarrowCounter {
    fn counter(
        &self,
        _: &IncarnationId,
        plain: &dyn InstrumentReader,
        series: CounterSeries,
    ) -> u64 {
        match series {
            CounterSeries::Segments(..) => plain.counter(series) % 8,
            _ => plain.counter(series),
        }
    }
}

#[test]
fn counter_wrapped_violates_counter_monotone() {
    let expected = Expected {
        name: N::CounterMonotone,
        also: &[N::SegmentOnce],
        says: [
            "scheduler_runner_segments_total{",
            "is 0",
            "expected at least 7",
        ],
    };
    assert_caught("", NarrowCounter, &expected);
}

/// Counts a run without work as enqueued.
struct OneStatusForAll;

impl Defect for OneStatusForAll {
    fn counter(
        &self,
        _: &IncarnationId,
        plain: &dyn InstrumentReader,
        series: CounterSeries,
    ) -> u64 {
        let no_work = |mode| plain.counter(CounterSeries::PlannerRuns(mode, PlanOutcome::NoWork));
        match series {
            CounterSeries::PlannerRuns(mode, PlanOutcome::Enqueued) => {
                plain.counter(series) + no_work(mode)
            }
            CounterSeries::PlannerRuns(_, PlanOutcome::NoWork) => 0,
            _ => plain.counter(series),
        }
    }
}

#[test]
fn status_wrong_violates_planner_conservation() {
    let expected = Expected {
        name: N::PlannerConservation,
        also: &[N::LatencyCount],
        says: [
            "scheduler_planner_runs_total{mode=\"analysisOnly\",status=\"no_work\"} of worker-",
            "is 0",
            "expected 1",
        ],
    };
    assert_caught("", OneStatusForAll, &expected);
}

/// Adds milliseconds to a sum of seconds.
struct SumOfMilliseconds;

impl Defect for SumOfMilliseconds {
    fn histogram(
        &self,
        _: &IncarnationId,
        plain: &dyn InstrumentReader,
        series: HistogramSeries,
    ) -> HistogramRead {
        let mut read = plain.histogram(series);
        read.sum *= 1e3;
        read
    }
}

#[test]
fn sum_in_milliseconds_violates_latency_count() {
    let expected = Expected {
        name: N::LatencyCount,
        also: &[],
        says: ["_seconds{mode=", " s, expected ", " s, because"],
    };
    assert_caught("", SumOfMilliseconds, &expected);
}

/// Uses bucket bounds in milliseconds.
struct BoundsOfMilliseconds;

impl Defect for BoundsOfMilliseconds {
    fn histogram(
        &self,
        _: &IncarnationId,
        plain: &dyn InstrumentReader,
        series: HistogramSeries,
    ) -> HistogramRead {
        let mut read = plain.histogram(series);
        read.bounds.iter_mut().for_each(|bound| *bound *= 1e3);
        read
    }
}

#[test]
fn bounds_in_milliseconds_violate_latency_quantile() {
    let expected = Expected {
        name: N::LatencyQuantile,
        also: &[],
        says: [
            "the bounds of scheduler_",
            "is [1000.0, ",
            "expected [1.0, ",
        ],
    };
    assert_caught("", BoundsOfMilliseconds, &expected);
}

/// Counts every image under `delta="false"`, and changed ones again under `delta="true"`.
struct ImagesTwice;

impl Defect for ImagesTwice {
    fn counter(
        &self,
        _: &IncarnationId,
        plain: &dyn InstrumentReader,
        series: CounterSeries,
    ) -> u64 {
        let changed = match series {
            CounterSeries::Images(mode, false) => plain.counter(CounterSeries::Images(mode, true)),
            _ => 0,
        };
        plain.counter(series) + changed
    }
}

#[test]
fn image_under_both_labels_violates_image_conservation() {
    let expected = Expected {
        name: N::ImageConservation,
        also: &[],
        says: [
            "scheduler_runner_images_total{mode=\"",
            "delta=\"false\"} of worker-",
            "because the process has acknowledged that many",
        ],
    };
    assert_caught("", ImagesTwice, &expected);
}

/// Counts critical findings also as high.
struct CriticalIsHigh;

impl Defect for CriticalIsHigh {
    fn counter(
        &self,
        _: &IncarnationId,
        plain: &dyn InstrumentReader,
        series: CounterSeries,
    ) -> u64 {
        let critical = match series {
            CounterSeries::Deltas(mode, DeltaKind::High) => {
                plain.counter(CounterSeries::Deltas(mode, DeltaKind::Critical))
            }
            _ => 0,
        };
        plain.counter(series) + critical
    }
}

#[test]
fn finding_of_two_severities_violates_delta_conservation() {
    let expected = Expected {
        name: N::DeltaConservation,
        also: &[],
        says: [
            "scheduler_runner_delta_high_total{mode=\"",
            " is ",
            "expected ",
        ],
    };
    assert_caught("", CriticalIsHigh, &expected);
}

/// Does not remove a completed run from the active counter.
struct LeakingActive;

impl Defect for LeakingActive {
    fn runs_active(&self, _: &IncarnationId, plain: &dyn InstrumentReader, mode: Mode) -> i64 {
        let completed = plain.histogram(HistogramSeries::Duration(mode)).count;
        let no_work = CounterSeries::PlannerRuns(mode, PlanOutcome::NoWork);
        plain.runs_active(mode) + (completed - plain.counter(no_work)).cast_signed()
    }
}

#[test]
fn active_counter_leaking_violates_active_truth() {
    let expected = Expected {
        name: N::ActiveTruth,
        also: &[],
        says: ["scheduler_runs_active{mode=\"", "is 0", "expected -1"],
    };
    assert_caught("", LeakingActive, &expected);
}

/// Exports the maximum backlog of a schedule so far.
#[derive(Default)]
struct BacklogOfOld(RefCell<BTreeMap<String, u64>>);

impl Defect for BacklogOfOld {
    fn backlog(
        &self,
        _: &IncarnationId,
        plain: &dyn InstrumentReader,
        show: &mut dyn FnMut(Mode, &str, u64),
    ) {
        plain.backlog(&mut |mode, schedule, images| {
            let mut highest = self.0.borrow_mut();
            let highest = highest.entry(schedule.to_owned()).or_default();
            *highest = images.max(*highest);
            show(mode, schedule, *highest);
        });
    }
}

#[test]
fn backlog_stale_violates_backlog_truth() {
    let expected = Expected {
        name: N::BacklogTruth,
        also: &[],
        says: [
            "scheduler_runner_backlog{mode=\"",
            " is ",
            "expected a value between 0 and ",
        ],
    };
    assert_caught("", BacklogOfOld::default(), &expected);
}

/// Exports a series for each segment.
struct SeriesPerSegment;

impl Defect for SeriesPerSegment {
    fn series_count(&self, plain: &dyn InstrumentReader) -> usize {
        let completed = |mode| plain.counter(CounterSeries::Segments(mode, SegmentFate::Completed));
        let segments: u64 = Mode::ALL.into_iter().map(completed).sum();
        plain.series_count() + segments.to_index()
    }
}

#[test]
fn series_per_segment_violates_cardinality() {
    let expected = Expected {
        name: N::Cardinality,
        also: &[],
        says: [
            "the number of series of worker-",
            " is ",
            "expected at most ",
        ],
    };
    assert_caught("", SeriesPerSegment, &expected);
}

/// A process does not name its meter.
struct MeterMissing;

impl Defect for MeterMissing {
    fn info(&self, plain: &dyn InstrumentReader, series: InfoSeries) -> Option<f64> {
        plain.info(series).filter(|_| series != InfoSeries::Meter)
    }
}

#[test]
fn missing_meter_violates_cardinality() {
    let expected = Expected {
        name: N::Cardinality,
        also: &[],
        says: [
            "otel_scope_info{otel_scope_name=\"StellaOps.Scheduler.Worker\"} of worker-",
            "is absent",
            "expected 1, ",
        ],
    };
    assert_caught("", MeterMissing, &expected);
}

/// Each collection changes a gauge, so no two see the same.
struct CountsCollections;

impl Defect for CountsCollections {
    fn registry(&self) -> Registry {
        let registry = Registry::new();
        let collections = AtomicU32::new(0);
        let observe = move |_: &CollectContext, give: &mut dyn FnMut(&Labels, f64)| {
            let number = collections.fetch_add(1, Ordering::Relaxed);
            give(&Labels::none(), f64::from(number));
        };
        let family = Family::gauge("collections");
        registry.observe(family, Arc::new(observe)).unwrap();
        registry
    }
}

#[test]
fn page_unlike_the_recording_violates_scrape_recorded() {
    let expected = Expected {
        name: N::ScrapeRecorded,
        also: &[],
        says: [
            "the recorded collections of worker-",
            " is ",
            "because the page of that instant says so",
        ],
    };
    assert_caught("", CountsCollections, &expected);
}
