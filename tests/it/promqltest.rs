//! Test scripts, further commands of their language, and range queries against instant queries.

use std::path::Path;
use std::{env, fs};

use proptest::prelude::*;
use regex::Regex;
use rehearsal::metrics::Labels;
use rehearsal::promql::promqltest::{self, EvalMessage};
use rehearsal::promql::{Engine, MemoryStore, Query, QueryValue, Semantics, function_names};
use rehearsal_convert::Index;

/// Scripts of a folder, by name.
fn scripts(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let scripts = paths.filter(|path| path.extension().is_some_and(|ending| ending == "test"));
    let mut scripts: Vec<_> = scripts
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path.display().to_string(), text)
        })
        .collect();
    scripts.sort();
    assert!(!scripts.is_empty(), "{} has no script", folder.display());
    scripts
}

fn own_scripts() -> Vec<(String, String)> {
    scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/promqltest"))
}

#[test]
fn promqltest_scripts_pass() {
    for (name, text) in own_scripts() {
        let report = promqltest::run(&text, Semantics::V3PromqlTest).unwrap();
        assert_eq!(report.failed, [], "{name}");
        assert_eq!(report.unsupported, [], "{name}");
        assert!(report.passed > 0, "{name} has no eval");
    }
}

/// A function or aggregation that no script calls could return anything.
#[test]
fn promqltest_scripts_call_each_function_and_aggregation() {
    const AGGREGATIONS: [&str; 14] = [
        "avg",
        "bottomk",
        "count",
        "count_values",
        "group",
        "limit_ratio",
        "limitk",
        "max",
        "min",
        "quantile",
        "stddev",
        "stdvar",
        "sum",
        "topk",
    ];
    let texts: Vec<String> = own_scripts().into_iter().map(|(_, text)| text).collect();
    let evals: Vec<&str> = texts
        .iter()
        .flat_map(|text| text.lines())
        .filter(|line| line.starts_with("eval "))
        .collect();
    let functions = function_names(Semantics::V3PromqlTest);
    assert!(functions.len() > 80);
    let missing = functions.iter().chain(&AGGREGATIONS).filter(|name| {
        let is_called =
            Regex::new(&format!(r"\b{name}( by \([^)]*\)| without \([^)]*\))? ?\(")).unwrap();
        !evals.iter().any(|eval| is_called.is_match(eval))
    });
    assert_eq!(missing.collect::<Vec<_>>(), [&""; 0]);
}

/// Number of passing evals of each script of the Prometheus project; the others need native
/// histograms.
const PUBLIC: [(&str, usize); 6] = [
    ("aggregators", 126),
    ("functions", 334),
    ("histograms", 93),
    ("operators", 142),
    ("range_queries", 17),
    ("selectors", 31),
];

#[test]
fn promqltest_scripts_of_prometheus_pass() {
    let Some(folder) = env::var_os("REHEARSAL_PUBLIC_FILES") else {
        eprintln!("skipped: REHEARSAL_PUBLIC_FILES names no folder of public files");
        return;
    };
    for (name, passed) in PUBLIC {
        let path = Path::new(&folder).join(format!("promqltest/{name}.test"));
        let text =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let report = promqltest::run(&text, Semantics::V3PromqlTest).unwrap();
        assert_eq!(report.failed, [], "{name}");
        assert_eq!(report.passed, passed, "{name}");
        let other = |remark: &&EvalMessage| {
            let reasons = ["holds native histograms", "is for native", "has native"];
            !reasons.iter().any(|reason| remark.reason.contains(reason))
        };
        assert_eq!(report.unsupported.iter().find(other), None, "{name}");
    }
}

