//! Recorded series: samples, ends of series, and look-ups.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use rehearsal_convert::{Index, Nearest, Saturating};
use rehearsal_metrics::series::{Matcher, Sample};
use rehearsal_metrics::{
    Bounds, CollectContext, Counter, Family, Gauge, Labels, Registry, SampleValue, TimeSeriesStore,
};
use rehearsal_worker::metrics::{Delta, Mode, PlannerStatus, SchedulerWorkerMetrics};

fn at(seconds: u64) -> CollectContext {
    CollectContext::at(Duration::from_secs(seconds))
}

const LOOK_BACK_MS: i64 = 300_000;

#[test]
fn recording_keeps_unchanged_value_at_every_scrape() {
    let registry = Registry::new();
    let metrics = SchedulerWorkerMetrics::new(&registry).expect("an empty registry");
    let mut recording = TimeSeriesStore::new("worker");
    let instance = recording.instance("worker-0");
    for scrape in 0..4 {
        if scrape == 2 {
            metrics.planner_run(Mode::AnalysisOnly, PlannerStatus::Enqueued, 0.4);
        }
        recording
            .scrape(instance, scrape * 15_000, &registry, &at(0))
            .expect("rising times");
    }
    let matchers = [
        Matcher::Equal("status", "enqueued"),
        Matcher::Equal("mode", "analysisOnly"),
    ];
    let [id] = recording.select(Some("scheduler_planner_runs_total"), &matchers)[..] else {
        panic!("exactly one series");
    };
    let samples: Vec<Sample> = recording.samples(id, -1, 45_000).collect();
    let expected = [(0, 0.0), (15_000, 0.0), (30_000, 1.0), (45_000, 1.0)];
    assert_eq!(
        samples,
        expected.map(|(at_ms, value)| Sample { at_ms, value })
    );
    assert_eq!(recording.labels(id).get("instance"), Some("worker-0"));

    let buckets = recording.select(
        Some("scheduler_planner_latency_seconds_bucket"),
        &[
            Matcher::Equal("le", "0.5"),
            Matcher::Equal("status", "enqueued"),
        ],
    );
    let last = recording
        .latest(buckets[0], 50_000, LOOK_BACK_MS)
        .expect("a sample");
    assert_eq!(
        last,
        Sample {
            at_ms: 45_000,
            value: 1.0
        }
    );
}

#[test]
fn recording_of_down_process_ends_and_restarts_series() {
    let mut recording = TimeSeriesStore::new("worker");
    let instance = recording.instance("worker-0");
    let first = Registry::new();
    let metrics = SchedulerWorkerMetrics::new(&first).expect("an empty registry");
    metrics.runs_active_add(Mode::AnalysisOnly, 3);
    recording
        .scrape(instance, 0, &first, &at(0))
        .expect("rising times");
    recording
        .scrape_failed(instance, 15_000)
        .expect("rising times");
    let second = Registry::new();
    let metrics = SchedulerWorkerMetrics::new(&second).expect("an empty registry");
    metrics.runs_active_add(Mode::AnalysisOnly, 1);
    recording
        .scrape(instance, 30_000, &second, &at(0))
        .expect("rising times");

    let active = recording.select(
        Some("scheduler_runs_active"),
        &[Matcher::Equal("mode", "analysisOnly")],
    )[0];
    let values = |id| {
        let samples = recording.samples(id, -1, 30_000);
        samples
            .map(|sample| (sample.at_ms, sample.value))
            .collect::<Vec<_>>()
    };
    assert_eq!(values(active), [(0, 3.0), (30_000, 1.0)]);
    assert_eq!(
        recording.latest(active, 20_000, LOOK_BACK_MS),
        None,
        "ended at 15 s"
    );
    let up = recording.select(Some("up"), &[])[0];
    assert_eq!(values(up), [(0, 1.0), (15_000, 0.0), (30_000, 1.0)]);
}

#[test]
fn recording_of_stale_or_deleted_backlog_ends() {
    let registry = Registry::new();
    let metrics = SchedulerWorkerMetrics::new(&registry).expect("an empty registry");
    let mut recording = TimeSeriesStore::new("worker");
    let instance = recording.instance("worker-0");
    let seconds = Duration::from_secs;
    let both = [(Mode::AnalysisOnly, "a", 5), (Mode::AnalysisOnly, "b", 0)];
    metrics.backlog().refresh(both, seconds(10));
    recording
        .scrape(instance, 15_000, &registry, &at(15))
        .expect("rising times");
    metrics.backlog().refresh([both[0]], seconds(20));
    recording
        .scrape(instance, 30_000, &registry, &at(30))
        .expect("rising times");
    recording
        .scrape(instance, 45_000, &registry, &at(45))
        .expect("rising times");
    metrics.backlog().refresh([both[0]], seconds(50));
    recording
        .scrape(instance, 60_000, &registry, &at(60))
        .expect("rising times");

    let values = |schedule| {
        let matcher = [Matcher::Equal("scheduleId", schedule)];
        let id = recording.select(Some("scheduler_runner_backlog"), &matcher)[0];
        let samples = recording.samples(id, -1, 60_000);
        samples
            .map(|sample| (sample.at_ms / 1000, sample.value))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        values("a"),
        [(15, 5.0), (30, 5.0), (60, 5.0)],
        "withheld at 45 s: 25 s old"
    );
    assert_eq!(values("b"), [(15, 0.0)], "deleted by the refresh at 20 s");
}

