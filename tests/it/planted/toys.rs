//! Workers that do nothing useful must fail, not pass unnoticed.

use async_trait::async_trait;
use rehearsal::check::{
    CounterSeries, HistogramRead, HistogramSeries, InstrumentReader, InvariantName as N,
};
use rehearsal::model::{IncarnationId, Mode};
use rehearsal::worker::ports::{
    ImpactQuery, ImpactRequest, Impacted, PortError, PortResult, Ports,
};

use super::{Expected, assert_caught};
use crate::plant::{Defect, Incarnation};

/// Plans nothing: every run ends in `Error`.
struct AlwaysError;

#[async_trait(?Send)]
impl Defect for AlwaysError {
    async fn resolve(&self, _: &Incarnation, _: &ImpactRequest<'_>) -> PortResult<Impacted> {
        Err(PortError::Unavailable)
    }
}

#[test]
fn worker_failing_every_run_fails_rehearsal() {
    let expected = Expected {
        name: N::Blame,
        also: &[],
        says: [
            "is Error at an age of ",
            "because failed planning needs an outage of the impact index",
            "with no fault",
        ],
    };
    assert_caught("", AlwaysError, &expected);
}

/// Plans all images except the first.
struct WrongImages;

#[async_trait(?Send)]
impl Defect for WrongImages {
    async fn resolve(
        &self,
        incarnation: &Incarnation,
        request: &ImpactRequest<'_>,
    ) -> PortResult<Impacted> {
        let mut impacted = incarnation.world.impact_index().resolve(request).await?;
        impacted.digests.remove(0);
        impacted.candidates -= 1;
        Ok(impacted)
    }
}

#[test]
fn worker_planning_wrong_images_fails_rehearsal() {
    let expected = Expected {
        name: N::PlanTruth,
        also: &[],
        says: ["the plan of run run:", "expected ", "images ("],
    };
    assert_caught("", WrongImages, &expected);
}

/// Never exports a series.
struct Silent;

impl Defect for Silent {
    fn counter(&self, _: &IncarnationId, _: &dyn InstrumentReader, _: CounterSeries) -> u64 {
        0
    }

    fn histogram(
        &self,
        _: &IncarnationId,
        plain: &dyn InstrumentReader,
        series: HistogramSeries,
    ) -> HistogramRead {
        let bounds = plain.histogram(series).bounds;
        HistogramRead {
            cumulative: vec![0; bounds.len() + 1],
            bounds,
            count: 0,
            sum: 0.0,
        }
    }

    fn runs_active(&self, _: &IncarnationId, _: &dyn InstrumentReader, _: Mode) -> i64 {
        0
    }

    fn backlog(
        &self,
        _: &IncarnationId,
        _: &dyn InstrumentReader,
        _: &mut dyn FnMut(Mode, &str, u64),
    ) {
    }

    fn series_count(&self, _: &dyn InstrumentReader) -> usize {
        0
    }
}

#[test]
fn worker_without_series_fails_rehearsal() {
    let expected = Expected {
        name: N::PlannerConservation,
        also: &[
            N::AppliedLearned,
            N::LatencyCount,
            N::LatencyQuantile,
            N::SegmentOnce,
            N::ImageConservation,
            N::DeltaConservation,
            N::ActiveTruth,
            N::BacklogTruth,
        ],
        says: ["scheduler_planner_runs_total{", "is 0", "expected 1"],
    };
    assert_caught("", Silent, &expected);
}
