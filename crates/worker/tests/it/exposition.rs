//! Expositions can be parsed back, and invalid data can't enter them.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use metrics::{Key, Level, Metadata, Recorder};
use proptest::prelude::*;
use rehearsal_metrics::exposition::{ExpositionFormat, ExpositionWriter, render};
use rehearsal_metrics::registry_metrics::LAYER;
use rehearsal_metrics::{
    Bounds, CollectContext, Family, Labels, RegisterError, Registry, SampleValue, Unit,
};
use rehearsal_worker::metrics::catalog::{EXTENSIONS, GIVEN};
use rehearsal_worker::metrics::{InstrumentWrites, Mode, PlannerStatus, SchedulerWorkerMetrics};

const AT: CollectContext = CollectContext::at(Duration::from_secs(1));

/// Parses a sample line strictly: name, labels, value, and the rest.
fn parse_sample(line: &str) -> (String, BTreeMap<String, String>, f64, Option<String>) {
    let name_end = line.find(['{', ' ']).expect("a name ends");
    let (name, mut rest) = line.split_at(name_end);
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"").expect("a label and its value");
            let mut value = String::new();
            let mut characters = after.char_indices();
            let end = loop {
                match characters.next().expect("a closing quote") {
                    (end, '"') => break end,
                    (_, '\\') => value.push(match characters.next().expect("an escape").1 {
                        'n' => '\n',
                        escaped @ ('\\' | '"') => escaped,
                        other => panic!("unknown escape {other:?} in {line}"),
                    }),
                    (_, '\n') => panic!("a raw line feed in {line}"),
                    (_, other) => value.push(other),
                }
            };
            assert_eq!(
                labels.insert(label.to_owned(), value),
                None,
                "twice {label} in {line}"
            );
            rest = &after[end + 1..];
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => break,
            }
        }
        rest = rest.strip_prefix('}').expect("a closing brace");
    }
    let mut parts = rest
        .strip_prefix(' ')
        .expect("a blank before the value")
        .split(' ');
    let value = parts.next().expect("a value").parse().expect("a number");
    let timestamp = parts.next().map(str::to_owned);
    assert_eq!(parts.next(), None, "too many parts in {line}");
    (name.to_owned(), labels, value, timestamp)
}

fn worker() -> (Registry, SchedulerWorkerMetrics) {
    let registry = Registry::new();
    let metrics = SchedulerWorkerMetrics::new(&registry).expect("an empty registry");
    metrics.planner_run(Mode::AnalysisOnly, PlannerStatus::Enqueued, 0.7);
    metrics.planner_run(Mode::AnalysisOnly, PlannerStatus::Enqueued, 90.0);
    metrics.runs_active_add(Mode::AnalysisOnly, -4);
    let backlog = [
        (Mode::AnalysisOnly, "nightly", 12),
        (Mode::ContentRefresh, "weekly", 0),
    ];
    metrics.backlog().refresh(backlog, Duration::ZERO);
    (registry, metrics)
}

