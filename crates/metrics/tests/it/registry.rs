//! Series that are registered, removed and registered again, and the cap on their number.

use rehearsal_convert::Saturating;
use std::collections::BTreeMap;

use metrics::{Key, Label, Level, Metadata, Recorder};
use proptest::prelude::*;
use rehearsal_metrics::{
    Bounds, CollectContext, Counter, Definition, DynamicFamily, Family, Gauge, Histogram,
    LabelDefinition, Labels, OVERFLOW, RegisterError, Registry, RegistryOptions, SampleValue,
    UpDownCounter, static_label,
};

const NOW: CollectContext = CollectContext::at(std::time::Duration::ZERO);

fn labels(value: usize) -> Labels {
    Labels::new("", [("n".into(), value.to_string().into())]).expect("valid")
}

#[derive(Clone, Debug)]
enum Step {
    Register { kind: usize, series: usize },
    Record { handle: usize, amount: u32 },
    Drop { handle: usize },
    Remove { kind: usize, series: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let (kind, series, handle) = (0..4_usize, 0..3_usize, 0..64_usize);
    prop_oneof![
        (kind.clone(), series.clone()).prop_map(|(kind, series)| Step::Register { kind, series }),
        (handle.clone(), 0..9_u32).prop_map(|(handle, amount)| Step::Record { handle, amount }),
        handle.prop_map(|handle| Step::Drop { handle }),
        (kind, series).prop_map(|(kind, series)| Step::Remove { kind, series }),
    ]
}

enum Handle {
    Counter(Counter),
    UpDownCounter(UpDownCounter),
    Gauge(Gauge),
    Histogram(Histogram),
}

const NAMES: [&str; 4] = ["a_total", "b", "c", "d"];

fn register(registry: &Registry, kind: usize, labels: Labels) -> Handle {
    let bounds = Bounds::new(&[2.0, 5.0]).expect("rising");
    match kind {
        0 => Handle::Counter(
            registry
                .counter(&Family::counter(NAMES[0]), labels)
                .expect("valid"),
        ),
        1 => Handle::UpDownCounter(
            registry
                .up_down(&Family::up_down(NAMES[1]), labels)
                .expect("valid"),
        ),
        2 => Handle::Gauge(
            registry
                .gauge(&Family::gauge(NAMES[2]), labels)
                .expect("valid"),
        ),
        _ => {
            let family = Family::histogram(NAMES[3], bounds);
            Handle::Histogram(registry.histogram(&family, labels).expect("valid"))
        }
    }
}

/// Model of a series: its number (for a histogram the sum), whether it is visible, and the number
/// of handles.
#[derive(Debug, Default)]
struct Expected {
    number: i64,
    visible: bool,
    handles: usize,
}

proptest! {
    /// After any sequence of registrations, records and removals, the exposition equals a plain
    /// map, and no handle is orphaned.
    #[test]
    fn exposition_equals_reference_model(steps in prop::collection::vec(step(), 0..120)) {
        let registry = Registry::new();
        let mut handles: Vec<(usize, usize, Handle)> = Vec::new();
        let mut model: BTreeMap<(usize, usize), Expected> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Register { kind, series } => {
                    handles.push((kind, series, register(&registry, kind, labels(series))));
                    let expected = model.entry((kind, series)).or_default();
                    // A removed gauge starts from 0 even if a handle still exists.
                    if !expected.visible && (expected.handles == 0 || kind == 2) {
                        expected.number = 0;
                    }
                    expected.visible = true;
                    expected.handles += 1;
                }
                Step::Record { handle, amount } if !handles.is_empty() => {
                    let place = handle % handles.len();
                    let (kind, series, handle) = &handles[place];
                    let expected = model.entry((*kind, *series)).or_default();
                    if *kind == 2 && !expected.visible {
                        expected.number = 0;
                    }
                    expected.visible = true;
                    match handle {
                        Handle::Counter(counter) => counter.add(u64::from(amount)),
                        Handle::UpDownCounter(up_down) => up_down.add(-i64::from(amount)),
                        Handle::Gauge(gauge) => gauge.add(f64::from(amount)),
                        Handle::Histogram(histogram) => histogram.record(f64::from(amount)),
                    }
                    let sign = if *kind == 1 { -1 } else { 1 };
                    expected.number += sign * i64::from(amount);
                }
                Step::Drop { handle } if !handles.is_empty() => {
                    let (kind, series, _) = handles.swap_remove(handle % handles.len());
                    model.entry((kind, series)).or_default().handles -= 1;
                }
                Step::Remove { kind, series } => {
                    let expected = model.entry((kind, series)).or_default();
                    let removed = registry.remove(NAMES[kind], &labels(series));
                    prop_assert_eq!(removed, expected.visible);
                    expected.visible = false;
                }
                Step::Record { .. } | Step::Drop { .. } => {}
            }
            let snapshot = registry.snapshot(&NOW);
            for (&(kind, series), expected) in &model {
                let number = series.to_string();
                let value = snapshot.get(NAMES[kind], &[("n", &number)]);
                let found = value.map(|value| match value {
                    SampleValue::Counter(value) => (*value).cast_signed(),
                    SampleValue::UpDownCounter(value) => *value,
                    SampleValue::Gauge(value) => (*value).saturating_i64(),
                    SampleValue::Histogram(reading) => reading.sum().saturating_i64(),
                });
                let number = expected.visible.then_some(expected.number);
                prop_assert_eq!(found, number, "{:?}", (kind, series));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn registry_with_many_keys_keeps_all(count in 1..3000_u64) {
        let registry = Registry::new();
        let metadata = Metadata::new("test", Level::INFO, None);
        let key = |n: u64| Key::from_parts("k_total", vec![Label::new("n", n.to_string())]);
        for n in 0..count {
            registry.register_counter(&key(n), &metadata).increment(n);
        }
        // In another order, every key finds the same series.
        for n in (0..count).rev() {
            registry.register_counter(&key(n), &metadata).increment(1);
        }
        let snapshot = registry.snapshot(&NOW);
        let family = snapshot.family("k_total").expect("registered");
        prop_assert_eq!(family.series.len() as u64, count);
        for series in &family.series {
            let n: u64 = series.labels.get("n").expect("its label").parse().expect("a number");
            prop_assert_eq!(&series.value, &SampleValue::Counter(n + 1));
        }
    }
}

#[test]
fn series_with_reordered_labels_is_the_same() {
    let registry = Registry::new();
    let pair = |name: &'static str| (name.into(), "x".into());
    let family = Family::counter("c_total");
    for order in [[pair("a"), pair("b")], [pair("b"), pair("a")]] {
        let counter = registry.counter(&family, Labels::new("", order).expect("valid"));
        counter.expect("the same kind").increment();
    }
    let metadata = Metadata::new("test", Level::INFO, None);
    for order in [["a", "b"], ["b", "a"]] {
        let key = Key::from_parts("c_total", order.map(|name| Label::new(name, "x")).to_vec());
        registry.register_counter(&key, &metadata).increment(1);
    }
    let snapshot = registry.snapshot(&NOW);
    let family = snapshot.family("c_total").expect("registered");
    assert_eq!(family.series.len(), 1);
    assert_eq!(family.series[0].value, SampleValue::Counter(4));
}

static_label! {
    /// HTTP method of a request.
    pub enum Method: "method" {
        /// Reads a resource.
        Get = "GET",
        /// Creates a resource.
        Post = "POST",
    }
}

#[test]
fn macro_and_typed_handle_share_series() {
    const REQUESTS: Definition =
        Definition::counter("requests_total", "Requests handled.").labelled::<Method>();
    let registry = Registry::new();
    let requests = registry.counters(&REQUESTS).expect("an empty registry");
    requests.increment(Method::Post);
    metrics::with_local_recorder(&registry, || {
        metrics::counter!("requests_total", "method" => "POST").increment(2);
    });
    assert_eq!(requests.get(Method::Post), 3);
}

#[test]
fn series_above_cap_are_counted_in_overflow_series() {
    let options = RegistryOptions {
        series_max: 3,
        ..RegistryOptions::default()
    };
    let registry = Registry::with_options(options);
    let family = Family::counter("c_total");
    for n in 0..5 {
        registry.counter(&family, labels(n)).expect("valid").add(10);
    }
    let mut open =
        DynamicFamily::counters(&registry, Family::counter("o_total"), "n").with("m", "x");
    for n in 0..5 {
        open.get(&n.to_string()).expect("valid").add(1);
        open.get(&n.to_string()).expect("valid").add(1);
    }
    let metadata = Metadata::new("test", Level::INFO, None);
    for n in 0..5 {
        let key = Key::from_parts("m_total", vec![Label::new("n", n.to_string())]);
        registry.register_counter(&key, &metadata).increment(1);
    }
    let snapshot = registry.snapshot(&NOW);
    let get = |name: &str, n: &str| snapshot.get(name, &[("n", n)]).cloned();
    assert_eq!(get("c_total", "2"), Some(SampleValue::Counter(10)));
    assert_eq!(get("c_total", "3"), None);
    assert_eq!(get("c_total", OVERFLOW), Some(SampleValue::Counter(20)));
    assert_eq!(get("o_total", "2"), Some(SampleValue::Counter(2)));
    assert_eq!(get("o_total", OVERFLOW), Some(SampleValue::Counter(4)));
    assert_eq!(get("m_total", OVERFLOW), Some(SampleValue::Counter(2)));
    let Some(SampleValue::Counter(overflowed)) =
        snapshot.get("metrics_series_overflowed_total", &[])
    else {
        panic!("the layer's own counter");
    };
    assert!(*overflowed >= 6, "{overflowed}");
    // Removing a series without handles frees its cells.
    assert!(registry.remove("c_total", &labels(0)));
    registry.counter(&family, labels(4)).expect("valid").add(1);
    let snapshot = registry.snapshot(&NOW);
    assert_eq!(
        snapshot.get("c_total", &[("n", "4")]),
        Some(&SampleValue::Counter(1))
    );
}

#[test]
fn overflow_series_does_not_count_towards_cap() {
    let registry = Registry::with_options(RegistryOptions {
        series_max: 2,
        ..RegistryOptions::default()
    });
    let family = Family::counter("c_total");
    let series = |number| {
        let counter = registry.counter(&family, labels(number));
        counter.expect("valid").increment();
    };
    let shown = || {
        let page = registry.snapshot(&NOW);
        let family = page.family("c_total").expect("registered");
        let values = family.series.iter().map(|series| series.labels.get("n"));
        values
            .map(|n| n.unwrap_or("none").to_owned())
            .collect::<Vec<_>>()
    };
    let overflow = Labels::new("", [("n".into(), OVERFLOW.into())]).expect("valid");
    for _ in 0..3 {
        (0..4).for_each(series);
        assert_eq!(shown(), ["0", "1", OVERFLOW]);
        assert!(registry.remove("c_total", &overflow));
        series(3);
        assert_eq!(shown(), ["0", "1", OVERFLOW]);
        // A removed series keeps its cells while a handle exists.
        let held = registry.counter(&family, labels(1)).expect("valid");
        assert!(registry.remove("c_total", &labels(1)));
        series(3);
        assert_eq!(shown(), ["0", OVERFLOW]);
        drop(held);
        series(3);
        assert_eq!(shown(), ["0", "3", OVERFLOW]);
        assert!(registry.remove("c_total", &labels(3)));
    }
    // An instrument without labels has no overflow.
    let plain = Family::counter("plain_total");
    registry.counter(&plain, Labels::none()).expect("valid");
    assert!(registry.remove("plain_total", &Labels::none()));
    assert!(!registry.remove("plain_total", &Labels::none()));
}

#[test]
fn macro_records_and_descriptions_are_exposed() {
    let registry = Registry::new();
    metrics::with_local_recorder(&registry, || {
        metrics::gauge!("level").set(5.0);
        metrics::gauge!("level").decrement(2.0);
        metrics::gauge!("level").increment(0.5);
        metrics::histogram!("wait_seconds").record(0.3);
        metrics::histogram!("wait").record_many(0.3, 2);
        metrics::counter!("visits_total").increment(1);
        metrics::describe_gauge!("level", metrics::Unit::Bytes, "Level.");
        metrics::describe_histogram!("wait_seconds", metrics::Unit::Seconds, "Waiting.");
        metrics::describe_counter!("visits_total", metrics::Unit::Count, "Visits.");
        metrics::describe_counter!("visits_total", "What comes second.");
    });
    let page = registry.snapshot(&NOW);
    let help = |name: &str| page.family(name).map(|family| &*family.family.help);
    assert_eq!(help("level"), Some("Level. Unit: bytes."));
    assert_eq!(
        help("wait_seconds"),
        Some("Waiting."),
        "the name has the unit"
    );
    assert_eq!(help("visits_total"), Some("Visits."));
    assert_eq!(page.get("level", &[]), Some(&SampleValue::Gauge(3.5)));
    for (name, count) in [("wait_seconds", 1), ("wait", 2)] {
        let Some(SampleValue::Histogram(reading)) = page.get(name, &[]) else {
            panic!("{name} is a histogram");
        };
        assert_eq!(reading.count(), count);
    }
    // In addition to the layer's own five.
    assert_eq!(registry.cell_series(), 5 + 4);
}

#[test]
fn removed_series_returns_through_macro() {
    let registry = Registry::new();
    let metadata = Metadata::new("test", Level::INFO, None);
    let key = Key::from_static_name("c_total");
    let held = registry.register_counter(&key, &metadata);
    held.increment(5);
    assert!(registry.remove("c_total", &Labels::none()));
    assert_eq!(registry.snapshot(&NOW).get("c_total", &[]), None);
    held.increment(1);
    assert_eq!(
        registry.snapshot(&NOW).get("c_total", &[]),
        Some(&SampleValue::Counter(6))
    );
    registry.register_counter(&key, &metadata).increment(1);
    assert_eq!(
        registry.snapshot(&NOW).get("c_total", &[]),
        Some(&SampleValue::Counter(7))
    );
}

#[test]
fn cells_after_reuse_start_at_zero() {
    let registry = Registry::new();
    let family = Family::counter("c_total");
    for _ in 0..20_000 {
        let counter = registry.counter(&family, labels(1)).expect("valid");
        assert_eq!(counter.get(), 0);
        counter.add(7);
        drop(counter);
        assert!(registry.remove("c_total", &labels(1)));
    }
}

const DOOR_INFO: Definition =
    Definition::info("door_info", "The door.").with_labels(&[LabelDefinition {
        name: "side",
        values: &["front"],
    }]);

#[test]
fn info_metric_has_constant_value_one() {
    let registry = Registry::new();
    registry.info(&DOOR_INFO).expect("a valid name");
    let page = registry.snapshot(&NOW);
    assert_eq!(
        page.get("door_info", &[("side", "front")]),
        Some(&SampleValue::Gauge(1.0))
    );
}

#[test]
fn series_reads_what_the_exposition_shows() {
    let registry = Registry::new();
    let front = Labels::new("", [("side".into(), "front".into())]).expect("valid");
    assert!(registry.series("door_info", &front).is_none());
    registry.info(&DOOR_INFO).expect("a valid name");
    let counter = registry.counter(&Family::counter("visits_total"), labels(1));
    counter.expect("valid").increment();
    let bounds = Bounds::new(&[1.0, 2.0]).expect("rising");
    let family = Family::histogram("wait_seconds", bounds);
    let histogram = registry.histogram(&family, Labels::none());
    histogram.expect("valid").record(1.5);

    let read = |name, labels: &Labels| {
        let series = registry.series(name, labels)?;
        series.read(&NOW, |reading| SampleValue::from(reading))
    };
    assert_eq!(read("door_info", &front), Some(SampleValue::Gauge(1.0)));
    assert_eq!(read("door_info", &Labels::none()), None, "other labels");
    assert_eq!(
        read("visits_total", &labels(1)),
        Some(SampleValue::Counter(1))
    );
    assert_eq!(read("visits_total", &labels(2)), None);
    let wait = registry.series("wait_seconds", &Labels::none());
    assert_eq!(wait.expect("is registered").bounds(), [1.0, 2.0]);

    let visits = registry
        .series("visits_total", &labels(1))
        .expect("is there");
    registry.remove("visits_total", &labels(1));
    assert_eq!(visits.read(&NOW, |_| ()), None, "it was removed");
}

#[test]
fn info_metric_with_invalid_or_taken_name_is_refused() {
    let registry = Registry::new();
    let unsuffixed = registry.info(&Definition::info("door", "The door."));
    assert_eq!(
        unsuffixed.expect_err("no suffix").to_string(),
        "door is an info metric, so its name must end in `_info`"
    );
    let gauge = registry.info(&Definition::gauge("door_info", "The door."));
    assert_eq!(gauge, Err(RegisterError::Conflict("door_info".into())));
    registry.info(&DOOR_INFO).expect("a valid name");
    let family = registry.gauge(&Family::gauge("door"), labels(1));
    assert!(matches!(family, Err(RegisterError::Claimed { .. })));
}
