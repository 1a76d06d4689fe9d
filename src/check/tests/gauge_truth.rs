//! `backlog-truth`: the other observed gauges.

use super::defect::Defect;
use super::fixture::Fixture;
use super::sample_data::MODE;
use crate::check::GaugeSeries;
use crate::check::InvariantName::BacklogTruth;
use crate::check::OracleReport;
use crate::model::observation::QueueName;

const DEPTH: GaugeSeries = GaugeSeries::QueueDepth(QueueName::Runner);
const AGE: GaugeSeries = GaugeSeries::OldestReady(QueueName::Runner);
const PROGRESS: GaugeSeries = GaugeSeries::SinceProgress(MODE);

pub const DEFECTS: &[Defect] = &[
    Defect::new(BacklogTruth, "depth that a queue never had", || {
        shown_after_dispatch(20, DEPTH, 3.0)
    }),
    Defect::new(BacklogTruth, "age of no ready message", || {
        shown_after_dispatch(20, AGE, 21.0)
    }),
    Defect::new(BacklogTruth, "gauge that no process exposes", || {
        let mut fixture = Fixture::new();
        for _ in 0..20 {
            fixture.wait(15).scrape();
        }
        fixture.end()
    }),
];

/// A process that shows this value after two segments have waited for `seconds`.
fn shown_after_dispatch(seconds: u64, series: GaugeSeries, value: f64) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire().plan().dispatch().wait(seconds);
    fixture.forge(|page| page.gauges.push((series, value)));
    fixture.scrape().stop_here()
}

/// Asserts which values may be shown after two segments have waited for 20 s.
fn assert_shows(series: GaugeSeries, right: &[f64], wrong: &[f64]) {
    let is_clean = |value: &f64| shown_after_dispatch(20, series, *value).is_clean(BacklogTruth);
    assert!(right.iter().all(is_clean), "{series}");
    assert!(!wrong.iter().any(is_clean), "{series}");
}

#[test]
fn depth_of_queues_and_outbox_are_those_of_the_last_refresh() {
    assert_shows(DEPTH, &[2.0], &[0.0, 1.0, 3.0, 2.5]);
    let planner = GaugeSeries::QueueDepth(QueueName::Planner);
    assert_shows(planner, &[0.0], &[1.0]);
    assert_shows(GaugeSeries::OutboxDepth, &[0.0], &[1.0]);
}

#[test]
fn times_lie_between_those_of_a_refresh_ago_and_now() {
    assert_shows(AGE, &[5.0, 20.0], &[0.0, 4.9, 20.1]);
    assert_shows(PROGRESS, &[5.0, 20.0], &[0.0, 4.9, 20.1]);
}

#[test]
fn depth_of_the_outbox_counts_events_until_they_are_forgotten() {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    let commit = fixture.segment_commit(0, delivery);
    let events = commit.events.clone();
    fixture.submit(commit);
    let outbox = |value| {
        move |page: &mut super::test_exposition::TestExposition| {
            page.gauges = vec![(GaugeSeries::OutboxDepth, value)];
        }
    };
    fixture.wait(16).forge(outbox(2.0)).scrape();
    fixture
        .publish(&events)
        .wait(16)
        .forge(outbox(0.0))
        .scrape();
    assert!(fixture.texts(BacklogTruth).is_empty());
    fixture.forge(outbox(2.0)).scrape();
    assert_eq!(fixture.texts(BacklogTruth).len(), 1);
}
