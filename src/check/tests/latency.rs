//! `latency-count` and `latency-quantile`: histograms.

use super::defect::Defect;
use super::fixture::Fixture;
use super::sample_data::MODE;
use crate::check::InvariantName::{LatencyCount, LatencyQuantile};
use crate::check::OracleReport;
use crate::check::instruments::{CounterSeries, HistogramSeries};
use crate::model::commit::PlanOutcome;

pub const DEFECTS: &[Defect] = &[
    Defect::new(LatencyCount, "sample counted twice", || {
        let mut fixture = Fixture::new();
        fixture.whole_run();
        fixture.forge(|page| page.sample(latency(), 2.0)).end()
    }),
    Defect::new(LatencyCount, "sample of another size", || {
        let mut fixture = Fixture::new();
        fixture.whole_run();
        let samples = vec![3.0];
        fixture
            .forge(|page| page.samples[latency().index()] = samples)
            .end()
    }),
    Defect::new(LatencyCount, "planner counter of another size", || {
        let mut fixture = Fixture::new();
        fixture.whole_run();
        let series = CounterSeries::PlannerRuns(MODE, PlanOutcome::Enqueued);
        fixture.forge(|page| page.count(series, 1)).end()
    }),
    Defect::new(LatencyCount, "buckets that fall", || {
        let mut fixture = Fixture::new();
        fixture.whole_run();
        fixture.forge(|page| page.has_falling_buckets = true).end()
    }),
    Defect::new(LatencyQuantile, "buckets with other bounds", || {
        let mut fixture = Fixture::new();
        fixture.whole_run();
        fixture.forge(|page| page.has_other_bounds = true).end()
    }),
    Defect::new(
        LatencyQuantile,
        "samples of the right sum in wrong buckets",
        || two_latencies([11.0, 11.0]),
    ),
];

fn latency() -> HistogramSeries {
    HistogramSeries::Latency(MODE, PlanOutcome::Enqueued)
}

/// Latencies of 2 s and 20 s, exposed as these.
fn two_latencies(samples: [f64; 2]) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.whole_run().start_by_hand("slow").wait(18).plan();
    fixture
        .forge(|page| page.samples[latency().index()] = samples.to_vec())
        .end()
}

#[test]
fn exact_samples_are_no_violation() {
    let report = two_latencies([2.0, 20.0]);
    assert!(report.is_clean(LatencyCount) && report.is_clean(LatencyQuantile));
}