#[test]
fn exposition_in_both_formats_matches_golden_text() {
    let registry = Registry::new();
    let family = Family::histogram("wait_seconds", Bounds::new(&[0.5, 30.0]).expect("rising"));
    let family = family.unit(Unit::Seconds).help("Time in \"line\".\nC:\\");
    let labels = Labels::new("", [("who".into(), "a\"b\\c\nd".into())]).expect("valid");
    let histogram = registry.histogram(&family, labels).expect("a new name");
    histogram.record(0.5);
    histogram.record(100.25);
    let counter = Family::counter("visits_total").help("Visits.");
    registry
        .counter(&counter, Labels::none())
        .expect("a new name")
        .add(3);
    registry
        .gauge(&Family::gauge("level"), Labels::none())
        .expect("a new name")
        .set(-0.25);

    let own = |page: String| {
        let (_, own) = page.split_once("level").expect("the first of ours");
        format!("level{own}")
    };
    let text = own(render(ExpositionFormat::Text, &registry, &AT));
    let open = own(render(ExpositionFormat::OpenMetrics, &registry, &AT));
    let without_layer = |page: &str| {
        let lines = page.lines().filter(|line| !line.contains("metrics_s"));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    assert_eq!(
        without_layer(&text),
        r#"level gauge
level -0.25
# HELP visits_total Visits.
# TYPE visits_total counter
visits_total 3
# HELP wait_seconds Time in "line".\nC:\\
# TYPE wait_seconds histogram
wait_seconds_bucket{who="a\"b\\c\nd",le="0.5"} 1
wait_seconds_bucket{who="a\"b\\c\nd",le="30"} 1
wait_seconds_bucket{who="a\"b\\c\nd",le="+Inf"} 2
wait_seconds_sum{who="a\"b\\c\nd"} 100.75
wait_seconds_count{who="a\"b\\c\nd"} 2
"#
    );
    assert_eq!(
        without_layer(&open),
        r#"level gauge
level -0.25
# HELP visits Visits.
# TYPE visits counter
visits_total 3
# HELP wait_seconds Time in \"line\".\nC:\\
# TYPE wait_seconds histogram
# UNIT wait_seconds seconds
wait_seconds_bucket{who="a\"b\\c\nd",le="0.5"} 1
wait_seconds_bucket{who="a\"b\\c\nd",le="30.0"} 1
wait_seconds_bucket{who="a\"b\\c\nd",le="+Inf"} 2
wait_seconds_sum{who="a\"b\\c\nd"} 100.75
wait_seconds_count{who="a\"b\\c\nd"} 2
# EOF
"#
    );
}

#[test]
fn exposition_in_both_formats_names_meter() {
    let (registry, _metrics) = worker();
    let help = "1, with the meter of the instruments as a label.";
    let sample = "otel_scope_info{otel_scope_name=\"StellaOps.Scheduler.Worker\"} 1\n";
    let text = render(ExpositionFormat::Text, &registry, &AT);
    let in_text = format!("# HELP otel_scope_info {help}\n# TYPE otel_scope_info gauge\n{sample}");
    assert!(text.contains(&in_text), "{text}");
    let openmetrics = render(ExpositionFormat::OpenMetrics, &registry, &AT);
    let in_openmetrics = format!("# HELP otel_scope {help}\n# TYPE otel_scope info\n{sample}");
    assert!(openmetrics.contains(&in_openmetrics), "{openmetrics}");
}

#[test]
fn exposition_of_worker_is_parsed_independently() {
    use prometheus_parse::Value::{Counter, Gauge, Histogram};
    let (registry, _metrics) = worker();
    let page = render(ExpositionFormat::Text, &registry, &AT);
    let scrape = prometheus_parse::Scrape::parse(page.lines().map(|line| Ok(line.to_owned())))
        .expect("a page");
    for definition in GIVEN.iter().chain(&EXTENSIONS).chain(&LAYER) {
        let on_page = page.contains(&format!("# TYPE {} ", definition.name));
        let help = scrape.docs.get(definition.name).map(String::as_str);
        assert_eq!(
            help,
            on_page.then_some(definition.help),
            "{}",
            definition.name
        );
    }
    let find = |name: &str, label: (&str, &str)| {
        let mode = ("mode", "analysisOnly");
        let fits = |sample: &&prometheus_parse::Sample| {
            let has = |(label, value)| sample.labels.get(label) == Some(value);
            sample.metric == name && has(label) && has(mode)
        };
        scrape
            .samples
            .iter()
            .find(fits)
            .expect("on the page")
            .value
            .clone()
    };
    let Histogram(buckets) = find("scheduler_planner_latency_seconds", ("status", "enqueued"))
    else {
        panic!("a histogram");
    };
    assert_eq!(
        find("scheduler_runner_backlog", ("scheduleId", "nightly")),
        Gauge(12.0)
    );
    assert_eq!(
        find("scheduler_runs_active", ("mode", "analysisOnly")),
        Gauge(-4.0)
    );
    assert_eq!(
        find("scheduler_planner_runs_total", ("status", "enqueued")),
        Counter(2.0)
    );
    let counts: Vec<(f64, f64)> = buckets.iter().map(|b| (b.less_than, b.count)).collect();
    assert_eq!(counts[2..4], [(0.5, 0.0), (1.0, 1.0)]);
    assert_eq!(counts[8..10], [(60.0, 1.0), (120.0, 2.0)]);
    assert_eq!(counts.last(), Some(&(f64::INFINITY, 2.0)));
}

proptest! {
    #[test]
    fn label_value_in_unicode_round_trips(
        values in prop::collection::btree_set(any::<String>(), 1..10),
        numbers in prop::collection::vec(any::<f64>(), 10),
        openmetrics: bool,
    ) {
        let registry = Registry::new();
        for (value, number) in values.iter().zip(&numbers) {
            let labels = Labels::new("", [("text".into(), value.clone().into())]).expect("valid");
            registry.gauge(&Family::gauge("g"), labels).expect("a new series").set(*number);
        }
        let format = if openmetrics {
            ExpositionFormat::OpenMetrics
        } else {
            ExpositionFormat::Text
        };
        let page = render(format, &registry, &AT);
        // Split at line feeds only, because label values may contain other line separators.
        let lines = page.split('\n').filter(|line| line.starts_with("g{"));
        let parsed: BTreeMap<String, f64> = lines
            .map(parse_sample)
            .map(|(_, mut labels, value, _)| (labels.remove("text").expect("the label"), value))
            .collect();
        prop_assert_eq!(parsed.len(), values.len());
        for (value, number) in values.iter().zip(&numbers) {
            let found = parsed[value];
            prop_assert!(found == *number || (found.is_nan() && number.is_nan()));
        }
    }

    #[test]
    fn registration_accepts_valid_names_only(
        name in "[a-zA-Z0-9_:.é -]{0,6}",
        label in "[a-zA-Z0-9_:.é]{0,4}",
    ) {
        let valid = |text: &str, colons: bool| {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':');
            text.chars().all(fits) && text.starts_with(|c: char| fits(c) && !c.is_ascii_digit())
        };
        let name_valid = valid(&name, true);
        let label_valid = valid(&label, false) && !label.starts_with("__");
        let registry = Registry::new();
        let labels = Labels::new(&name, [(label.clone().into(), "x".into())]);
        prop_assert_eq!(labels.is_ok(), label_valid);
        let made = registry.counter(&Family::counter(name.clone()), Labels::none());
        prop_assert_eq!(made.is_ok(), name_valid, "{:?}", name);
        if !name_valid {
            prop_assert_eq!(made.err(), Some(RegisterError::InvalidName(name)));
        }
    }

    #[test]
    fn exposition_is_independent_of_registration_order(
        order in Just((0..12_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let page = |order: &[usize]| {
            let registry = Registry::new();
            for (place, index) in order.iter().enumerate() {
                let (name, number) = (format!("c{}_total", index % 3), index / 3);
                let (a, b) = (("a", number.to_string()), ("b", "x".to_owned()));
                // The same series with its labels in both orders.
                let pairs = if place % 2 == 0 { [a, b] } else { [b, a] };
                let labels = Labels::new("", pairs.map(|(k, v)| (k.into(), v.into())));
                let family = Family::counter(name).help("One.");
                let counter = registry.counter(&family, labels.expect("valid"));
                counter.expect("the same kind").add(*index as u64);
            }
            render(ExpositionFormat::Text, &registry, &AT)
        };
        let sorted: Vec<usize> = (0..12).collect();
        prop_assert_eq!(page(&order), page(&sorted));
    }
}

#[test]
fn timestamps_are_ms_in_text_and_s_in_openmetrics() {
    let (registry, _metrics) = worker();
    for (format, expected) in [
        (ExpositionFormat::Text, "1700000000123"),
        (ExpositionFormat::OpenMetrics, "1700000000.123"),
    ] {
        let mut writer = ExpositionWriter::new(format, Vec::new()).at_ms(1_700_000_000_123);
        registry.visit(&AT, &mut writer);
        let page = String::from_utf8(writer.finish().expect("written")).expect("text");
        let samples = page.lines().filter(|line| !line.starts_with('#'));
        for line in samples {
            assert_eq!(parse_sample(line).3.as_deref(), Some(expected), "{line}");
        }
    }
    for (at_ms, expected) in [(-1, " -0.001\n"), (0, " 0.000\n")] {
        let mut writer =
            ExpositionWriter::new(ExpositionFormat::OpenMetrics, Vec::new()).at_ms(at_ms);
        registry.visit(&AT, &mut writer);
        let page = String::from_utf8(writer.finish().expect("written")).expect("text");
        assert!(page.contains(expected), "{at_ms} ms since 1970");
    }
}

/// Writer that fails after this number of bytes.
struct Full(usize);

impl io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        if taken == 0 {
            Err(io::Error::other("full"))
        } else {
            Ok(taken)
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn exposition_to_failing_writer_returns_error() {
    let (registry, _metrics) = worker();
    let mut writer = ExpositionWriter::new(ExpositionFormat::Text, Full(100));
    registry.visit(&AT, &mut writer);
    assert_eq!(writer.finish().err().expect("full").to_string(), "full");
}

#[test]
fn snapshot_and_registry_write_same_exposition() {
    let (registry, _metrics) = worker();
    let mut writer = ExpositionWriter::new(ExpositionFormat::Text, Vec::new());
    registry.snapshot(&AT).visit(&mut writer);
    let page = String::from_utf8(writer.finish().expect("written")).expect("text");
    assert_eq!(page, render(ExpositionFormat::Text, &registry, &AT));
}

#[test]
fn registration_of_colliding_names_is_refused() {
    let registry = Registry::new();
    let bounds = Bounds::new(&[1.0]).expect("rising");
    let histogram = Family::histogram("h", bounds.clone());
    registry
        .histogram(&histogram, Labels::none())
        .expect("a new name");
    let claimed = |family: Family| {
        registry
            .counter(&family, Labels::none())
            .err()
            .map(|e| e.to_string())
    };
    assert_eq!(
        claimed(Family::counter("h_count")).as_deref(),
        Some("h_count would stand on the page twice: h_count belongs to another instrument")
    );
    assert!(
        claimed(Family::counter("h"))
            .expect("refused")
            .contains("already registered")
    );
    assert!(
        claimed(Family::counter("h_total"))
            .expect("refused")
            .contains("h belongs to another")
    );
    registry
        .gauge(&Family::gauge("x"), Labels::none())
        .expect("a new name");
    assert!(
        claimed(Family::counter("x_total"))
            .expect("refused")
            .contains("x belongs to another")
    );
    let other_bounds = Family::histogram("h", Bounds::new(&[2.0]).expect("rising"));
    assert!(registry.histogram(&other_bounds, Labels::none()).is_err());
    let le = Labels::new("h", [("le".into(), "1".into())]).expect("valid in general");
    assert!(registry.histogram(&histogram, le).is_err());
    let unit = Family::gauge("y").unit(Unit::Seconds);
    assert_eq!(
        registry
            .gauge(&unit, Labels::none())
            .err()
            .expect("refused")
            .to_string(),
        "y is measured in seconds, so its name must end in `_seconds`"
    );
    let twice = Labels::new("z", [("k".into(), "1".into()), ("k".into(), "2".into())]);
    assert_eq!(
        twice.expect_err("refused").to_string(),
        "label k is given twice for z"
    );
}

#[test]
fn macro_with_invalid_name_is_counted_and_reported() {
    let (registry, _metrics) = worker();
    let metadata = Metadata::new("test", Level::INFO, None);
    registry
        .register_counter(&Key::from_static_name("a.b"), &metadata)
        .increment(1);
    registry
        .register_gauge(&Key::from_static_name("scheduler_runs_active"), &metadata)
        .set(1.0);
    let unknown = Key::from_parts(
        "scheduler_runs_cancelled_total",
        vec![metrics::Label::new("mode", "x")],
    );
    registry.register_counter(&unknown, &metadata).increment(1);
    let refused = registry
        .snapshot(&AT)
        .get("metrics_series_refused_total", &[])
        .cloned();
    assert_eq!(refused, Some(SampleValue::Counter(3)));
    let reasons: Vec<String> = registry
        .refusals()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        reasons[0].starts_with("\"a.b\" is not a metric name"),
        "{reasons:?}"
    );
    assert!(
        reasons[1].contains("already registered as something else"),
        "{reasons:?}"
    );
    assert!(reasons[2].contains("closed set of labels"), "{reasons:?}");
}
