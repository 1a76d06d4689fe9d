//! `replay`: repeats a saved failure and prints the events around it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::LazyLock;

use rehearsal::sweep::Bug;
use serde_json::Value;

use super::program::{NO_CRASH, run, scratch, text};

/// Scenario with a crash, and the expectation that fails on crashes.
static CRASH: LazyLock<String> = LazyLock::new(|| format!("{CRASHING}{NO_CRASH}"));

const CRASHING: &str = r#"
name = "crash"
start = 2024-05-06T00:00:00Z
duration = "10m"
drain = "1h"
seed = 4

[fleet]
images = 40
components = 30

[[schedule]]
id = "often"
whenCron = "*/4 * * * *"

[scanner]
latency = { kind = "constant", value = "2s" }

[workers]
processes = 2
options = { segmentSize = 4 }

[[fault]]
kind = "process-crash"
process = "any"
at = "4m6s"
downtime = "40s"
"#;

/// Bug file of a sweep for seed 4 of a scenario.
fn bug(name: &str, scenario: &str) -> PathBuf {
    bug_under("none", name, scenario)
}

fn bug_under(profile: &str, name: &str, scenario: &str) -> PathBuf {
    let directory = scratch(name);
    let path = directory.join("crash.toml");
    fs::write(&path, scenario).unwrap();
    let out = directory.join("out");
    let words = ["--seeds", "4..5", "--profile", profile, "--out"];
    let sweep = ["sweep", path.to_str().unwrap()];
    run(&[&sweep[..], &words, &[out.to_str().unwrap()]].concat());
    let bug = fs::read_dir(out.join("bugs")).unwrap().next();
    bug.expect("it fails").unwrap().path()
}

fn replay(bug: &Path, more: &[&str]) -> Output {
    run(&[&["replay", bug.to_str().unwrap()], more].concat())
}

/// Edits a bug file.
fn change(path: &Path, change: impl FnOnce(&mut Bug)) {
    let mut bug = Bug::read(path).unwrap();
    change(&mut bug);
    fs::write(path, bug.to_toml()).unwrap();
}

#[test]
fn replay_of_bug_prints_events_around_violation() {
    let bug = bug("replay-again", &CRASH);
    let output = replay(&bug, &[]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(10), "{shown}");
    for expected in [
        "now               fails with the same cause\n",
        "as recorded: the same events\n",
        "2024-05-06, 30.00s around 00:04:",
        "is killed\n",
        "process-crash",
        "metrics",
        "scrape fails: up is 0\n",
        "sends a scan request for delivery",
        "runner message",
        "is leased until 00:0",
        "receives the answer to commit",
    ] {
        assert!(shown.contains(expected), "`{expected}` is not in:\n{shown}");
    }
    let violation = shown
        .lines()
        .filter(|line| line.contains("▶ every process"));
    assert_eq!(violation.count(), 1);
    assert!(shown.ends_with(&format!("trace={}\n", Bug::read(&bug).unwrap().trace)));
}

#[test]
fn replay_output_is_ordered_aligned_and_within_window() {
    let bug = bug("replay-columns", &CRASH);
    let output = replay(&bug, &["--around", "28s"]);
    let shown = text(&output.stdout);
    let entries: Vec<&str> = shown
        .lines()
        .filter(|line| line.get(2..3) == Some(":") && line.contains("00:04:"))
        .collect();
    assert!(entries.len() > 20, "{shown}");
    let times: Vec<&str> = entries.iter().map(|line| &line[..12]).collect();
    assert!(times.is_sorted(), "{shown}");
    let marker = entries.iter().position(|line| line.contains('▶')).unwrap();
    let seconds = |time: &str| time[6..].parse::<f64>().unwrap();
    for time in &times {
        assert!(
            (seconds(time) - seconds(times[marker])).abs() <= 28.0,
            "{time}"
        );
    }
    let subjects = |line: &&&str| !line.contains('▶');
    let columns: Vec<usize> = entries
        .iter()
        .filter(subjects)
        .filter_map(|line| line.find("run:").filter(|at| *at < 40))
        .collect();
    assert!(columns.len() > 10, "{shown}");
    assert!(columns.windows(2).all(|pair| pair[0] == pair[1]), "{shown}");
}

