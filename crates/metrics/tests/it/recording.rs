//! Recorded series of any registry: observed gauges, later and foreign series, totals.

use std::sync::Arc;
use std::time::Duration;

use rehearsal_metrics::series::{Matcher, Sample};
use rehearsal_metrics::{Bounds, CollectContext, Family, Labels, Registry, TimeSeriesStore};

fn at(seconds: u64) -> CollectContext {
    CollectContext::at(Duration::from_secs(seconds))
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
    for (name, at_ms, value) in [
        ("c_total", 1000, 1.0),
        ("b_total", 2000, 2.0),
        ("a_total", 3000, 3.0),
    ] {
        let id = recording.select(Some(name), &[])[0];
        let first = recording
            .samples(id, 0, 3000)
            .next()
            .expect("it was scraped");
        assert_eq!((first.at_ms, first.value), (at_ms, value), "{name}");
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
    assert_eq!((seen("1.0"), seen("2.0")), (vec![(0, 0.0)], vec![(0, 1.0)]));
    assert_eq!(
        (seen("3.0"), seen("4.0")),
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

#[test]
fn changed_lists_series_that_came_moved_or_ended() {
    let (registry, mut recording) = (Registry::new(), TimeSeriesStore::new("worker"));
    let instance = recording.instance("worker-0");
    let gauge = registry.gauge(&Family::gauge("depth"), Labels::none());
    let gauge = gauge.expect("a new name");
    let counter = registry.counter(&Family::counter("x_total"), Labels::none());
    let counter = counter.expect("a new name");
    gauge.set(4.0);
    let scrape = |recording: &mut TimeSeriesStore, at_ms| {
        recording
            .scrape(instance, at_ms, &registry, &at(0))
            .expect("rising times");
        let names = recording.changed().iter();
        let mut names: Vec<_> = names.map(|id| recording.name(*id).to_owned()).collect();
        names.retain(|name| !name.starts_with("metrics_"));
        names.sort_unstable();
        names
    };
    assert_eq!(scrape(&mut recording, 0), ["depth", "up", "x_total"]);
    assert_eq!(scrape(&mut recording, 1000), [""; 0]);
    counter.increment();
    assert!(registry.remove("depth", &Labels::none()));
    assert_eq!(scrape(&mut recording, 2000), ["depth", "x_total"]);
    let current = |name| recording.current(recording.named(name)[0]);
    assert_eq!((current("depth"), current("x_total")), (None, Some(1.0)));
    assert_eq!(recording.current(recording.up(instance)), Some(1.0));
    recording
        .scrape_failed(instance, 3000)
        .expect("rising times");
    assert_eq!(
        recording.changed().len(),
        recording.series_of(instance).len() - 1,
        "`depth` had ended before"
    );
}
