//! The backlog cache returns the last read values while they are fresh.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use rehearsal_convert::Nearest;
use rehearsal_metrics::{
    CollectContext, InstrumentKind, OVERFLOW, ObservableCallback, Registry, SampleValue,
};
use rehearsal_worker::metrics::{
    BacklogOptions, Mode, ReadTime, SchedulerWorkerMetrics, WorkerMetricsOptions,
};
use rehearsal_worker::model::commit::BacklogRow;
use rehearsal_worker::model::{SharedList, Timestamp};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The cache equals a plain map at any time.
    #[test]
    fn backlog_equals_reference_map(
        steps in prop::collection::vec(
            (0..6_u8, 0..6_usize, 0..4_u64, 0..9_u64, any::<u8>()),
            0..60,
        ),
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
                    // An answer may arrive late; newer values are kept.
                    let then = now.saturating_sub(u64::from(mask % 4));
                    backlog.set(mode, NAMES[which], images, Duration::from_secs(then));
                    let known = model.get(&(NAMES[which], mode)).map_or(0, |(_, at)| *at);
                    if then >= known.max(confirmed) {
                        model.insert((NAMES[which], mode), (images, then));
                    }
                }
                3 => {
                    backlog.confirm(at);
                    confirmed = now;
                }
                _ => {
                    let chosen = (0..6).filter(|n| mask & (1 << n) != 0);
                    let mut values: Vec<_> = chosen.map(|n| (mode, NAMES[n], images)).collect();
                    // A store may return them sorted or not.
                    if kind == 4 {
                        values.sort_by_key(|(_, name, _)| *name);
                    }
                    backlog.refresh(values.iter().copied(), at);
                    confirmed = now;
                    let entries = values.iter();
                    model = entries.map(|(mode, name, n)| ((*name, *mode), (*n, now))).collect();
                }
            }
            let context = CollectContext::at(Duration::from_secs(now + pause));
            let fresh = |at: u64| now + pause - at.max(confirmed) <= 15;
            let expected: BTreeMap<String, f64> = model
                .iter()
                .filter(|(_, (_, at))| fresh(*at))
                .map(|((name, mode), (n, _))| {
                    (format!("{name} {}", mode.as_str()), n.nearest_f64())
                })
                .collect();
            let snapshot = registry.snapshot(&context);
            let family = snapshot.family("scheduler_runner_backlog");
            let found: BTreeMap<String, f64> = family
                .iter()
                .flat_map(|family| &family.series)
                .map(|series| {
                    let label = |name| series.labels.get(name).expect("its labels");
                    let SampleValue::Gauge(value) = series.value else { panic!("a gauge") };
                    (format!("{} {}", label("scheduleId"), label("mode")), value)
                })
                .collect();
            prop_assert_eq!(&found, &expected);
            prop_assert!(family.is_none_or(|family| family.family.kind == InstrumentKind::Gauge));
        }
    }
}