#[test]
fn observed_gauge_is_called_at_every_scrape() {
    let registry = Registry::new();
    let observe = |context: &CollectContext, give: &mut dyn FnMut(&Labels, f64)| {
        give(&Labels::none(), context.elapsed.as_secs_f64());
    };
    let observed = registry.observe(Family::gauge("uptime"), Arc::new(observe));
    observed.expect("a new name");
    let mut recording = TimeSeriesStore::new("worker");
    let instance = recording.instance("worker-0");
    for seconds in [1_i64, 2, 3] {
        let context = at(seconds.cast_unsigned());
        recording
            .scrape(instance, seconds * 1000, &registry, &context)
            .expect("rising times");
    }
    let uptime = recording.select(Some("uptime"), &[])[0];
    let values = recording
        .samples(uptime, 0, 3000)
        .map(|sample| sample.value);
    assert_eq!(values.collect::<Vec<_>>(), [1.0, 2.0, 3.0]);
}

#[test]
fn recording_of_later_series_starts_at_its_scrape() {
    let registry = Registry::new();
    let mut recording = TimeSeriesStore::new("worker");
    let instance = recording.instance("worker-0");
    // Each sorts before the known ones and has all their labels.
    let names = ["c_total", "b_total", "a_total"];
    for (name, scrape) in names.into_iter().zip(1_i64..) {
        let counter = registry.counter(&Family::counter(name), Labels::none());
        counter.expect("a new name").add(scrape.cast_unsigned());
        recording
            .scrape(instance, scrape * 1000, &registry, &at(0))
            .expect("rising times");
    }
    for (name, value) in names.into_iter().zip([1.0, 2.0, 3.0]) {
        let id = recording.select(Some(name), &[])[0];
        let first = recording
            .samples(id, 0, 3000)
            .next()
            .expect("it was scraped");
        assert_eq!(
            (first.at_ms, first.value),
            (value.saturating_i64() * 1000, value),
            "{name}"
        );
    }
}

#[test]
fn histogram_after_restart_can_have_other_buckets() {
    let mut recording = TimeSeriesStore::new("worker");
    let instance = recording.instance("worker-0");
    for (at_ms, bounds) in [(0, &[1.0, 2.0]), (1000, &[3.0, 4.0])] {
        let registry = Registry::new();
        let family = Family::histogram("h", Bounds::new(bounds).expect("rising"));
        let histogram = registry.histogram(&family, Labels::none());
        histogram.expect("a new name").record(2.0);
        recording
            .scrape(instance, at_ms, &registry, &at(0))
            .expect("rising times");
    }
    let seen = |le| {
        let bucket = recording.select(Some("h_bucket"), &[Matcher::Equal("le", le)])[0];
        let samples = recording.samples(bucket, -1, 1000);
        samples
            .map(|sample| (sample.at_ms, sample.value))
            .collect::<Vec<_>>()
    };
    assert_eq!((seen("1"), seen("2")), (vec![(0, 0.0)], vec![(0, 1.0)]));
    assert_eq!(
        (seen("3"), seen("4")),
        (vec![(1000, 1.0)], vec![(1000, 1.0)])
    );
    // `up`, the layer's five, and the histogram's five buckets, sum and count.
    assert_eq!(recording.series_count(), 13);
    assert_eq!(recording.changes(), 13 + 2, "two buckets have ended");
    let names: Vec<&str> = recording.families().map(|family| &*family.name).collect();
    assert_eq!(names[0], "h");
    assert_eq!(
        recording.instances().collect::<Vec<_>>(),
        [(instance, "worker-0")]
    );
}

#[test]
fn recording_of_foreign_snapshot_keeps_it() {
    let mut recording = TimeSeriesStore::new("prober");
    let instance = recording.instance("x");
    let labels = Labels::none();
    recording
        .scrape_values(instance, 0, [("a", &labels, 1.0), ("b", &labels, 2.0)])
        .expect("rising");
    recording
        .scrape_values(instance, 10, [("a", &labels, 1.0)])
        .expect("rising");
    let error = recording
        .scrape_values(instance, 10, [])
        .expect_err("not rising");
    assert_eq!(
        error.to_string(),
        "a scrape at 10 ms comes after one at 10 ms; scrapes of an instance must rise"
    );
    let b = recording.select(Some("b"), &[])[0];
    assert_eq!(
        recording.latest(b, 9, 100),
        Some(Sample {
            at_ms: 0,
            value: 2.0
        })
    );
    assert_eq!(recording.latest(b, 10, 100), None);
    assert_eq!(
        recording.latest(b, 9, 9),
        None,
        "the look-back is open on the left"
    );
}