#[test]
fn promqltest_script_with_error_reports_line() {
    for (script, message) in [
        ("lod 5m", "line 1: `lod` is no command"),
        ("load 5x", "line 1: `5x` is no duration"),
        (
            "clear\n\nload 5m\n  x{a=} 1",
            "line 4: `x{a=}` is no series",
        ),
        ("load 5m\n  x 1+", "line 2: `1+` is no point"),
        (
            "eval instant at 5m",
            "line 1: something is missing behind `5m`",
        ),
        (
            "eval instant at 0 x\n  expect nothing",
            "line 2: `expect nothing` is not known",
        ),
    ] {
        let error = promqltest::run(script, Semantics::V3PromqlTest).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn promqltest_with_wrong_expectation_fails() {
    let load = "load 1m\n  x_total{a=\"b\"} 0+60x10\n\n";
    for (eval, reason) in [
        (
            "instant at 5m x_total\n  x_total{a=\"b\"} 301",
            "301 expected, found 300",
        ),
        (
            "instant at 5m x_total\n  x_total{a=\"c\"} 300",
            "expected, found",
        ),
        ("instant at 5m x_total\n", "0 elements expected"),
        ("instant at 5m 1 + 1\n  3", "3 expected, found 2"),
        (
            "instant at 5m x_total\n  expect fail",
            "it should be refused",
        ),
        ("instant at 5m x_total + x\n  expect warn", "no Warning"),
        ("instant at 5m rate(x[5m])\n  expect info", "no Info"),
        (
            "instant at 5m quantile(2, x_total)\n  expect no_warn\n  {} +Inf",
            "unexpected: PromQL warning",
        ),
        (
            "range from 0 to 2m step 1m x_total\n  x_total{a=\"b\"} 0 60 121",
            "expected, found",
        ),
        (
            "range from 0 to 2m step 1m x_total\n  x_total{a=\"b\"} 0 60",
            "expected, found",
        ),
        (
            "instant at 5m x_total + on () x_total + vector(1)\n  expect fail msg: no",
            "refused",
        ),
    ] {
        let script = format!("{load}eval {eval}");
        let report = promqltest::run(&script, Semantics::V3PromqlTest).unwrap();
        assert_eq!(report.passed, 0, "{eval}");
        assert!(
            report.failed[0].reason.contains(reason),
            "{}",
            report.failed[0]
        );
    }
}

/// Commands that the scripts do not use.
const MORE: &str = r#"
load 10s
  m{job="1"} 0+1x100
  m{job="2"} 0+2x100

# Durations are worked out, some of them by the step.
eval instant at 200s changes(m{job="1"}[2*(10+5)])
  {job="1"} 2

eval instant at 200s m{job="1"} offset (-2 ^ 2 + 14)
  m{job="1"} 19

eval range from 50s to 70s step 20s count_over_time(m{job="1"}[step()])
  {job="1"} 2 2

eval range from 50s to 70s step 20s count_over_time(m{job="1"}[step() - 20])
  expect fail msg: a duration must be greater than 0 (at character 28)

# Times are pinned, and start() and end() are the query's.
eval range from 50s to 70s step 20s m{job="1"} @ end() - m{job="1"} @ start()
  {job="1"} 2 2

eval instant at 0 sum_over_time(minute()[50m:1m] @ 6000 offset 5m)
  {} 1365

eval instant at 10m timestamp(timestamp(m{job="1"} @ 10))
  {job="1"} 600

# What a limit is must be a number.
eval instant at 50s limit_ratio(m, m)
  expect fail msg: `limit_ratio` takes a scalar first

eval instant at 50s limitk("job", m)
  expect fail msg: `limitk` takes a scalar first

# Sides that are missing are filled.
eval instant at 50s m{job="1"} + on (job) fill_left(5) fill_right(7) m{job="2"}
  {job="1"} 12
  {job="2"} 15

clear

load 5m
  x{instance="a", job="1"} 0 1 2
  target_info{instance="a", job="1", v="old"} 1 1 _
  target_info{instance="a", job="1", v="new"} _ _ 1

eval range from 0 to 10m step 5m info(x)
  x{instance="a", job="1", v="old"} 0 1 _
  x{instance="a", job="1", v="new"} _ _ 2

eval instant at 0 info(x, {missing=~".+"})

# Names are dropped last.
eval instant at 10m label_replace(rate(x[10m]), "__name__", "rate_$1", "__name__", "(.+)")
  rate_x{instance="a", job="1"} 0.0033333333333333335

eval instant at 10m sum by (__name__) (-{job="1"})
  expect fail
"#;

#[test]
fn promqltest_further_commands_are_supported() {
    let report = promqltest::run(MORE, Semantics::V3PromqlTest).unwrap();
    assert_eq!(report.failed, []);
    assert_eq!((report.passed, report.unsupported.len()), (14, 0));
}

/// Queries with their results in Prometheus 2.42 as well, where ranges and lookback include their
/// start.
#[test]
fn semantics_of_versions_differ_as_documented() {
    let script = |semantics: Semantics, count: &str, at: &str| {
        let text = format!(
            "load 1m\n  x 1\n\neval instant at 5m count_over_time(x[5m])\n{count}\n\
             eval instant at 5m x\n{at}"
        );
        let report = promqltest::run(&text, semantics).unwrap();
        assert_eq!(report.failed, [], "{semantics}");
    };
    script(Semantics::V2_42, "  {} 1\n", "  x 1\n");
    script(Semantics::V3, "", "");
    for (text, known) in [
        ("holt_winters(x[5m], 0.5, 0.5)", [true, false, false]),
        (
            "double_exponential_smoothing(x[5m], 0.5, 0.5)",
            [false, false, true],
        ),
        ("first_over_time(x[5m])", [false, true, true]),
        ("limitk(1, x)", [false, false, true]),
        ("rate(x[5m])", [true, true, true]),
    ] {
        for (semantics, known) in ["v2.42", "v3", "v3-promqltest"].into_iter().zip(known) {
            let parsed = Query::parse(text, semantics.parse().unwrap());
            assert_eq!(parsed.is_ok(), known, "{text} in {semantics}");
        }
    }
}

/// Expressions with different ways of computing series, labels and values.
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

/// Points of a range query as (timestamp, labels, bits of the value).
type Points = Vec<(i64, Labels, u64)>;

fn by_range(engine: &Engine<'_, MemoryStore>, query: &Query) -> Points {
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

fn by_instants(engine: &Engine<'_, MemoryStore>, query: &Query) -> Points {
    let mut points = Points::new();
    for at_ms in (0..=STEPS).map(|step| step * STEP_MS) {
        match engine.instant(query, at_ms).unwrap() {
            QueryValue::Scalar(value) => points.push((at_ms, Labels::none(), value.to_bits())),
            QueryValue::Vector(elements) => points.extend(
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

/// Sample of a series at an instant.
#[derive(Clone, Copy, Debug)]
enum Point {
    QueryValue(u8),
    Stale,
    Nothing,
}

/// Samples of four series, 10 s apart.
fn store(points: &[Vec<Point>]) -> MemoryStore {
    let mut store = MemoryStore::default();
    for (index, points) in points.iter().enumerate() {
        let label = |name: &'static str, value: usize| (name.into(), value.to_string().into());
        let pairs = [
            ("job".into(), "x".into()),
            label("a", index % 2),
            label("b", index),
        ];
        let labels = Labels::new("x", pairs).unwrap();
        for (place, point) in points.iter().enumerate() {
            let at_ms = place.index_i64() * 10_000;
            match point {
                Point::QueryValue(value) => store.push(&labels, at_ms, Some(f64::from(*value))),
                Point::Stale => store.push(&labels, at_ms, None),
                Point::Nothing => {}
            }
        }
    }
    store
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn range_query_equals_its_instant_queries(
        points in prop::collection::vec(
            prop::collection::vec(
                prop_oneof![
                    6 => (0_u8..50).prop_map(Point::QueryValue),
                    1 => Just(Point::Stale),
                    2 => Just(Point::Nothing),
                ],
                50,
            ),
            4,
        ),
    ) {
        let store = store(&points);
        let engine = Engine::new(&store);
        for text in SHAPES {
            let query = Query::parse(text, Semantics::V3).unwrap();
            prop_assert_eq!(by_range(&engine, &query), by_instants(&engine, &query), "{}", text);
        }
    }
}
