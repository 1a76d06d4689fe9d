//! Exit codes and messages of the program, also when writing fails.

use std::fs::{self, File};
use std::process::Stdio;

use super::program::{rehearsal, run, scratch, text};

#[test]
fn check_of_malformed_file_exits_2_with_golden_message() {
    for entry in fs::read_dir("tests/malformed").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        for command in [&["scenario", "check"][..], &["run"][..]] {
            let output = run(&[command, &[path.to_str().unwrap()]].concat());
            assert_eq!(
                output.status.code(),
                Some(2),
                "{command:?} {}",
                path.display()
            );
            let golden = fs::read_to_string(path.with_extension("txt")).unwrap();
            assert_eq!(
                text(&output.stderr),
                golden,
                "{command:?} {}",
                path.display()
            );
            assert!(output.stdout.is_empty());
        }
    }
}

#[test]
fn check_of_unreadable_file_exits_1() {
    for (path, reason) in [
        ("tests/no-such-file.toml", "No such file"),
        ("tests", "directory"),
        ("/dev/full/x.toml", "Not a directory"),
    ] {
        for command in [&["scenario", "check"][..], &["run"][..]] {
            let output = run(&[command, &[path]].concat());
            assert_eq!(output.status.code(), Some(1), "{path}");
            let message = text(&output.stderr);
            assert!(
                message.starts_with(&format!("error: can't read {path}: ")),
                "{message}"
            );
            assert!(message.contains(reason), "{message}");
        }
    }
}

