//! Linter for the bundled dashboard, and its check against Grafana's own types.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use rehearsal::metrics::catalog;
use rehearsal::promql::{Engine, Query, SelectorInfo, Semantics};
use rehearsal::rehearsal::{FinishedRun, RunOptions, run};
use rehearsal::scenario::Loader;
use serde_json::Value as Json;

/// Path of the bundled dashboard.
pub const DASHBOARD: &str = "docs/ops/scheduler-worker-grafana-dashboard.json";

/// Label matcher of the variable `mode`.
const MODE: (&str, &str, bool) = ("mode", "$mode", true);

fn dashboard() -> Json {
    serde_json::from_str(&fs::read_to_string(DASHBOARD).unwrap()).unwrap()
}

/// Panels with queries.
fn panels(dashboard: &Json) -> Vec<&Json> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    panels.filter(|panel| panel["type"] != "row").collect()
}

fn title(panel: &Json) -> &str {
    panel["title"].as_str().unwrap()
}

fn targets(panel: &Json) -> &[Json] {
    panel["targets"].as_array().unwrap()
}

/// Queries of all panels as Grafana sends them for all modes, with this rate interval.
pub fn queries(rate_interval: &str) -> Vec<String> {
    let dashboard = dashboard();
    let targets = panels(&dashboard).into_iter().flat_map(targets);
    let asked = targets.map(|target| {
        let text = target["expr"].as_str().unwrap();
        text.replace("$__rate_interval", rate_interval)
            .replace("$mode", ".*")
    });
    asked.collect()
}

/// Name of a metric without the suffixes of histogram series.
fn instrument(name: &str) -> &str {
    let mut parts = ["_bucket", "_sum", "_count"].iter();
    let without = parts.find_map(|part| name.strip_suffix(part));
    without.unwrap_or(name)
}

#[test]
fn dashboard_identity_matches_contract() {
    let dashboard = dashboard();
    assert_eq!(dashboard["uid"], "scheduler-worker-observability");
    let variables = dashboard["templating"]["list"].as_array().unwrap().iter();
    let names: Vec<&str> = variables.filter_map(|v| v["name"].as_str()).collect();
    assert_eq!(names, ["datasource", "mode"]);
}

#[test]
fn panels_have_description_unit_and_data_source() {
    let dashboard = dashboard();
    for panel in panels(&dashboard) {
        let title = title(panel);
        assert!(
            panel["description"]
                .as_str()
                .is_some_and(|text| text.len() > 20),
            "{title}"
        );
        let unit = panel["fieldConfig"]["defaults"]["unit"].as_str();
        assert!(
            unit.is_some_and(|unit| !unit.is_empty()),
            "{title} has no unit"
        );
        assert!(!targets(panel).is_empty(), "{title} asks nothing");
        for asker in std::iter::once(panel).chain(targets(panel)) {
            assert_eq!(asker["datasource"]["uid"], "${datasource}", "{title}");
            assert_eq!(asker["datasource"]["type"], "prometheus", "{title}");
        }
        for target in targets(panel) {
            let legend = target["legendFormat"].as_str();
            assert!(
                legend.is_some_and(|text| !text.is_empty()),
                "{title} has no legend"
            );
        }
    }
}

#[test]
fn panels_with_mode_are_filtered_by_it() {
    let all: Vec<_> = catalog::GIVEN.iter().chain(&catalog::EXTENSIONS).collect();
    let dashboard = dashboard();
    for panel in panels(&dashboard) {
        for target in targets(panel) {
            let text = target["expr"]
                .as_str()
                .unwrap()
                .replace("$__rate_interval", "2m");
            let query = Query::parse(&text, Semantics::V3).unwrap();
            for SelectorInfo { name, labels, .. } in query.selectors() {
                let name = instrument(name.unwrap());
                let by_mode = labels
                    .iter()
                    .any(|label| (label.name, label.value, label.is_pattern) == MODE);
                let found = all.iter().find(|definition| definition.name == name);
                let definition = found.unwrap_or_else(|| panic!("{name} is no instrument"));
                let has_mode = definition.labels.iter().any(|label| label.name == "mode");
                assert_eq!(by_mode, has_mode, "{}: {text}", title(panel));
            }
        }
    }
}

#[test]
fn panels_cover_every_instrument() {
    let texts = queries("2m");
    let queries = texts
        .iter()
        .map(|text| Query::parse(text, Semantics::V3).unwrap());
    let queries: Vec<Query> = queries.collect();
    let names = queries.iter().flat_map(Query::metric_names);
    let shown: BTreeSet<&str> = names.map(instrument).collect();
    let instruments = catalog::GIVEN.iter().chain(&catalog::EXTENSIONS);
    // The meter's name is no quantity to draw.
    for definition in instruments.filter(|one| one.name != "otel_scope_info") {
        assert!(
            shown.contains(definition.name),
            "{} is not shown",
            definition.name
        );
    }
}

#[test]
fn panels_have_unique_ids_and_do_not_overlap() {
    let dashboard = dashboard();
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(
            ids.insert(panel["id"].as_u64().unwrap()),
            "{}",
            title(panel)
        );
        let side = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(side("x") + side("w") <= 24, "{}", title(panel));
        for x in side("x")..side("x") + side("w") {
            for y in side("y")..side("y") + side("h") {
                assert!(
                    taken.insert((x, y)),
                    "{} overlaps another panel",
                    title(panel)
                );
            }
        }
    }
}

fn rehearse(name: &str) -> FinishedRun {
    let path = Path::new("scenarios").join(format!("{name}.toml"));
    let scenario = Loader::default().load(&path).unwrap();
    run(&scenario, &RunOptions::default(), |_| {}).unwrap()
}

#[test]
fn panel_queries_are_valid_and_return_data() {
    let mut dataless = queries("2m");
    for scenario in ["quickstart", "planner-gives-up"] {
        let finished = rehearse(scenario);
        let engine = Engine::new(&finished.recording);
        let (from, until) = (finished.scenario.start.millis(), finished.ended_at.millis());
        dataless.retain(|text| {
            Query::parse(text, Semantics::V2_42).unwrap();
            let query = Query::parse(text, Semantics::V3).unwrap();
            let found = engine.range(&query, from, until, 300_000).unwrap();
            found.series.is_empty()
        });
    }
    assert!(
        dataless.is_empty(),
        "no scenario has data for {dataless:#?}"
    );
}

#[test]
fn dashboard_satisfies_grafana_types() {
    let script = "tests/dashboard/check.mjs";
    if !Path::new("tests/dashboard/node_modules").exists() {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI needs what .ci/install installs"
        );
        eprintln!("skipped: Grafana's schema package is not installed; .ci/install installs it");
        return;
    }
    let check = |path: &str| {
        let output = Command::new("node").args([script, path]).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    };
    let (passes, said) = check(DASHBOARD);
    assert!(passes, "{said}");
    let broken = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken-dashboard.json");
    let text = fs::read_to_string(DASHBOARD).unwrap();
    fs::write(
        &broken,
        text.replace("\"drawStyle\": \"line\"", "\"drawStyle\": \"lines\""),
    )
    .unwrap();
    let (passes, said) = check(broken.to_str().unwrap());
    assert!(!passes && said.contains("lines"), "{said}");
}
