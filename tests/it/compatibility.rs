//! Files of earlier versions, as `docs/compatibility.md` guarantees them: each is read and used
//! through the program, since its commands are what stays.
//!
//! `tests/compatibility/vX.Y/` holds the files of that release. A release adds a directory; none is
//! ever changed.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::program::{run, scratch, text};

/// The directory of each release, oldest first.
fn releases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compatibility");
    let entries = fs::read_dir(root).unwrap();
    let mut releases: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    releases.sort();
    assert!(!releases.is_empty());
    releases
}

fn path(directory: &Path, name: &str) -> String {
    directory.join(name).to_str().unwrap().to_owned()
}

/// The standard output of a command that ends with this exit code.
fn output_of(arguments: &[&str], exit_code: i32) -> String {
    let output = run(arguments);
    assert_eq!(
        output.status.code(),
        Some(exit_code),
        "{arguments:?}: {}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout).to_owned()
}

#[test]
fn recording_of_an_earlier_version_becomes_a_report() {
    for release in releases() {
        let report = scratch("compatibility-report").join("report.html");
        let recording = path(&release, "compatibility-3.run");
        let said = output_of(
            &["report", &recording, "--out", report.to_str().unwrap()],
            0,
        );
        assert!(said.starts_with("FAIL scenario=compatibility seed=3 "));
        let html = fs::read_to_string(report).unwrap();
        for part in ["no segment", "scanner-outage", "runs-progress"] {
            assert!(html.contains(part), "{recording}: no {part} in its report");
        }
    }
}

#[test]
fn bug_file_of_an_earlier_version_fails_of_the_same_cause() {
    for release in releases() {
        let bug = path(&release, "sweep/bugs/expectation-3.toml");
        let said = output_of(&["replay", &bug], 10);
        assert!(said.contains("no segment: at 2024-05-06T00:31:00Z it was 1"));
        assert!(said.contains("same cause"), "{said}");
    }
}

#[test]
fn sweep_result_of_an_earlier_version_is_read() {
    for release in releases() {
        let sweep = path(&release, "sweep");
        let said = output_of(&["sweep", "merge", &sweep, "--format", "json"], 10);
        let result: Json = serde_json::from_str(&said).unwrap();
        assert_eq!(result["verdicts"]["fail"], 3);
        assert_eq!(result["failures"][0]["cause"]["shape"], "no segment");
    }
}

#[test]
fn sweep_and_report_of_an_earlier_version_are_compared() {
    for release in releases() {
        let (sweep, report) = (
            path(&release, "sweep"),
            path(&release, "compatibility-3.json"),
        );
        let said = output_of(&["compare", &sweep, &report, "--format", "json"], 0);
        let comparison: Json = serde_json::from_str(&said).unwrap();
        assert_eq!(comparison["pairs"], 1);
        assert_eq!(comparison["a"]["scenario"], "compatibility");
    }
}

#[test]
fn scenario_of_an_earlier_version_is_sound_and_runs() {
    for release in releases() {
        let scenario = path(&release, "compatibility.toml");
        let every_key = path(&release, "everything.toml");
        output_of(&["scenario", "check", &scenario, &every_key], 0);
        let said = output_of(&["run", &scenario, "--format", "json"], 10);
        let report: Json = serde_json::from_str(&said).unwrap();
        assert_eq!(report["runs"]["completed"], 2);
    }
}

/// Schema version that no program version reads.
#[test]
fn file_of_a_later_version_is_refused_by_its_schema() {
    let release = releases().remove(0);
    let directory = scratch("compatibility-later");
    let bug = fs::read_to_string(release.join("sweep/bugs/expectation-3.toml")).unwrap();
    let later = directory.join("bug.toml");
    fs::write(&later, bug.replace("rehearsal.bug@1", "rehearsal.bug@99")).unwrap();
    let output = run(&["replay", later.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let message = text(&output.stderr);
    assert!(message.contains("rehearsal.bug@99"), "{message}");
}
