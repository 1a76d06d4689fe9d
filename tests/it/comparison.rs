//! `compare`: two sides, paired by seed.

use std::fs;
use std::path::{Path, PathBuf};

use rehearsal::comparison::{Comparison, EffectFinding};

use super::program::{run, scratch, text};

/// Scenario with enough work that two processes are faster than one.
const BUSY: &str = r#"
name = "busy"
duration = "5m"
drain = "2h"

[fleet]
images = 60
components = 30

[[schedule]]
id = "often"
whenCron = "*/4 * * * *"

[scanner]
latency = { kind = "constant", value = "2s" }

[workers]
processes = 1
options = { segmentSize = 4, segmentsAtOnce = 1 }
"#;

fn file(name: &str) -> PathBuf {
    let path = scratch(name).join("busy.toml");
    fs::write(&path, BUSY).unwrap();
    path
}

fn compare(words: &[&str]) -> Comparison {
    let output = run(&[&["compare"], words, &["--format", "json"]].concat());
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{message}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(words: &[&str]) -> String {
    let output = run(&[&["compare"], words].concat());
    assert_eq!(output.status.code(), Some(2), "{words:?}");
    text(&output.stderr).to_owned()
}

fn finding(comparison: &Comparison, name: &str) -> EffectFinding {
    let mut effects = comparison.effects.iter();
    let effect = effects.find(|effect| effect.name == name);
    effect.unwrap_or_else(|| panic!("no {name}")).finding
}

#[test]
fn compare_of_option_sets_runs_both_sides() {
    let scenario = file("compare-options");
    let words = [
        scenario.to_str().unwrap(),
        "--set-a",
        "workers.processes=1",
        "--set-b",
        "workers.processes=3",
        "--set",
        "fleet.images=40",
        "--seeds",
        "0..6",
    ];
    let comparison = compare(&words);
    assert_eq!(comparison.schema, "rehearsal.compare@1");
    assert_eq!(comparison.pairs, 6);
    assert_eq!(
        finding(&comparison, "runDurationP95Seconds"),
        EffectFinding::Less
    );
    assert_eq!(finding(&comparison, "images"), EffectFinding::Equal);
    let images = comparison
        .effects
        .iter()
        .find(|effect| effect.name == "images");
    assert_eq!(images.unwrap().mean_a, 40.0, "--set is for both sides");
    let durations = &comparison.histograms[1];
    assert_eq!(durations.name, "runDuration");
    assert!(durations.b.p95_seconds < durations.a.p95_seconds);

    let again = compare(&[&words[..], &["--jobs", "1"]].concat());
    assert_eq!(again, comparison, "however many jobs there are");

    let output = run(&[&["compare"], &words[..]].concat());
    let shown = text(&output.stdout);
    for expected in [
        "with fleet.images=40 workers.processes=3   6 seeds   0 failed",
        "95 % interval",
        "less in B, in 6 of 6",
        "equal in every seed",
        "run duration\n  A               p50 ",
        "█",
    ] {
        assert!(shown.contains(expected), "`{expected}` is not in:\n{shown}");
    }
    let last = shown.lines().last().unwrap();
    assert!(
        last.starts_with("B has ") && last.contains("less run duration p95"),
        "{last}"
    );
}

#[test]
fn compare_of_equal_sweeps_finds_no_difference() {
    let scenario = file("compare-sweeps");
    let base = scenario.parent().unwrap();
    let [a, b] = ["a", "b"].map(|name| base.join(name));
    for (out, seeds) in [(&a, "0..4"), (&b, "1..6")] {
        let words = [
            "sweep",
            scenario.to_str().unwrap(),
            "--seeds",
            seeds,
            "--out",
        ];
        run(&[&words[..], &[out.to_str().unwrap()]].concat());
    }
    let output = run(&["compare", a.to_str().unwrap(), b.to_str().unwrap()]);
    let shown = text(&output.stdout);
    assert_eq!(shown.lines().last(), Some("no difference"), "{shown}");
    assert!(shown.contains("common seeds      3\n"), "{shown}");
    assert!(
        shown.contains("same traces       in 3 of them\n"),
        "{shown}"
    );
}

#[test]
fn compare_of_reports_pairs_by_seed() {
    let scenario = file("compare-runs");
    let base = scenario.parent().unwrap();
    let [a, b] = ["a", "b"].map(|name| base.join(name));
    for (out, scan) in [(&a, "2s"), (&b, "4s")] {
        let latency = format!("scanner.latency.value={scan}");
        for seed in ["1", "2", "3"] {
            let words = [
                "run",
                scenario.to_str().unwrap(),
                "--seed",
                seed,
                "--set",
                &latency,
            ];
            run(&[&words[..], &["--out", out.to_str().unwrap()]].concat());
        }
    }
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let comparison = compare(&[&path(&a), &path(&b)]);
    assert_eq!(comparison.pairs, 3);
    assert_eq!(
        finding(&comparison, "runDurationP50Seconds"),
        EffectFinding::More
    );
    let has_time = comparison
        .effects
        .iter()
        .any(|effect| effect.name == "wallSeconds");
    assert!(has_time, "of runs, real time is known too");

    let one = |side: &Path| path(&side.join("busy-1.json"));
    let comparison = compare(&[&one(&a), &one(&b)]);
    assert_eq!(comparison.pairs, 1);
    assert_eq!(
        finding(&comparison, "runDurationP50Seconds"),
        EffectFinding::TooFew
    );

    let other = base.join("other");
    let words = ["run", scenario.to_str().unwrap(), "--seed", "9", "--out"];
    run(&[&words[..], &[other.to_str().unwrap()]].concat());
    let message = refused(&[&path(&a), &path(&other)]);
    assert!(message.contains("have no seed in common"), "{message}");
    let message = refused(&[&path(&a), &path(&b), "--set", "fleet.images=3"]);
    assert!(
        message.contains("--set applies to scenario files only"),
        "{message}"
    );
}

#[test]
fn compare_of_incomparable_inputs_is_refused() {
    let scenario = file("compare-refused");
    let path = scenario.to_str().unwrap();
    let message = refused(&[path]);
    assert!(message.contains("both sides are the same"), "{message}");
    let foreign = scenario.with_file_name("foreign.json");
    fs::write(&foreign, "{\"schema\": \"rehearsal.run@8\"}").unwrap();
    let foreign = foreign.to_str().unwrap();
    let message = refused(&[foreign, path]);
    assert!(
        message.contains("its schema is `rehearsal.run@8`"),
        "{message}"
    );
    let empty = scratch("compare-empty");
    let message = refused(&[empty.to_str().unwrap(), path]);
    assert!(
        message.contains("is neither a sweep nor the report of a run"),
        "{message}"
    );
}