/// Action between scrapes of one process.
#[derive(Clone, Debug)]
enum Event {
    Plan { latency: f64 },
    Images { count: u64 },
    Active { change: i64 },
    Backlog { schedule: usize, images: u64 },
    Refresh { schedules: usize },
    Confirm,
    Register { series: usize },
    Set { series: usize, value: i32 },
    Remove { series: usize },
    Restart,
    Scrape,
    Fail,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0.0..100.0_f64).prop_map(|latency| Event::Plan { latency }),
        (0..3_u64).prop_map(|count| Event::Images { count }),
        (-2..3_i64).prop_map(|change| Event::Active { change }),
        (0..4_usize, 0..5_u64).prop_map(|(schedule, images)| Event::Backlog { schedule, images }),
        (0..5_usize).prop_map(|schedules| Event::Refresh { schedules }),
        Just(Event::Confirm),
        (0..3_usize).prop_map(|series| Event::Register { series }),
        (0..3_usize, 0..3_i32).prop_map(|(series, value)| Event::Set { series, value }),
        (0..3_usize).prop_map(|series| Event::Remove { series }),
        Just(Event::Restart),
        // With the weight of four others.
        Just(Event::Scrape),
        Just(Event::Scrape),
        Just(Event::Scrape),
        Just(Event::Scrape),
        Just(Event::Fail),
    ]
}

/// Process under test, with all its expositions as a reference.
struct Process {
    registry: Registry,
    metrics: SchedulerWorkerMetrics,
    counters: BTreeMap<usize, Counter>,
    gauges: BTreeMap<usize, Gauge>,
}

impl Process {
    fn start() -> Self {
        let registry = Registry::new();
        let metrics = SchedulerWorkerMetrics::new(&registry).expect("an empty registry");
        Self {
            registry,
            metrics,
            counters: BTreeMap::new(),
            gauges: BTreeMap::new(),
        }
    }

    fn labels(series: usize) -> Labels {
        Labels::new("", [("n".into(), series.to_string().into())]).expect("valid")
    }

    fn apply(&mut self, event: &Event, now: Duration) {
        const SCHEDULES: [&str; 4] = ["a", "b", "c", "d"];
        let mode = Mode::AnalysisOnly;
        match event {
            Event::Plan { latency } => {
                self.metrics
                    .planner_run(mode, PlannerStatus::Enqueued, *latency);
            }
            Event::Images { count } => self.metrics.images(mode, Delta(true), *count),
            Event::Active { change } => self.metrics.runs_active_add(mode, *change),
            Event::Backlog { schedule, images } => {
                self.metrics
                    .backlog()
                    .set(mode, SCHEDULES[*schedule], *images, now);
            }
            Event::Refresh { schedules } => {
                let values = SCHEDULES[..*schedules.min(&4)].iter();
                let values = values.map(|schedule| (mode, *schedule, *schedules as u64));
                self.metrics.backlog().refresh(values, now);
            }
            Event::Confirm => self.metrics.backlog().confirm(now),
            Event::Register { series } => {
                let labels = Self::labels(*series);
                let counter = self
                    .registry
                    .counter(&Family::counter("c_total"), labels.clone());
                let gauge = self.registry.gauge(&Family::gauge("g"), labels);
                self.counters.insert(*series, counter.expect("valid"));
                self.gauges.insert(*series, gauge.expect("valid"));
            }
            Event::Set { series, value } => {
                if let Some(gauge) = self.gauges.get(series) {
                    gauge.set(f64::from(*value));
                    self.counters[series].add(u64::from(value.unsigned_abs()));
                }
            }
            Event::Remove { series } => {
                self.registry.remove("c_total", &Self::labels(*series));
                self.registry.remove("g", &Self::labels(*series));
            }
            Event::Restart => *self = Self::start(),
            Event::Scrape | Event::Fail => {}
        }
    }

