//! Prometheus's own test scripts, and range queries against instant ones.

use proptest::prelude::*;
use rehearsal::metrics::Labels;
use rehearsal::promql::{Engine, Query, Semantics, Store, Value, promqltest};

/// Of each script, how many evals pass at least and fail at most; the others need native
/// histograms.
const SCRIPTS: [(&str, usize, usize); 6] = [
    ("aggregators", 125, 0),
    ("functions", 332, 2),
    ("histograms", 91, 2),
    ("operators", 141, 1),
    ("range_queries", 17, 0),
    ("selectors", 31, 0),
];

#[test]
fn the_scripts_of_prometheus_pass() {
    for (name, passed_min, failed_max) in SCRIPTS {
        let text = std::fs::read_to_string(format!("tests/promqltest/{name}.test")).unwrap();
        let report = promqltest::run(&text, Semantics::V3PromqlTest).unwrap();
        let failed: Vec<String> = report.failed.iter().map(ToString::to_string).collect();
        assert!(failed.len() <= failed_max, "{name}: {failed:#?}");
        assert!(
            report.passed >= passed_min,
            "{name}: {} passed",
            report.passed
        );
    }
}

/// Expressions whose series, labels and values are worked out in different ways.
const SHAPES: [&str; 14] = [
    r#"{job="x"}"#,
    r#"{job="x"} offset 45s"#,
    r#"rate({job="x"}[2m])"#,
    r#"delta({job="x"}[90s])"#,
    r#"sum by (a) ({job="x"})"#,
    r#"topk(1, {job="x"})"#,
    r#"quantile(0.5, {job="x"})"#,
    r#"{job="x"} > 20"#,
    r#"{job="x"} - on (a) group_left () sum by (a) ({job="x"})"#,
    r#"{job="x"} and {job="x"} offset 1m"#,
    r#"absent({job="x", a="0"})"#,
    r#"max_over_time(sum by (a) ({job="x"})[2m:20s])"#,
    r#"{job="x"} @ 60 + time()"#,
    r#"scalar(sum({job="x"})) * 2"#,
];
const STEP_MS: i64 = 25_000;
const STEPS: i64 = 20;

/// The points of a range query as (instant, labels, bits of the value).
type Points = Vec<(i64, Labels, u64)>;

fn by_range(engine: &Engine<'_, Store>, query: &Query) -> Points {
    let matrix = engine.range(query, 0, STEP_MS * STEPS, STEP_MS).unwrap();
    let series = matrix.series.into_iter();
    let mut points: Points = series
        .flat_map(|series| {
            let labels = series.labels;
            let points = series.points.into_iter();
            points.map(move |(at_ms, value)| (at_ms, labels.clone(), value.to_bits()))
        })
        .collect();
    points.sort_unstable();
    points
}

fn by_instants(engine: &Engine<'_, Store>, query: &Query) -> Points {
    let mut points = Points::new();
    for at_ms in (0..=STEPS).map(|step| step * STEP_MS) {
        match engine.instant(query, at_ms).unwrap() {
            Value::Scalar(value) => points.push((at_ms, Labels::none(), value.to_bits())),
            Value::Vector(elements) => points.extend(
                elements
                    .into_iter()
                    .map(|element| (at_ms, element.labels, element.value.to_bits())),
            ),
            other => panic!("{}: {other:?}", query.text()),
        }
    }
    points.sort_unstable();
    points
}

/// Samples of four series, 10 s apart: a value, a staleness marker (`Some(None)`) or nothing.
fn store(samples: &[Vec<Option<Option<u8>>>]) -> Store {
    let mut store = Store::default();
    for (index, samples) in samples.iter().enumerate() {
        let label = |name: &'static str, value: usize| (name.into(), value.to_string().into());
        let pairs = [
            ("job".into(), "x".into()),
            label("a", index % 2),
            label("b", index),
        ];
        let labels = Labels::new("x", pairs).unwrap();
        for (place, sample) in samples.iter().enumerate() {
            if let Some(value) = sample {
                store.push(&labels, place as i64 * 10_000, value.map(f64::from));
            }
        }
    }
    store
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_range_query_is_its_instant_queries(
        samples in prop::collection::vec(
            prop::collection::vec(
                prop_oneof![
                    6 => (0_u8..50).prop_map(|value| Some(Some(value))),
                    1 => Just(Some(None)),
                    2 => Just(None),
                ],
                50,
            ),
            4,
        ),
    ) {
        let store = store(&samples);
        let engine = Engine::new(&store);
        for text in SHAPES {
            let query = Query::parse(text, Semantics::V3).unwrap();
            prop_assert_eq!(by_range(&engine, &query), by_instants(&engine, &query), "{}", text);
        }
    }
}
