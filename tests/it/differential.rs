//! Compares every query of the rules and the dashboard with a real Prometheus over the same
//! samples.
//!
//! The server has neither staleness markers (`OpenMetrics` has no representation for them) nor the
//! rules. Recorded series are imported as data, so each rule is compared on the same input.

use rehearsal_convert::Saturating;
use std::collections::BTreeMap;
use std::path::Path;

use rehearsal::bundled;
use rehearsal::promql::rules::{EvaluationRange, RuleFile, evaluate};
use rehearsal::promql::{Engine, MemoryStore, Query, Semantics};
use rehearsal::rehearsal::{FinishedRun, RunOptions, run};
use rehearsal::scenario::Loader;

use crate::backfill::Samples;
use crate::dashboard;
use crate::prometheus::Prometheus;

/// Duration of the compared window: enough for the longest range of the rules.
const WINDOW_MS: i64 = 150 * 60_000;
/// Time between the window's start and the first fault.
const BEFORE_MS: i64 = 30 * 60_000;
/// Maximum number of samples of a window; a longer window is shortened.
const SAMPLES_MAX: usize = 600_000;
const STEP_MS: i64 = 60_000;
const TOLERANCE: f64 = 1e-9;

/// Values by series and timestamp.
type Answer = BTreeMap<(BTreeMap<String, String>, i64), f64>;

/// Compared window of a rehearsal.
fn window(finished: &FinishedRun) -> Samples {
    let start_ms = finished.scenario.start.millis();
    let first = finished.oracle.episodes.first();
    let first_ms = first.map_or(start_ms, |episode| episode.began.millis());
    let from_ms = (first_ms - BEFORE_MS).max(start_ms);
    let mut window_ms = WINDOW_MS;
    loop {
        let until_ms = (from_ms + window_ms).min(finished.ended_at.millis());
        let samples = Samples::between(&finished.recording, from_ms, until_ms, &[]);
        if samples.count() <= SAMPLES_MAX {
            return samples;
        }
        window_ms /= 2;
    }
}

/// Result of the project's evaluator.
fn ours(store: &MemoryStore, text: &str, samples: &Samples) -> Answer {
    let query = Query::parse(text, Semantics::V2_42).unwrap();
    let (from, until) = (samples.from_ms, samples.until_ms);
    let found = Engine::new(store)
        .range(&query, from, until, STEP_MS)
        .unwrap();
    let mut answer = Answer::new();
    for series in found.series {
        let labels = series.labels.iter();
        let labels: BTreeMap<String, String> = labels
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        for (at_ms, value) in series.points {
            answer.insert((labels.clone(), at_ms), value);
        }
    }
    answer
}

/// Result of the server.
fn theirs(prometheus: &Prometheus, text: &str, samples: &Samples) -> Answer {
    let mut answer = Answer::new();
    for series in prometheus.range(text, samples.from_ms, samples.until_ms, STEP_MS) {
        let labels: BTreeMap<String, String> =
            serde_json::from_value(series["metric"].clone()).unwrap();
        for point in series["values"].as_array().unwrap() {
            let at_ms = (point[0].as_f64().unwrap() * 1_000.0)
                .round()
                .saturating_i64();
            let value = point[1].as_str().unwrap().parse().unwrap();
            answer.insert((labels.clone(), at_ms), value);
        }
    }
    answer
}

fn is_same(ours: f64, theirs: f64) -> bool {
    let near = (ours - theirs).abs() <= TOLERANCE * ours.abs().max(theirs.abs());
    ours == theirs || near || (ours.is_nan() && theirs.is_nan())
}

/// First difference between two results.
fn difference(ours: &Answer, theirs: &Answer) -> Option<String> {
    let keys = ours.keys().chain(theirs.keys());
    let differs = |key: &&(BTreeMap<String, String>, i64)| match (ours.get(*key), theirs.get(*key))
    {
        (Some(ours), Some(theirs)) => !is_same(*ours, *theirs),
        _ => true,
    };
    let mut differing = keys.filter(differs);
    let first = differing.next()?;
    let (ours, theirs) = (ours.get(first), theirs.get(first));
    let (labels, at_ms) = first;
    Some(format!(
        "{labels:?} at {at_ms}: ours {ours:?}, the server's {theirs:?}"
    ))
}

/// Compares every query over a scenario. Returns the number of compared values, or `None` without
/// Prometheus.
fn compare(name: &str) -> Option<usize> {
    let path = Path::new("scenarios").join(format!("{name}.toml"));
    let scenario = Loader::default().load(&path).unwrap();
    let finished = run(&scenario, &RunOptions::default(), |_| {}).unwrap();
    let mut samples = window(&finished);
    let rules = RuleFile::parse(bundled::RULES, bundled::RULES_PATH, Semantics::V2_42).unwrap();
    let span = EvaluationRange {
        start_ms: samples.from_ms,
        end_ms: samples.until_ms,
        interval_ms: STEP_MS,
    };
    let timeline = evaluate(&rules, &samples.store(), span).unwrap();
    samples.add(&timeline.recorded);

    let prometheus = samples.serve(&format!("differential-{name}"))?;

    let store = samples.store();
    let of_rules = rules.rules().map(|rule| rule.query().text().to_owned());
    let mut compared = 0;
    for text in of_rules.chain(dashboard::queries("2m")) {
        let (ours, theirs) = (
            ours(&store, &text, &samples),
            theirs(&prometheus, &text, &samples),
        );
        assert_eq!(difference(&ours, &theirs), None, "{name}: {text}");
        compared += ours.len();
    }
    Some(compared)
}

#[test]
fn promql_over_one_scenario_equals_server() {
    if let Some(compared) = compare("planner-gives-up") {
        assert!(compared > 3_000, "{compared} values");
    }
}

#[test]
#[ignore = "takes minutes without optimisation: run with --profile checked -- --include-ignored"]
fn promql_over_every_scenario_equals_server() {
    for name in crate::golden::names() {
        if let Some(compared) = compare(&name) {
            assert!(compared > 1_000, "{name}: {compared} values");
        }
    }
}
