//! `rehearsal alerts` on the command line.

use std::fs;

use rehearsal::alerts::Scorecard;

use crate::program::{run, scratch, text};
use crate::promtool;

/// Scenarios that breach SLOs, and the alert that must detect each.
const SHOWN: [(&str, &[&str]); 4] = [
    ("planner-gives-up", &["SchedulerPlannerFailing"]),
    (
        "planner-away",
        &["SchedulerPlannerSlow", "SchedulerPlannerStalled"],
    ),
    (
        "runners-away",
        &["SchedulerBacklogStuck", "SchedulerRunStuck"],
    ),
    (
        "throttled-schedule",
        &["SchedulerBacklogStuck", "SchedulerRunStuck"],
    ),
];

fn score(arguments: &[&str]) -> Scorecard {
    let all = [&["alerts", "--format", "json"], arguments].concat();
    let output = run(&all);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn alerts_in_their_scenarios_fire_exclusively() {
    for (scenario, shown) in SHOWN {
        let card = score(&[&format!("scenarios/{scenario}.toml")]);
        assert_eq!(card.schema, "rehearsal.alerts@2");
        for rule in &card.rules {
            let is_shown = shown.contains(&rule.rule.as_str());
            assert_eq!(!rule.never_fired, is_shown, "{scenario}: {}", rule.rule);
            assert_eq!(rule.false_alarms, 0, "{scenario}: {}", rule.rule);
            if is_shown {
                assert_eq!(rule.recall, Some(1.0), "{scenario}: {}", rule.rule);
            }
        }
        assert!(!card.incidents.is_empty(), "{scenario}");
        assert!(card.is_good(), "{scenario}");
    }
}

#[test]
fn alerts_with_misses_or_false_alarms_fail() {
    let directory = scratch("alerts-bad-rules");
    let rules = directory.join("rules.yaml");
    let content = "
groups:
- name: bad
  rules:
  - alert: Deaf
    expr: scheduler_runs_active > 1e9
    labels: { slo: planning-succeeds }
  - alert: Nervous
    expr: up == 1
    labels: { slo: planned-in-time }
";
    fs::write(&rules, content).unwrap();
    let rules = rules.to_str().unwrap();
    let arguments = ["alerts", "--rules", rules];
    let output = run(&[&arguments[..], &["scenarios/planner-gives-up.toml"]].concat());
    assert_eq!(output.status.code(), Some(10));
    let said = text(&output.stdout);
    assert!(
        said.contains("missed planning-succeeds of acme-ten-minutely"),
        "{said}"
    );
    let output = run(&[&arguments[..], &["scenarios/tenant-burst.toml"]].concat());
    assert_eq!(output.status.code(), Some(10));
    let said = text(&output.stdout);
    assert!(
        said.contains("noisy Nervous fires while all is well"),
        "{said}"
    );
    let output = run(&[
        &arguments[..],
        &["scenarios/tenant-burst.toml", "--format", "junit"],
    ]
    .concat());
    let said = text(&output.stdout);
    assert!(
        said.contains("<failure message=") && said.contains("Nervous"),
        "{said}"
    );
}

#[test]
fn rules_file_with_error_is_refused_with_line() {
    let directory = scratch("alerts-broken-rules");
    for (name, content, expected) in [
        ("yaml", "groups: [", "rules.yaml"),
        (
            "key",
            "groups:\n- name: a\n  colour: red\n",
            "rules.yaml:3: unknown field `colour`",
        ),
        (
            "function",
            "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: rat(up[5m])\n",
            "rules.yaml:5: ",
        ),
        (
            "template",
            "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: up\n    \
             annotations:\n      summary: '{{ query \"up\" }}'\n",
            "rules.yaml:7: in `summary`: `query` is not supported in templates",
        ),
        (
            "slo",
            "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: up\n    \
             labels: { slo: peace }\n",
            "rule `A`: `peace` is no SLO; known are",
        ),
    ] {
        let path = directory.join("rules.yaml");
        fs::write(&path, content).unwrap();
        let path = path.to_str().unwrap();
        let output = run(&["alerts", "scenarios/tenant-burst.toml", "--rules", path]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        assert!(said.contains(expected), "{name}: {said}");
    }
}

#[test]
fn unit_tests_from_rehearsals_pass_promtool() {
    let directory = scratch("alerts-unit-tests");
    let path = directory.to_str().unwrap();
    let scenarios = SHOWN.map(|(name, _)| format!("scenarios/{name}.toml"));
    let mut arguments = vec!["--semantics", "v2.42", "--unit-tests", path];
    arguments.extend(scenarios.iter().map(String::as_str));
    score(&arguments);
    let mut files: Vec<String> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .filter(|path| path.ends_with(".test.yaml"))
        .collect();
    files.sort();
    assert_eq!(files.len(), SHOWN.len());
    for file in &files {
        let Some(said) = promtool::run(&["test", "rules", file], b"") else {
            return;
        };
        assert!(
            said.contains("SUCCESS") && !said.contains("FAILED"),
            "{file}:\n{said}"
        );
    }
    // A changed transition must fail the unit test.
    let content = fs::read_to_string(&files[0]).unwrap();
    fs::write(
        &files[0],
        content.replace("alertstate=\\\"firing\\\"", "alertstate=\\\"pending\\\""),
    )
    .unwrap();
    let said = promtool::run(&["test", "rules", &files[0]], b"").unwrap();
    assert!(said.contains("FAILED"), "{said}");
}

#[test]
fn unit_tests_for_date_rules_are_refused() {
    let directory = scratch("alerts-date");
    let rules = directory.join("rules.yaml");
    for expression in [
        "hour() >= 0 and on () up",
        "up and on () vector(time()) > 1e9",
    ] {
        let content =
            format!("groups:\n- name: a\n  rules:\n  - alert: A\n    expr: {expression}\n");
        fs::write(&rules, content).unwrap();
        let tests = scratch("alerts-date-tests");
        let (rules, path) = (rules.to_str().unwrap(), tests.to_str().unwrap());
        let scenario = "scenarios/tenant-burst.toml";
        let output = run(&["alerts", scenario, "--rules", rules, "--unit-tests", path]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{expression}: {said}");
        assert!(
            said.contains("rule `A` uses the date"),
            "{expression}: {said}"
        );
    }
}

#[test]
fn tuning_of_threshold_plots_delay_and_false_alarms() {
    let directory = scratch("alerts-tune");
    let picture = directory.join("tune.svg");
    let output = run(&[
        "alerts",
        "scenarios/throttled-schedule.toml",
        "--tune",
        "SchedulerRunStuck",
        "threshold=300..3000",
        "--picture",
        picture.to_str().unwrap(),
        "--format",
        "json",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let trade_off: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let points = trade_off["points"].as_array().unwrap();
    let number = |point: usize, key: &str| points[point][key].as_f64();
    assert_eq!(
        (number(0, "value"), number(11, "value")),
        (Some(300.0), Some(3000.0))
    );
    // A lower threshold gives more alarms, a higher one later alarms, up to the end of the
    // incidents.
    assert!(number(0, "alarms") >= number(8, "alarms"));
    assert!(number(0, "medianSecondsToDetect") < number(9, "medianSecondsToDetect"));
    let svg = fs::read_to_string(&picture).unwrap();
    assert!(
        svg.starts_with("<svg") && svg.contains("SchedulerRunStuck"),
        "{svg}"
    );
}
