//! The backlog: what a process last read of it, and no older.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use rehearsal::metrics::{
    BacklogOptions, CollectContext, Kind, Mode, OVERFLOW, Registry, SchedulerWorkerMetrics, Value,
    WorkerMetricsOptions,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A cache of the backlog gives what a plain map gives, at any time.
    #[test]
    fn the_backlog_is_what_a_plain_map_says(
        steps in prop::collection::vec((0..6_u8, 0..6_usize, 0..4_u64, 0..9_u64, any::<u8>()), 0..60),
    ) {
        const NAMES: [&str; 6] = ["f", "a", "c", "b", "e", "d"];
        let registry = Registry::new();
        let metrics = SchedulerWorkerMetrics::new(&registry).expect("an empty registry");
        let backlog = metrics.backlog();
        let mut model: BTreeMap<(&str, Mode), (u64, u64)> = BTreeMap::new();
        let (mut now, mut confirmed) = (0, 0);
        for (kind, which, images, pause, mask) in steps {
            now += pause;
            let at = Duration::from_secs(now);
            let mode = Mode::ALL[which % 2];
            match kind {
                0..=2 => {
                    backlog.set(mode, NAMES[which], images, at);
                    model.insert((NAMES[which], mode), (images, now));
                }
                3 => {
                    backlog.confirm(at);
                    confirmed = now;
                }
                _ => {
                    let chosen = (0..6).filter(|n| mask & (1 << n) != 0);
                    let mut values: Vec<_> = chosen.map(|n| (mode, NAMES[n], images)).collect();
                    // As a store might give them: sorted, or not.
                    if kind == 4 {
                        values.sort_by_key(|(_, name, _)| *name);
                    }
                    backlog.refresh(values.iter().copied(), at);
                    model = values.iter().map(|(mode, name, n)| ((*name, *mode), (*n, now))).collect();
                }
            }
            let context = CollectContext::at(Duration::from_secs(now + pause));
            let fresh = |at: u64| now + pause - at.max(confirmed) <= 15;
            let expected: BTreeMap<String, f64> = model
                .iter()
                .filter(|(_, (_, at))| fresh(*at))
                .map(|((name, mode), (n, _))| (format!("{name} {}", mode.as_str()), *n as f64))
                .collect();
            let snapshot = registry.snapshot(&context);
            let family = snapshot.family("scheduler_runner_backlog");
            let found: BTreeMap<String, f64> = family
                .iter()
                .flat_map(|family| &family.series)
                .map(|series| {
                    let label = |name| series.labels.get(name).expect("its labels");
                    let Value::Gauge(value) = series.value else { panic!("a gauge") };
                    (format!("{} {}", label("scheduleId"), label("mode")), value)
                })
                .collect();
            prop_assert_eq!(&found, &expected);
            prop_assert!(family.is_none_or(|family| family.family.kind == Kind::Gauge));
        }
    }
}

#[test]
fn a_backlog_past_its_cap_is_added_up() {
    let registry = Registry::new();
    let backlog = BacklogOptions {
        series_max: 2,
        ..BacklogOptions::default()
    };
    let options = WorkerMetricsOptions {
        backlog,
        ..WorkerMetricsOptions::default()
    };
    let metrics = SchedulerWorkerMetrics::with_options(&registry, options).expect("empty");
    let mode = Mode::AnalysisOnly;
    let values = [
        (mode, "a", 1),
        (mode, "b", 2),
        (mode, "c", 4),
        (mode, "d", 8),
    ];
    metrics.backlog().refresh(values, Duration::ZERO);
    metrics.backlog().set(mode, "e", 16, Duration::ZERO);
    let snapshot = registry.snapshot(&CollectContext::at(Duration::from_secs(1)));
    let get = |schedule| {
        let value = snapshot.get("scheduler_runner_backlog", &[("scheduleId", schedule)]);
        value.cloned()
    };
    assert_eq!(get("b"), Some(Value::Gauge(2.0)));
    assert_eq!(get("c"), None);
    assert_eq!(get(OVERFLOW), Some(Value::Gauge(12.0)));
    let overflowed = snapshot.get("metrics_series_overflowed_total", &[]);
    assert_eq!(overflowed, Some(&Value::Counter(3)));
    metrics
        .backlog()
        .refresh(values[..2].iter().copied(), Duration::ZERO);
    let snapshot = registry.snapshot(&CollectContext::at(Duration::from_secs(1)));
    assert_eq!(
        snapshot
            .family("scheduler_runner_backlog")
            .expect("two left")
            .series
            .len(),
        2
    );
}
