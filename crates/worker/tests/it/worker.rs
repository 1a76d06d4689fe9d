//! Typed instruments: names, labels and initial values of the contract, and the series that each
//! method moves.

use std::time::Duration;

use rehearsal_metrics::exposition::{ExpositionFormat, render};
use rehearsal_metrics::registry_metrics::LAYER;
use rehearsal_metrics::{CollectContext, Origin, Registry, SampleValue, Unit};
use rehearsal_worker::metrics::catalog::{EXTENSIONS, GIVEN};
use rehearsal_worker::metrics::{
    Delta, InstrumentWrites, Mode, PlannerStatus, SchedulerWorkerMetrics, SegmentStatus,
};

use rehearsal_worker::model::DeltaCounts;

const AT: CollectContext = CollectContext::at(Duration::from_secs(100));

fn worker() -> (Registry, SchedulerWorkerMetrics) {
    let registry = Registry::new();
    let metrics = SchedulerWorkerMetrics::new(&registry).expect("an empty registry");
    (registry, metrics)
}

#[test]
fn static_series_start_at_zero() {
    let (registry, _metrics) = worker();
    let snapshot = registry.snapshot(&AT);
    for definition in GIVEN.iter().chain(&EXTENSIONS) {
        let observed = snapshot.family(definition.name).is_none();
        if observed {
            assert_eq!(
                definition.kind.exposed(),
                "gauge",
                "{} is missing",
                definition.name
            );
            continue;
        }
        let family = snapshot.family(definition.name).expect("looked up above");
        let expected: usize = definition
            .labels
            .iter()
            .map(|label| label.values.len())
            .product();
        assert_eq!(
            family.series.len(),
            expected,
            "series of {}",
            definition.name
        );
        for series in &family.series {
            match &series.value {
                SampleValue::Counter(value) => assert_eq!(*value, 0),
                SampleValue::UpDownCounter(value) => assert_eq!(*value, 0),
                SampleValue::Gauge(value) => assert!((*value - 1.0).abs() < f64::EPSILON),
                SampleValue::Histogram(reading) => {
                    assert_eq!((reading.count(), reading.sum()), (0, 0.0));
                }
            }
        }
    }
}

#[test]
fn worker_methods_move_exactly_their_series() {
    let (registry, metrics) = worker();
    let mode = Mode::ContentRefresh;
    metrics.planner_run(mode, PlannerStatus::NoWork, 0.3);
    metrics.run_completed(mode, 0.0);
    metrics.segment(mode, SegmentStatus::RunMissing);
    metrics.images(mode, Delta(true), 7);
    let deltas = DeltaCounts {
        new_findings: 9,
        new_criticals: 1,
        new_high: 2,
        kev_hits: 3,
        ..DeltaCounts::default()
    };
    metrics.deltas(mode, &deltas);
    metrics.runs_active_add(mode, 2);
    metrics.runs_active_add(mode, -3);

    let read = metrics.read();
    assert_eq!(read.planner_runs(mode, PlannerStatus::NoWork), 1);
    assert_eq!(
        read.planner_latency(mode, PlannerStatus::NoWork).counts()[2],
        1
    );
    assert_eq!(read.run_duration(mode).counts()[0], 1);
    assert_eq!(read.segments(mode, SegmentStatus::RunMissing), 1);
    assert_eq!(read.images(mode, Delta(true)), 7);
    assert_eq!(read.deltas(mode), deltas);
    assert_eq!(read.runs_active(mode), -1);

    let page = render(ExpositionFormat::Text, &registry, &AT);
    let moved: Vec<&str> = page
        .lines()
        .filter(|line| !line.starts_with('#') && !line.ends_with(" 0"))
        .filter(|line| !line.contains("_bucket"))
        .collect();
    assert_eq!(
        moved,
        [
            r#"otel_scope_info{otel_scope_name="StellaOps.Scheduler.Worker"} 1"#,
            r#"scheduler_planner_latency_seconds_sum{mode="contentRefresh",status="no_work"} 0.3"#,
            r#"scheduler_planner_latency_seconds_count{mode="contentRefresh",status="no_work"} 1"#,
            r#"scheduler_planner_runs_total{mode="contentRefresh",status="no_work"} 1"#,
            r#"scheduler_run_duration_seconds_count{mode="contentRefresh",result="completed"} 1"#,
            r#"scheduler_runner_delta_critical_total{mode="contentRefresh"} 1"#,
            r#"scheduler_runner_delta_high_total{mode="contentRefresh"} 2"#,
            r#"scheduler_runner_delta_kev_total{mode="contentRefresh"} 3"#,
            r#"scheduler_runner_delta_total{mode="contentRefresh"} 9"#,
            r#"scheduler_runner_images_total{delta="true",mode="contentRefresh"} 7"#,
            r#"scheduler_runner_segments_total{mode="contentRefresh",status="RunMissing"} 1"#,
            r#"scheduler_runs_active{mode="contentRefresh"} -1"#,
            &format!(
                r#"scheduler_worker_build_info{{version="{}"}} 1"#,
                env!("CARGO_PKG_VERSION")
            ),
        ]
    );
}

#[test]
fn second_worker_in_registry_is_refused() {
    let (registry, _metrics) = worker();
    let error = SchedulerWorkerMetrics::new(&registry)
        .err()
        .expect("the names are taken");
    assert_eq!(
        error.to_string(),
        "scheduler_runner_backlog is already registered as something else"
    );
}

#[test]
fn definitions_have_origin_and_unit() {
    let tables: [(&[_], Origin); 3] = [
        (&GIVEN, Origin::Given),
        (&EXTENSIONS, Origin::Extension),
        (&LAYER, Origin::Layer),
    ];
    for (definitions, origin) in tables {
        for definition in definitions {
            assert_eq!(definition.origin, origin, "{}", definition.name);
            let is_seconds = definition.name.ends_with("_seconds");
            let unit = if is_seconds {
                Unit::Seconds
            } else {
                Unit::None
            };
            assert_eq!(definition.unit, unit, "{}", definition.name);
        }
    }
}