#[test]
fn check_of_several_files_exits_with_worst_code() {
    let sound = "scenarios/quickstart.toml";
    let wrong = "tests/malformed/unknown-key-top.toml";
    let output = run(&["scenario", "check", sound, wrong, sound]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout).matches(": valid\n").count(), 2);
    let output = run(&["scenario", "check", sound, wrong, "tests/no-such-file.toml"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn cli_with_wrong_arguments_exits_2() {
    for arguments in [
        &["run"][..],
        &["walk"],
        &["run", "--format", "yaml", "scenarios/quickstart.toml"],
        &["run", "--seed", "-1", "scenarios/quickstart.toml"],
        &["scenario", "new", "My Night"],
        &[
            "scenario",
            "check",
            "scenarios/quickstart.toml",
            "--set",
            "fleet.images=none",
        ],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
    for arguments in [&["--help"][..], &["--version"], &["run", "--help"]] {
        assert_eq!(run(arguments).status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn output_to_closed_pipe_exits_0() {
    for arguments in [
        &["scenario", "schema"][..],
        &["scenario", "new", "x", "--out", "-"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = rehearsal(arguments)
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(text(&output.stderr), "", "{arguments:?}");
    }
}

#[test]
fn output_to_full_disk_exits_1() {
    for arguments in [
        &["scenario", "schema"][..],
        &["scenario", "check", "scenarios/quickstart.toml"],
        &["scenario", "new", "x", "--out", "-"],
        &["scenario", "new", "x", "--out", "/dev/full/x.toml"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = rehearsal(arguments)
            .stdout(full)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let message = text(&output.stderr);
        assert!(message.starts_with("error: can't write "), "{message}");
    }
}

#[test]
fn stderr_closed_keeps_exit_code() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut command = rehearsal(&["scenario", "check", "tests/malformed/unknown-key-top.toml"]);
    assert_eq!(
        command.stderr(full).output().unwrap().status.code(),
        Some(2)
    );
}

#[test]
fn new_scenario_is_valid_and_never_overwrites() {
    let directory = scratch("new");
    let path = directory.join("my-night.toml");
    let path = path.to_str().unwrap();
    let new = ["scenario", "new", "my-night", "--out", path];
    assert_eq!(run(&new).status.code(), Some(0));
    let output = run(&["scenario", "check", path]);
    assert!(
        text(&output.stdout).starts_with(&format!("{path}: valid\n")),
        "{}",
        text(&output.stderr)
    );
    let output = run(&new);
    assert_eq!(output.status.code(), Some(2));
    let refused = text(&output.stderr);
    let expected = "exists: choose another path, or replace it with --force";
    assert!(refused.contains(expected), "{refused}");
}

#[test]
fn schema_command_prints_checked_in_schema() {
    let output = run(&["scenario", "schema"]);
    let checked_in = fs::read_to_string("scenarios/scenario.schema.json").unwrap();
    assert!(text(&output.stdout) == checked_in);
}

const TINY: &str = "tests/scenarios/tiny.toml";

fn code_of(verdict: &str) -> i32 {
    match verdict {
        "PASS" => 0,
        "FAIL" => 10,
        "MISS" => 11,
        "VACUOUS" => 12,
        _ => panic!("{verdict} is no verdict"),
    }
}

#[test]
fn run_last_line_agrees_with_exit_code() {
    let output = run(&["run", TINY]);
    let last = text(&output.stdout).lines().last().unwrap();
    let (verdict, rest) = last.split_once(' ').unwrap();
    assert_eq!(
        output.status.code(),
        Some(code_of(verdict)),
        "{}",
        text(&output.stderr)
    );
    let trace = rest.strip_prefix("scenario=tiny seed=3 trace=").unwrap();
    assert!(
        trace.len() == 16 && trace.bytes().all(|b| b.is_ascii_hexdigit()),
        "{last}"
    );
    assert!(
        text(&output.stderr).starts_with("rehearsal "),
        "the banner is on standard error"
    );
}

#[test]
fn run_with_other_seed_changes_trace() {
    let last = |arguments: &[&str]| -> String {
        let output = run(&[&["run", TINY][..], arguments].concat());
        let last = text(&output.stdout).lines().last().unwrap();
        last.rsplit_once('=').unwrap().1.to_owned()
    };
    assert_eq!(last(&[]), last(&["--seed", "3"]));
    assert_eq!(last(&["--seed", "4"]), last(&["--set", "seed=4"]));
    assert_ne!(last(&["--seed", "3"]), last(&["--seed", "4"]));
}

#[test]
fn run_json_is_document_or_array() {
    let output = run(&["run", TINY, "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for key in [
        "schema",
        "scenario",
        "seed",
        "traceHash",
        "verdict",
        "virtualSeconds",
        "wallSeconds",
        "events",
        "images",
        "invariants",
        "expectations",
        "instruments",
    ] {
        assert!(report.get(key).is_some(), "no {key}");
    }
    assert_eq!(report["schema"], "rehearsal.run@1");
    assert_eq!(
        output.status.code(),
        Some(code_of(report["verdict"].as_str().unwrap()))
    );
    for key in ["name", "checks", "exercised", "violations"] {
        assert!(
            report["invariants"][0].get(key).is_some(),
            "no invariants[].{key}"
        );
    }
    let latency = &report["latency"]["runDuration"];
    assert!(latency["p99Seconds"].as_f64() > Some(0.1), "{latency}");
    let active = &report["instruments"]["scheduler_runs_active"];
    assert_eq!(active["series"].as_array().unwrap().len(), 2);

    let output = run(&["run", TINY, TINY, "--format", "json"]);
    let reports: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(reports.as_array().unwrap().len(), 2);
    assert_eq!(reports[0]["traceHash"], reports[1]["traceHash"]);
}

#[test]
fn run_junit_has_case_per_invariant_and_expectation() {
    let output = run(&["run", TINY, "--format", "junit"]);
    let xml = text(&output.stdout);
    assert!(xml.starts_with("<?xml"), "{xml}");
    for (class, least) in [("invariant", 25), ("expectation", 2), ("gate", 2)] {
        let count = xml.matches(&format!("classname=\"tiny.{class}\"")).count();
        assert!(count >= least, "{count} cases of {class}");
    }
}

#[test]
fn run_with_out_writes_report_files() {
    let directory = scratch("out").join("deep");
    let run_into = |directory: &str| run(&["run", TINY, "--openmetrics", "--out", directory]);
    let output = run_into(directory.to_str().unwrap());
    let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    assert!(read("tiny-3.txt") == text(&output.stdout));
    assert!(read("tiny-3.json").contains("rehearsal.run@1"));
    assert!(read("tiny-3.xml").contains("<testsuites"));
    assert!(read("tiny-3.openmetrics").ends_with("# EOF\n"));
    assert!(read("tiny-3.prom").contains("# TYPE scheduler_runner_images_total counter\n"));
    let output = run_into("/dev/full/reports");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("error: can't write /dev/full/reports: "));
}

#[test]
fn run_with_closed_pipe_passes_and_full_disk_fails() {
    for format in ["text", "json", "junit"] {
        let expected = run(&["run", TINY, "--format", format]).status.code();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = rehearsal(&["run", TINY, "--format", format]);
        let output = command
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), expected, "{}", text(&output.stderr));

        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut command = rehearsal(&["run", TINY, "--format", format]);
        let output = command
            .stdout(full)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("error: can't write to standard output: "));
    }
}

#[test]
fn color_follows_terminal_and_environment() {
    let escape = "\u{1b}[";
    let colourful = |name: &str, value: &str| {
        let output = rehearsal(&["run", TINY]).env(name, value).output().unwrap();
        text(&output.stdout).contains(escape)
    };
    assert!(colourful("CLICOLOR_FORCE", "1"));
    let mut both = rehearsal(&["run", TINY]);
    let both = both.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
    assert!(!text(&both.output().unwrap().stdout).contains(escape));
    assert!(!colourful("TERM", "xterm"), "a pipe is no terminal");
}

#[test]
fn run_with_check_determinism_passes() {
    let output = run(&["run", TINY, "--check-determinism", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["determinism"]["same"], true);
    let invariants = report["invariants"].as_array().unwrap();
    let determinism = invariants
        .iter()
        .find(|found| found["name"] == "determinism")
        .unwrap();
    assert_eq!(determinism["checks"], 1);
}
