//! Recorded series of the worker's instruments: samples, ends of series, and look-ups.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use rehearsal_convert::{Index, Nearest};
use rehearsal_metrics::series::{Matcher, Sample};
use rehearsal_metrics::{
    CollectContext, Counter, Family, Gauge, Labels, Registry, SampleValue, TimeSeriesStore,
};
use rehearsal_worker::metrics::{
    Delta, InstrumentWrites, Mode, PlannerStatus, SchedulerWorkerMetrics,
};
use rehearsal_worker::model::SharedList;
use rehearsal_worker::model::commit::BacklogRow;

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

/// Action between scrapes of one process.
#[derive(Clone, Debug)]
enum Event {
    Plan { latency: f64 },
    Images { count: u64 },
    Active { change: i64 },
    Backlog { schedule: usize, images: u64 },
    Refresh { schedules: usize },
    Row { schedule: usize, images: u64 },
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
        (0..80_usize, 0..5_u64).prop_map(|(schedule, images)| Event::Row { schedule, images }),
        (0..80_usize, 0..5_u64).prop_map(|(schedule, images)| Event::Row { schedule, images }),
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
    rows: SharedList<BacklogRow>,
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
            rows: (0..80).map(Self::row).collect(),
        }
    }

    fn labels(series: usize) -> Labels {
        Labels::new("", [("n".into(), series.to_string().into())]).expect("valid")
    }

    fn row(schedule: usize) -> BacklogRow {
        BacklogRow {
            schedule: format!("{schedule:02}").as_str().into(),
            mode: Mode::AnalysisOnly,
            images: 0,
        }
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
            Event::Row { schedule, images } => {
                let row = self.rows.get_mut(*schedule).expect("below 80");
                row.images = *images;
                self.metrics.backlog().refresh_rows(&self.rows, now);
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