#[test]
fn replay_of_swarm_part_reaches_failure() {
    let day = CRASH
        .replace("\"10m\"", "\"1d\"")
        .replace("min(up) == 1", "sum(scheduler_runner_segments_total) == 0");
    let bug = bug_under("swarm", "replay-part", &day);
    let told = Bug::read(&bug).unwrap().message;
    let at = told
        .split("at 2024-05-06T")
        .nth(1)
        .unwrap()
        .get(..8)
        .unwrap();
    let shown = replay(&bug, &[]).stdout;
    let shown = text(&shown);
    let marker = shown.lines().find(|line| line.contains('▶')).unwrap();
    assert!(marker.starts_with(at), "{marker}");
    assert!(shown.contains("receives the answer to commit"), "{shown}");
}

#[test]
fn replay_of_fixed_bug_passes() {
    let bug = bug("replay-mended", &CRASH);
    change(&bug, |bug| {
        bug.scenario = bug.scenario.replace("== 1", ">= 0");
    });
    let output = replay(&bug, &[]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(shown.contains("no longer fails"), "{shown}");
    assert!(shown.contains("PASS scenario=crash seed=4"), "{shown}");
}

#[test]
fn replay_with_other_cause_trace_or_version_reports_it() {
    let bug = bug("replay-other", &CRASH);
    change(&bug, |bug| {
        "0.0.1".clone_into(&mut bug.version);
        "00ff".clone_into(&mut bug.trace);
        "segment-once".clone_into(&mut bug.cause.name);
    });
    let output = replay(&bug, &[]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(10), "{shown}");
    assert!(
        shown.contains("fails with another cause: every process"),
        "{shown}"
    );
    let expected = "expected 00ff: recorded by version 0.0.1, this is ";
    assert!(shown.contains(expected), "{shown}");
}

#[test]
fn replay_applies_event_budget_of_bug() {
    let directory = scratch("replay-budget");
    let (path, out) = (directory.join("crash.toml"), directory.join("out"));
    fs::write(&path, CRASH.as_str()).unwrap();
    let words = ["--seeds", "1..2", "--event-budget", "500", "--out"];
    let sweep = ["sweep", path.to_str().unwrap()];
    run(&[&sweep[..], &words, &[out.to_str().unwrap()]].concat());
    let output = replay(&out.join("bugs/budget-1.toml"), &[]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(10), "{shown}");
    assert!(shown.contains("fails with the same cause"), "{shown}");
}

#[test]
fn replay_of_shrunk_scenario_fails_again() {
    let path = scratch("replay-scenario").join("small.toml");
    fs::write(&path, CRASH.as_str()).unwrap();
    let output = replay(&path, &[]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(10), "{shown}");
    assert!(
        shown.contains("message           every process can always"),
        "{shown}"
    );
    assert!(shown.contains("is killed"), "{shown}");
}

#[test]
fn replay_of_invalid_file_is_refused_and_worst_exit_code_wins() {
    let sound = bug("replay-refused", &CRASH);
    for (content, expected) in [
        (
            "schema = \"rehearsal.bug@7\"",
            "its schema is `rehearsal.bug@7`",
        ),
        (
            "schema = \"rehearsal.bug@2\"",
            "is not a bug file: TOML parse error",
        ),
        ("nonsense", "bad.toml"),
    ] {
        let bad = sound.with_file_name("bad.toml");
        fs::write(&bad, content).unwrap();
        let output = run(&["replay", sound.to_str().unwrap(), bad.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{content}");
        let message = text(&output.stderr);
        assert!(message.contains(expected), "{message}");
        assert!(text(&output.stdout).contains("fails with the same cause"));
    }
    assert_eq!(
        replay(Path::new("nowhere.toml"), &[]).status.code(),
        Some(1)
    );
}

/// Asserts the format of a Chrome trace: every event has a phase, a time and a named process; each
/// span begins once and ends once, in this order.
fn assert_chrome_trace(trace: &Value) -> Vec<&Value> {
    let events: Vec<&Value> = trace["traceEvents"].as_array().unwrap().iter().collect();
    let phase = |event: &Value| event["ph"].as_str().unwrap().to_owned();
    let named: Vec<&Value> = events
        .iter()
        .filter(|event| phase(event) == "M")
        .map(|event| &event["pid"])
        .collect();
    let mut spans: BTreeMap<String, (usize, f64, f64)> = BTreeMap::new();
    for event in &events {
        assert!(named.contains(&&event["pid"]), "{event}");
        assert!(
            event["name"].is_string() && event["cat"].is_string(),
            "{event}"
        );
        let ts = event["ts"].as_f64().unwrap();
        match phase(event).as_str() {
            "M" => assert_eq!(event["name"], "process_name"),
            "i" => assert!(
                ["g", "p"].contains(&event["s"].as_str().unwrap()),
                "{event}"
            ),
            "b" => {
                let begun = spans.insert(event["id"].to_string(), (1, ts, ts));
                assert_eq!(begun, None, "{event}");
            }
            "e" => {
                let span = spans.get_mut(&event["id"].to_string()).unwrap();
                (span.0, span.2) = (span.0 + 1, ts);
            }
            other => panic!("phase {other}"),
        }
    }
    for (id, (events, begin, end)) in spans {
        assert_eq!(events, 2, "span {id}");
        assert!(begin <= end, "span {id}");
    }
    events
}

/// Scenario whose drain is too short for the repair of a message that the queue loses.
const STUCK: &str = r#"
name = "stuck"
start = 2024-05-06T00:00:00Z
duration = "10m"
drain = "5s"
seed = 4

[fleet]
images = 40
components = 30

[[schedule]]
id = "often"
whenCron = "8 * * * *"

[scanner]
latency = { kind = "constant", value = "1s" }

[workers]
processes = 1
options = { segmentSize = 4, segmentsAtOnce = 1 }

[[fault]]
kind = "queue-failover"
at = "8m3s"
lag = "10s"
"#;

#[test]
fn replay_of_unfinished_work_shows_its_last_movement() {
    let output = replay(&bug("replay-stuck", STUCK), &["--around", "1s"]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(10), "{shown}");
    for part in [
        "when the work that is left last moved",
        "queue-failover",
        "at the end of the drain  ▶ liveness at 2024-05-06T00:1",
        "it was lost by the queue at 2024-05-06T00:08:03",
    ] {
        assert!(shown.contains(part), "no `{part}` in\n{shown}");
    }
}

#[test]
fn chrome_trace_has_process_tracks_and_work_spans() {
    let bug = bug("replay-chrome", &CRASH);
    let path = bug.with_extension("json");
    let output = replay(&bug, &["--chrome", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(10), "{}", text(&output.stderr));
    let trace: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let events = assert_chrome_trace(&trace);
    let has = |phase: &str, category: &str, name: &str| {
        events.iter().any(|event| {
            let name_is = event["name"].as_str().unwrap().contains(name);
            event["ph"] == phase && event["cat"] == category && name_is
        })
    };
    for (phase, category, name) in [
        ("i", "fault", "process-crash"),
        ("i", "violation", "expectation"),
        ("i", "incarnation", "killed"),
        ("b", "incarnation", "incarnation 1"),
        ("b", "segment", "segment run:"),
        ("b", "lease", "lease of run:"),
        ("b", "commit", "commit segment"),
        ("b", "scan", "scan image"),
        ("b", "run", " Running"),
    ] {
        assert!(has(phase, category, name), "no {phase} {category} {name}");
    }
    let tracks: Vec<&Value> = events
        .iter()
        .filter(|event| event["ph"] == "M")
        .map(|event| &event["args"]["name"])
        .collect();
    assert_eq!(tracks[..2], ["world", "runs"]);
    assert_eq!(tracks.len(), 4, "two processes besides: {tracks:?}");
}