#[test]
fn backlog_above_cap_is_summed() {
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
    assert_eq!(get("b"), Some(SampleValue::Gauge(2.0)));
    assert_eq!(get("c"), None);
    assert_eq!(get(OVERFLOW), Some(SampleValue::Gauge(12.0)));
    let overflowed = snapshot.get("metrics_series_overflowed_total", &[]);
    assert_eq!(overflowed, Some(&SampleValue::Counter(3)));
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

#[test]
fn backlog_preview_equals_collection() {
    let registry = Registry::new();
    let metrics = SchedulerWorkerMetrics::new(&registry).expect("an empty registry");
    let backlog = metrics.backlog();
    let shown = |seconds| {
        let mut shown = Vec::new();
        let context = CollectContext::at(Duration::from_secs(seconds));
        backlog.visit(&context, &mut |mode, schedule, images| {
            shown.push((mode, schedule.to_owned(), images));
        });
        shown
    };
    let (analysis, refresh) = (Mode::AnalysisOnly, Mode::ContentRefresh);
    backlog.set(refresh, "b", 4, Duration::from_secs(5));
    backlog.set(analysis, "a", 3, Duration::ZERO);
    let both = [(analysis, "a".to_owned(), 3), (refresh, "b".to_owned(), 4)];
    assert_eq!(shown(15), both);
    assert_eq!(shown(16), both[1..], "16 s are too old, 11 s are not");
}

/// A commit's answer may arrive after a later read without the schedule.
#[test]
fn late_answer_does_not_restore_deleted_schedule() {
    let registry = Registry::new();
    let metrics = SchedulerWorkerMetrics::new(&registry).expect("an empty registry");
    let (backlog, mode) = (metrics.backlog(), Mode::AnalysisOnly);
    let at = Duration::from_secs;
    let shown = |name| backlog.get(mode, name, &CollectContext::at(at(20)));
    backlog.refresh([(mode, "kept", 1)], at(10));
    backlog.set(mode, "deleted", 2, at(9));
    backlog.set(mode, "new", 3, at(11));
    assert_eq!((shown("deleted"), shown("new")), (None, Some(3)));
    backlog.confirm(at(15));
    backlog.set(mode, "deleted", 2, at(14));
    assert_eq!((shown("deleted"), shown("kept")), (None, Some(1)));
}

/// A list of rows gives what its rows give, whatever was set between two lists.
#[test]
fn rows_of_a_changed_list_replace_older_values() {
    let registry = Registry::new();
    let metrics = SchedulerWorkerMetrics::new(&registry).expect("an empty registry");
    let (backlog, mode, at) = (metrics.backlog(), Mode::AnalysisOnly, Duration::from_secs);
    let row = |number: u64| BacklogRow {
        schedule: format!("{number:03}").as_str().into(),
        mode,
        images: number,
    };
    let mut rows: SharedList<BacklogRow> = (0..200).map(row).collect();
    let shown =
        |names: [&str; 3]| names.map(|name| backlog.get(mode, name, &CollectContext::at(at(10))));
    let changed = |generation| {
        let mut changed = Vec::new();
        let is_known = backlog.changes_since(generation, &mut |place, value| {
            changed.push((place, value));
        });
        is_known.then_some(changed)
    };
    let generation = || {
        let generation = backlog.generation(&CollectContext::at(at(10)));
        generation.expect("all values are fresh")
    };
    backlog.refresh_rows(&rows, at(1));
    let first = generation();
    assert_eq!(changed(first), Some(vec![]));
    backlog.set(mode, "070", 1, at(2));
    backlog.set(mode, "071", 2, at(5));
    rows.get_mut(75).expect("below 200").images = 3;
    backlog.refresh_rows(&rows, at(4));
    assert_eq!(shown(["070", "071", "075"]), [Some(70), Some(2), Some(3)]);
    let expected = vec![(70, 70.0), (71, 2.0), (70, 70.0), (75, 3.0)];
    assert_eq!(changed(first), Some(expected));

    backlog.set(mode, "new", 9, at(6));
    assert_eq!(changed(first), None, "a series came");
    rows.get_mut(0).expect("below 200").images = 4;
    backlog.refresh_rows(&rows, at(7));
    assert_eq!(shown(["000", "071", "new"]), [Some(4), Some(71), None]);
    let fewer: SharedList<BacklogRow> = (0..199).map(row).collect();
    backlog.refresh_rows(&fewer, at(8));
    assert_eq!(shown(["000", "198", "199"]), [Some(0), Some(198), None]);
}

/// While the generation is unchanged, no value has changed.
#[test]
fn generation_ends_when_registrations_are_dropped() {
    let registry = Registry::new();
    let metrics = SchedulerWorkerMetrics::new(&registry).expect("an empty registry");
    let backlog = metrics.backlog();
    let at = Duration::from_secs;
    let generation = |seconds| backlog.generation(&CollectContext::at(at(seconds)));
    let values = [(Mode::AnalysisOnly, "a", 3), (Mode::AnalysisOnly, "b", 4)];
    backlog.refresh(values, at(1));
    let first = generation(1);
    assert!(first.is_some());
    backlog.refresh(values, at(2));
    backlog.set(Mode::AnalysisOnly, "a", 3, at(3));
    assert_eq!(generation(17), first, "the same images, read again");
    assert_eq!(generation(18), None, "the oldest is 16 s old");
    backlog.confirm(at(18));
    assert_eq!(generation(18), first);
    let changes: [&dyn Fn(); 4] = [
        &|| backlog.set(Mode::AnalysisOnly, "a", 5, at(19)),
        &|| backlog.set(Mode::ContentRefresh, "a", 5, at(19)),
        &|| backlog.refresh([(Mode::AnalysisOnly, "a", 6)], at(20)),
        &|| backlog.refresh([(Mode::AnalysisOnly, "a", 7)], at(20)),
    ];
    let mut last = first;
    for change in changes {
        change();
        let now = generation(20);
        assert!(now.is_some() && now != last, "{last:?} then {now:?}");
        last = now;
    }
}

/// Answers may arrive in another order than the store served the calls.
#[test]
fn values_are_ordered_by_the_clock_of_the_store() {
    let registry = Registry::new();
    let metrics = SchedulerWorkerMetrics::new(&registry).expect("an empty registry");
    let (backlog, mode) = (metrics.backlog(), Mode::AnalysisOnly);
    let time = |asked_at, as_of| ReadTime {
        asked_at: Duration::from_secs(asked_at),
        as_of: Timestamp::from_seconds(as_of),
    };
    let shown = |seconds| {
        let context = CollectContext::at(Duration::from_secs(seconds));
        ["a", "b"].map(|name| backlog.get(mode, name, &context))
    };
    backlog.refresh([(mode, "a", 36), (mode, "b", 5)], time(10, 103));
    backlog.set(mode, "a", 0, time(11, 101));
    assert_eq!(shown(12), [Some(36), Some(5)], "a commit before the read");
    backlog.set(mode, "a", 20, time(9, 104));
    assert_eq!(shown(12), [Some(20), Some(5)], "a commit after the read");
    assert_eq!(shown(25), [Some(20), Some(5)], "no older than the read");
    backlog.refresh([(mode, "a", 36), (mode, "b", 4)], time(12, 103));
    assert_eq!(shown(13), [Some(20), Some(4)], "the read was before it");
    backlog.refresh(
        [(mode, "a", 36), (mode, "aa", 1), (mode, "b", 3)],
        time(12, 103),
    );
    assert_eq!(shown(13), [Some(20), Some(3)]);
}

/// Two tasks may read the store at once, and the answers may change places.
#[test]
fn overtaken_read_changes_nothing() {
    let registry = Registry::new();
    let metrics = SchedulerWorkerMetrics::new(&registry).expect("an empty registry");
    let (backlog, mode, at) = (metrics.backlog(), Mode::AnalysisOnly, Duration::from_secs);
    backlog.refresh([(mode, "nightly", 5)], at(12));
    backlog.refresh([(mode, "nightly", 8)], at(11));
    backlog.confirm(at(11));
    let shown = |seconds| backlog.get(mode, "nightly", &CollectContext::at(at(seconds)));
    assert_eq!((shown(27), shown(28)), (Some(5), None));
}
