//! Time of the rules and the panel queries over a month, in this project and in a real server.
//!
//! A measurement without limits: no result fails it.

use rehearsal_convert::Index;
use std::path::Path;
use std::time::Instant;

use rehearsal::bundled;
use rehearsal::metrics::TimeSeriesStore;
use rehearsal::promql::rules::{
    EvaluationRange, MergedQueryable, RecordedRules, RuleFile, evaluate,
};
use rehearsal::promql::{Engine, Query, Semantics};
use rehearsal::rehearsal::{RunOptions, run};
use rehearsal::scenario::Loader;

use crate::backfill::Samples;
use crate::dashboard;
use crate::prometheus::Prometheus;

const RULE_STEP_MS: i64 = 30_000;
const PANEL_STEP_MS: i64 = 300_000;
/// `$__rate_interval` as Grafana computes it: a step and a scrape interval.
const RATE_INTERVAL: &str = "5m15s";
/// Maximum number of points per series in a server's answer.
const SERVER_POINTS_MAX: i64 = 11_000;

/// Range query over the whole month.
struct Asked {
    query: Query,
    from_ms: i64,
    until_ms: i64,
    step_ms: i64,
}

impl Asked {
    /// Runs the query twice and returns the second time.
    fn ours(&self, source: &MergedQueryable<'_, TimeSeriesStore, RecordedRules>) -> f64 {
        let ask = || {
            let found =
                Engine::new(source).range(&self.query, self.from_ms, self.until_ms, self.step_ms);
            found.unwrap()
        };
        ask();
        seconds(ask).0
    }

    /// Runs the query in parts that the server accepts.
    fn theirs(&self, prometheus: &Prometheus) -> f64 {
        let ask = || {
            let piece_ms = SERVER_POINTS_MAX * self.step_ms;
            let pieces = (self.from_ms..=self.until_ms).step_by(piece_ms.to_index());
            let piece = |from_ms: i64| {
                let until_ms = (from_ms + piece_ms - self.step_ms).min(self.until_ms);
                prometheus.range_seconds(self.query.text(), from_ms, until_ms, self.step_ms)
            };
            pieces.map(piece).sum()
        };
        let _cold: f64 = ask();
        ask()
    }
}

fn seconds<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let began = Instant::now();
    let made = work();
    (began.elapsed().as_secs_f64(), made)
}

/// Prints both times of each query and the totals.
fn compare(
    kind: &str,
    asked: &[Asked],
    source: &MergedQueryable<'_, TimeSeriesStore, RecordedRules>,
    server: &Prometheus,
) {
    let (mut ours, mut theirs) = (0.0, 0.0);
    for asked in asked {
        let times = (asked.ours(source), asked.theirs(server));
        let text: Vec<&str> = asked.query.text().split_whitespace().collect();
        tell(&text.join(" "), times);
        ours += times.0;
        theirs += times.1;
    }
    tell(
        &format!("ALL {kind}, {} queries", asked.len()),
        (ours, theirs),
    );
}

fn tell(what: &str, (ours, theirs): (f64, f64)) {
    let (ours_ms, theirs_ms) = (ours * 1_000.0, theirs * 1_000.0);
    let ratio = theirs / ours;
    println!("{ours_ms:9.1} ms, the server {theirs_ms:9.1} ms, ratio {ratio:6.1}: {what}");
}

#[test]
#[ignore = "a measurement: run with --release -- --ignored --nocapture"]
fn promql_over_month_is_faster_than_server() {
    let scenario = Loader::default().load(Path::new("scenarios/healthy-month.toml"));
    let finished = run(&scenario.unwrap(), &RunOptions::default(), |_| {}).unwrap();
    let (from_ms, until_ms) = (finished.scenario.start.millis(), finished.ended_at.millis());
    let rules = RuleFile::parse(bundled::RULES, bundled::RULES_PATH, Semantics::default()).unwrap();
    let span = EvaluationRange {
        start_ms: from_ms,
        end_ms: until_ms,
        interval_ms: RULE_STEP_MS,
    };
    let (evaluated, timeline) = seconds(|| evaluate(&rules, &finished.recording, span).unwrap());
    println!(
        "rules with their alerts' states: {:.1} ms",
        evaluated * 1_000.0
    );

    let asked = |query: Query, step_ms: i64| Asked {
        query,
        from_ms,
        until_ms,
        step_ms,
    };
    let of_rules = rules
        .rules()
        .map(|rule| asked(rule.query().clone(), RULE_STEP_MS));
    let of_rules: Vec<Asked> = of_rules.collect();
    let panel = |text: String| {
        let query = Query::parse(&text, Semantics::default()).unwrap();
        asked(query, PANEL_STEP_MS)
    };
    let of_panels = dashboard::queries(RATE_INTERVAL).into_iter().map(panel);
    let of_panels: Vec<Asked> = of_panels.collect();

    let both = of_rules.iter().chain(&of_panels);
    let names: Vec<&str> = both.flat_map(|asked| asked.query.metric_names()).collect();
    let mut samples = Samples::between(&finished.recording, from_ms, until_ms, &names);
    samples.add(&timeline.recorded);
    println!("{} samples", samples.count());
    let Some(server) = samples.serve("promql-speed") else {
        return;
    };
    let source = MergedQueryable(&finished.recording, &timeline.recorded);
    compare("rules", &of_rules, &source, &server);
    compare("panels", &of_panels, &source, &server);
}
