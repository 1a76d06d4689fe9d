//! Unit tests for `promtool test rules`, generated from a rehearsal: its series as input, its
//! alerts as expected output. The generated file does not depend on this program.
//!
//! Times are shifted so that the rehearsal begins at 0. `promtool` has one interval for all
//! series, so samples are placed on a grid. If the scrapes are too close for a common grid, each
//! sample moves to the whole second before it, and the rules are evaluated on the moved samples.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::metrics::Labels;
use crate::promql::rules::{
    Alert, AlertState, AlertTimeline, EvaluateError, EvaluationRange, RecordedRules, RuleFile,
    evaluate,
};
use crate::promql::{EvalError, Queryable, SelectHints, SeriesData};
use rehearsal_convert::Nearest;

/// Minimum step of the grid, in ms. A finer grid would produce files that consist mostly of gaps.
const GRID_MS_MIN: i64 = 500;
/// Step in ms of the grid that samples move to if their own grid is finer.
const COARSE_GRID_MS: i64 = 1_000;

/// Error of generating unit tests.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitTestError {
    /// The result of a rule depends on the date, which is in 1970 in unit tests.
    #[error("rule `{0}` uses the date: in unit tests it is always 1970; leave it out")]
    Date(String),
    /// `promtool` evaluates all groups at one interval, but the groups have several.
    #[error("the groups have different intervals; unit tests can only have one")]
    Intervals,
    /// A rule cannot be evaluated.
    #[error(transparent)]
    Rule(#[from] EvaluateError),
    /// The series cannot be read.
    #[error(transparent)]
    Series(#[from] EvalError),
    /// The file cannot be written as YAML.
    #[error("{0}")]
    Yaml(String),
}

#[derive(Serialize)]
struct UnitTestFile<'t> {
    rule_files: [&'t str; 1],
    evaluation_interval: String,
    /// Without this key `promtool` evaluates the groups in any order.
    group_eval_order: Vec<&'t str>,
    tests: [UnitTest; 1],
}

#[derive(Serialize)]
struct UnitTest {
    name: String,
    interval: String,
    input_series: Vec<InputSeries>,
    alert_rule_test: Vec<AlertTest>,
    promql_expr_test: Vec<QueryTest>,
}

#[derive(Serialize)]
struct InputSeries {
    series: String,
    values: String,
}

#[derive(Serialize)]
struct AlertTest {
    eval_time: String,
    alertname: String,
    exp_alerts: Vec<ExpectedAlert>,
}

#[derive(Serialize)]
struct ExpectedAlert {
    exp_labels: BTreeMap<String, String>,
    exp_annotations: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct QueryTest {
    expr: &'static str,
    eval_time: String,
    exp_samples: Vec<ExpectedSample>,
}

#[derive(Serialize)]
struct ExpectedSample {
    labels: String,
    value: f64,
}

/// Returns a file of unit tests that expect the alerts of a rehearsal. `rules_path` is the path
/// of the rules relative to the file.
///
/// # Errors
///
/// The rules use the date or have several intervals, or a rule cannot be evaluated.
pub fn unit_tests(
    rules: &RuleFile,
    rules_path: &str,
    name: &str,
    source: &impl Queryable,
    span: EvaluationRange,
) -> Result<String, UnitTestError> {
    let interval_ms = only_interval(rules, span)?;
    if let Some(rule) = rules.rule_with_calendar() {
        return Err(UnitTestError::Date(rule.to_owned()));
    }
    let matchers = rules.matchers();
    let tracks = source.select(&SelectHints {
        any_of: matchers.iter().map(Vec::as_slice).collect(),
        from_ms: i64::MIN,
        until_ms: i64::MAX,
    })?;
    let grid = SampleGrid::of(&tracks, span.start_ms);
    let series = shifted(&tracks, |at_ms| grid.place(at_ms));
    let from_zero = EvaluationRange {
        start_ms: 0,
        end_ms: span.end_ms - span.start_ms,
        ..span
    };
    let timeline = evaluate(rules, &series, from_zero)?;
    let unshifted = shifted(&tracks, |at_ms| span.start_ms + grid.place(at_ms));
    let unshifted = evaluate(rules, &unshifted, span)?;
    if let Some(rule) = differing_rule(&timeline, &unshifted, span.start_ms) {
        return Err(UnitTestError::Date(rule));
    }
    let groups = rules.groups.iter();
    let file = UnitTestFile {
        rule_files: [rules_path],
        evaluation_interval: duration(interval_ms),
        group_eval_order: groups.map(|group| group.name.as_str()).collect(),
        tests: [UnitTest {
            name: name.to_owned(),
            interval: duration(grid.step_ms),
            input_series: input_series(&series, grid.step_ms),
            alert_rule_test: alert_tests(rules, &timeline, interval_ms),
            promql_expr_test: query_tests(&timeline, interval_ms),
        }],
    };
    serde_saphyr::to_string(&file).map_err(|error| UnitTestError::Yaml(error.to_string()))
}

fn only_interval(rules: &RuleFile, span: EvaluationRange) -> Result<i64, UnitTestError> {
    let intervals = rules.groups.iter();
    let intervals = intervals.map(|group| group.interval_ms.unwrap_or(span.interval_ms));
    let intervals: BTreeSet<i64> = intervals.collect();
    match intervals.len() {
        0 => Ok(span.interval_ms),
        1 => Ok(intervals.into_iter().next().unwrap_or(span.interval_ms)),
        _ => Err(UnitTestError::Intervals),
    }
}

/// Grid of sample times: multiples of a step after the start.
struct SampleGrid {
    start_ms: i64,
    step_ms: i64,
    is_exact: bool,
}

impl SampleGrid {
    /// Returns the coarsest grid that contains all samples or, if that is too fine, a coarse one.
    fn of(tracks: &[SeriesData<'_>], start_ms: i64) -> Self {
        let times = tracks.iter().flat_map(|track| track.times_ms);
        let offsets = times.map(|at_ms| (at_ms - start_ms).unsigned_abs());
        let exact = offsets.fold(0, greatest_common_divisor);
        let exact = i64::try_from(exact).unwrap_or(i64::MAX);
        let is_exact = exact >= GRID_MS_MIN;
        Self {
            start_ms,
            step_ms: if is_exact { exact } else { COARSE_GRID_MS },
            is_exact,
        }
    }

    /// Returns the time of a sample on the grid, relative to the start.
    fn place(&self, at_ms: i64) -> i64 {
        let offset_ms = at_ms - self.start_ms;
        match self.is_exact {
            true => offset_ms,
            false => offset_ms.div_euclid(self.step_ms) * self.step_ms,
        }
    }
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

/// Returns the series with every sample moved by `time`.
fn shifted(tracks: &[SeriesData<'_>], time: impl Fn(i64) -> i64) -> RecordedRules {
    let mut recorded = RecordedRules::default();
    let mut clocks = BTreeMap::new();
    for track in tracks {
        let clock = *clocks.entry(track.times_ms.as_ptr()).or_insert_with(|| {
            let clock = recorded.add_clock();
            recorded.tick(clock, track.times_ms.iter().map(|at_ms| time(*at_ms)));
            clock
        });
        let id = recorded.find_or_add(clock, track.labels.clone());
        for (at_ms, bits) in track.change_times_ms.iter().zip(track.change_bits) {
            recorded.set_bits(id, time(*at_ms), *bits);
        }
    }
    recorded
}

/// Returns a rule whose alerts differ after the shift.
fn differing_rule(shifted: &AlertTimeline, plain: &AlertTimeline, start_ms: i64) -> Option<String> {
    let transitions = |timeline: &AlertTimeline, start_ms: i64| {
        let mut found = BTreeSet::new();
        for alert in &timeline.alerts {
            for change in &alert.transitions {
                let at_ms = change.at_ms - start_ms;
                let labels = alert.labels.to_string();
                found.insert((alert.name.clone(), labels, at_ms, change.state.as_str()));
            }
        }
        found
    };
    let (shifted, plain) = (transitions(shifted, 0), transitions(plain, start_ms));
    let differing = shifted.symmetric_difference(&plain).next();
    differing.map(|(name, ..)| name.clone())
}

fn input_series(series: &RecordedRules, step_ms: i64) -> Vec<InputSeries> {
    let written = series.series().enumerate().map(|(id, labels)| InputSeries {
        series: selector(labels),
        values: values(series.samples(id), step_ms),
    });
    written.filter(|series| !series.values.is_empty()).collect()
}

/// Formats values in the notation of `promtool`: `5`, `_` for none, `_x3` for three times none,
/// `stale` for an end.
fn values(samples: impl Iterator<Item = (i64, Option<f64>)>, step_ms: i64) -> String {
    let mut words: Vec<String> = Vec::new();
    let (mut written, mut is_live) = (0, false);
    for (at_ms, value) in samples {
        if value.is_none() && !is_live {
            continue;
        }
        let place = at_ms / step_ms;
        match place - written {
            0 => {}
            1 => words.push("_".into()),
            gap => words.push(format!("_x{gap}")),
        }
        words.push(match value {
            Some(value) if value.is_infinite() => if value > 0.0 { "Inf" } else { "-Inf" }.into(),
            Some(value) => value.to_string(),
            None => "stale".into(),
        });
        (written, is_live) = (place + 1, value.is_some());
    }
    words.join(" ")
}

/// Returns the instants that distinguish states: every transition, and the evaluation before it.
fn instants<'t>(alerts: impl Iterator<Item = &'t Alert>, interval_ms: i64) -> BTreeSet<i64> {
    let transitions = alerts.flat_map(|alert| &alert.transitions);
    let around = transitions.flat_map(|change| [change.at_ms - interval_ms, change.at_ms]);
    around.filter(|at_ms| *at_ms >= 0).collect()
}

fn alert_tests(rules: &RuleFile, timeline: &AlertTimeline, interval_ms: i64) -> Vec<AlertTest> {
    let mut tests = Vec::new();
    for rule in rules.alerts() {
        let alerts = || {
            timeline
                .alerts
                .iter()
                .filter(|alert| alert.name == rule.name)
        };
        let mut times = instants(alerts(), interval_ms);
        if times.is_empty() {
            times.insert(timeline.span.end_ms / interval_ms * interval_ms);
        }
        for at_ms in times {
            let firing = alerts().filter(|alert| alert.state_at(at_ms) == AlertState::Firing);
            let expected = firing.map(|alert| ExpectedAlert {
                exp_labels: owned(alert.labels.iter().filter(|(name, _)| *name != "alertname")),
                exp_annotations: alert.annotations_at(rule, at_ms).into_iter().collect(),
            });
            tests.push(AlertTest {
                eval_time: duration(at_ms),
                alertname: rule.name.clone(),
                exp_alerts: expected.collect(),
            });
        }
    }
    tests
}

fn query_tests(timeline: &AlertTimeline, interval_ms: i64) -> Vec<QueryTest> {
    let times = instants(timeline.alerts.iter(), interval_ms).into_iter();
    let test = |at_ms: i64| {
        let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for alert in &timeline.alerts {
            let state = alert.state_at(at_ms);
            if state != AlertState::Inactive {
                *counts.entry((&alert.name, state.as_str())).or_default() += 1;
            }
        }
        let sample = |((name, state), count): ((&str, &str), u64)| ExpectedSample {
            labels: format!("{{alertname={name:?}, alertstate={state:?}}}"),
            value: count.nearest_f64(),
        };
        QueryTest {
            expr: "count by (alertname, alertstate) (ALERTS)",
            eval_time: duration(at_ms),
            exp_samples: counts.into_iter().map(sample).collect(),
        }
    };
    times.map(test).collect()
}

fn owned<'l>(labels: impl Iterator<Item = (&'l str, &'l str)>) -> BTreeMap<String, String> {
    labels
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Returns a selector that matches one series.
fn selector(labels: &Labels) -> String {
    let name = labels.get("__name__").unwrap_or_default();
    let others = labels.iter().filter(|(label, _)| *label != "__name__");
    let others: Vec<String> = others
        .map(|(label, value)| format!("{label}={value:?}"))
        .collect();
    format!("{name}{{{}}}", others.join(","))
}

/// Formats a duration in Prometheus notation.
fn duration(ms: i64) -> String {
    match (ms / 1_000, ms % 1_000) {
        (seconds, 0) => format!("{seconds}s"),
        (0, ms) => format!("{ms}ms"),
        (seconds, ms) => format!("{seconds}s{ms}ms"),
    }
}