    /// All samples of an exposition by full name.
    fn page(&self, context: &CollectContext) -> BTreeMap<String, f64> {
        let mut page = BTreeMap::from([("up{}".to_owned(), 1.0)]);
        for family in self.registry.snapshot(context).families {
            let name = &family.family.name;
            for series in &family.series {
                let labels = series.labels.to_string();
                match &series.value {
                    SampleValue::Counter(value) => {
                        _ = page.insert(format!("{name}{labels}"), value.nearest_f64());
                    }
                    SampleValue::UpDownCounter(value) => {
                        _ = page.insert(format!("{name}{labels}"), value.nearest_f64());
                    }
                    SampleValue::Gauge(value) => _ = page.insert(format!("{name}{labels}"), *value),
                    SampleValue::Histogram(reading) => {
                        page.insert(format!("{name}_sum{labels}"), reading.sum());
                        page.insert(
                            format!("{name}_count{labels}"),
                            reading.count().nearest_f64(),
                        );
                        page.insert(
                            format!("{name}_bucket+Inf{labels}"),
                            reading.count().nearest_f64(),
                        );
                    }
                }
            }
        }
        page
    }
}

/// Name of the recorded series of a sample of [`Process::page`]; `None` for buckets except the
/// last.
fn page_name(
    recording: &TimeSeriesStore,
    id: rehearsal_metrics::series::SeriesId,
) -> Option<String> {
    let labels = recording.labels(id);
    let own = labels
        .iter()
        .filter(|(name, _)| !matches!(*name, "job" | "instance" | "le"));
    let own = own.map(|(name, value)| (name.to_owned().into(), value.to_owned().into()));
    let own = Labels::new("", own).expect("valid");
    match labels.get("le") {
        Some("+Inf") => Some(format!("{}+Inf{own}", recording.name(id))),
        Some(_) => None,
        None => Some(format!("{}{own}", recording.name(id))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The recording stores changes only, yet it returns exactly the samples of every scrape.
    #[test]
    fn recording_equals_every_exposition(events in prop::collection::vec(event(), 0..60)) {
        let mut recording = TimeSeriesStore::new("worker");
        let instance = recording.instance("worker-0");
        let mut process = Process::start();
        let mut pages: Vec<(i64, BTreeMap<String, f64>)> = Vec::new();
        for (step, event) in events.iter().enumerate() {
            let now = Duration::from_secs(step as u64 * 3);
            let (at_ms, context) = (step.index_i64() * 3000, CollectContext::at(now));
            process.apply(event, now);
            match event {
                Event::Scrape => {
                    recording.scrape(instance, at_ms, &process.registry, &context).expect("rising");
                    pages.push((at_ms, process.page(&context)));
                }
                Event::Fail => {
                    recording.scrape_failed(instance, at_ms).expect("rising");
                    pages.push((at_ms, BTreeMap::from([("up{}".to_owned(), 0.0)])));
                }
                _ => {}
            }
        }
        let all = recording.select(None, &[]);
        let named = all.iter().filter_map(|id| Some((page_name(&recording, *id)?, *id)));
        let named: BTreeMap<String, _> = named.collect();
        let mut cursors: BTreeMap<_, _> =
            named.iter().map(|(name, id)| (name, recording.cursor(*id))).collect();
        for (at_ms, page) in &pages {
            for name in page.keys() {
                prop_assert!(named.contains_key(name), "{name} at {at_ms} was not recorded");
            }
            for (name, id) in &named {
                let sample = recording.latest(*id, at_ms + 1, LOOK_BACK_MS);
                let cursor = cursors.get_mut(name).expect("one for each");
                prop_assert_eq!(cursor.latest(at_ms + 1, LOOK_BACK_MS), sample, "{}", name);
                let value = sample.map(|sample| (sample.at_ms, sample.value));
                let expected = page.get(name).map(|value| (*at_ms, *value));
                prop_assert_eq!(value, expected, "{} at {}", name, at_ms);
            }
        }
        for (name, id) in &named {
            let samples: Vec<(i64, f64)> =
                recording.samples(*id, 9000, 90_000).map(|s| (s.at_ms, s.value)).collect();
            let in_range = pages.iter().filter(|(at_ms, _)| (9001..=90_000).contains(at_ms));
            let expected: Vec<(i64, f64)> =
                in_range.filter_map(|(at_ms, page)| Some((*at_ms, *page.get(name)?))).collect();
            prop_assert_eq!(samples, expected, "{}", name);
        }
    }
}

#[test]
fn total_includes_all_incarnations() {
    let mut recording = TimeSeriesStore::new("worker");
    let instance = recording.instance("worker-0");
    let labels = Labels::none();
    // Two incarnations count to 5. A third, after a gap, counts to 2.
    for (at_ms, value) in [
        (0, 0.0),
        (1, 5.0),
        (2, 0.0),
        (3, 5.0),
        (4, 5.0),
        (6, 1.0),
        (7, 2.0),
    ] {
        let page = [("c_total", &labels, value)];
        recording
            .scrape_values(instance, at_ms, page)
            .expect("rising");
        if at_ms == 4 {
            recording.scrape_failed(instance, 5).expect("rising");
        }
    }
    let id = recording.select(Some("c_total"), &[])[0];
    assert!((recording.total(id) - 12.0).abs() < f64::EPSILON);
}
