//! Signals and limits of the system: an interrupted sweep keeps what it has.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use rehearsal::sweep::read_sweep;

use super::{error_of, name_of, small, start_sweep, sweep, wait_until};
use crate::program::{rehearsal, rehearsal_under, rehearsal_within, run, signal, text};

#[test]
fn interrupted_sweep_saves_its_seeds_and_resumes() {
    for (name, code) in [("TERM", 143), ("INT", 130)] {
        let (directory, scenario) = small(&format!("files-signal-{name}"));
        let [cut, whole] = ["cut", "whole"].map(|name| directory.join(name));
        let child = start_sweep(&scenario, &cut);
        assert!(signal(name, child.id()));
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        assert!(text(&output.stderr).contains("interrupted; --resume continues the sweep"));
        let (result, rows) = read_sweep(&cut).unwrap();
        // Nothing is lost that was finished, also since the last save.
        let lines = fs::read_to_string(cut.join("seeds.jsonl"))
            .unwrap()
            .lines()
            .count();
        assert_eq!(lines, rows.len());
        assert!(!cut.join("running.txt").exists());
        let seeds = format!("0..{}", result.seeds.len() + 2);
        let code = sweep_code(&scenario, &cut, &["--seeds", &seeds, "--resume"]);
        sweep(&scenario, &whole, &["--seeds", &seeds], code);
        assert_eq!(read_sweep(&cut).unwrap(), read_sweep(&whole).unwrap());
    }
}

fn sweep_code(scenario: &str, out: &Path, more: &[&str]) -> i32 {
    let out = name_of(out);
    let output = run(&[&["sweep", scenario, "--out", &out], more].concat());
    output.status.code().unwrap()
}

#[test]
fn second_signal_ends_the_program_at_once() {
    let (directory, scenario) = small("files-second-signal");
    let out = name_of(&directory.join("out"));
    // One seed of this takes minutes.
    let long = ["--set", "duration=3650d", "--profile", "none"];
    let one = ["sweep", &scenario, "--seeds", "0..1", "--out", &out];
    let mut command = rehearsal(&[&one[..], &long].concat());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let running = directory.join("out/running.txt");
    wait_until(|| fs::read_to_string(&running).is_ok_and(|text| text.starts_with("0\n")));
    assert!(signal("TERM", child.id()));
    thread::sleep(Duration::from_millis(300));
    assert_eq!(
        child.try_wait().unwrap(),
        None,
        "the seed is finished first"
    );
    assert!(signal("TERM", child.id()));
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(read_sweep(&directory.join("out")).unwrap().1.is_empty());
}

#[test]
fn signals_end_the_program_as_process_1() {
    let (directory, scenario) = small("files-process-1");
    let isolated = ["--pid", "--fork", "--kill-child", "--mount-proc"];
    let probe = Command::new("unshare").args(isolated).arg("true").output();
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this system has no PID namespaces for tests");
        return;
    }
    let out = directory.join("out");
    let mut unshare = Command::new("unshare");
    unshare.args(isolated);
    let path = name_of(&out);
    let words = ["sweep", &scenario, "--seeds", "0..10000000", "--out", &path];
    let mut child = rehearsal_under(unshare, &words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until(|| read_sweep(&out).is_ok());
    let inner = Command::new("pgrep")
        .args(["-P", &child.id().to_string()])
        .output()
        .unwrap();
    assert!(signal("TERM", text(&inner.stdout).trim().parse().unwrap()));
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

/// Runs the program with a maximum file size in KiB.
fn with_file_size(kibibytes: u32, arguments: &[&str]) -> Output {
    let limit = format!("-f {kibibytes}");
    rehearsal_within(&limit, arguments).output().unwrap()
}

#[test]
fn sweep_on_a_full_disk_stops_and_keeps_what_it_has() {
    let (directory, scenario) = small("files-full");
    let [cut, whole] = ["cut", "whole"].map(|name| directory.join(name));
    let path = name_of(&cut);
    let words = ["sweep", &scenario, "--seeds", "0..10000000", "--out", &path];
    let output = with_file_size(64, &words);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(
        error.contains("error: can't write ") && error.contains("File too large"),
        "{error}"
    );
    let (result, _) = read_sweep(&cut).unwrap();
    let seeds = format!("0..{}", result.seeds.len() + 2);
    let code = sweep_code(&scenario, &cut, &["--seeds", &seeds, "--resume"]);
    sweep(&scenario, &whole, &["--seeds", &seeds], code);
    assert_eq!(read_sweep(&cut).unwrap(), read_sweep(&whole).unwrap());
}

#[test]
fn run_on_a_full_disk_leaves_no_truncated_file() {
    let (directory, scenario) = small("files-full-run");
    let out = directory.join("out");
    let output = with_file_size(8, &["run", &scenario, "--out", &name_of(&out)]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    for entry in fs::read_dir(&out).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let is_whole = match path.extension().and_then(|extension| extension.to_str()) {
            Some("txt") => text.lines().last().unwrap().contains(" scenario=small "),
            Some("json") => serde_json::from_str::<serde_json::Value>(&text).is_ok(),
            Some("xml") => text.ends_with("</testsuites>\n"),
            None => text.starts_with("process "),
            other => panic!("{other:?} is larger than the limit"),
        };
        assert!(is_whole, "{}", path.display());
    }
}

#[test]
fn thread_that_can_not_be_created_is_an_error() {
    let (directory, scenario) = small("files-thread");
    let out = name_of(&directory.join("out"));
    for words in [
        &["sweep", &scenario, "--out", &out][..],
        &["compare", &scenario, "--set-b", "fleet.images=3"],
        &["alerts", &scenario, "--jobs", "2"],
    ] {
        let mut command = rehearsal(words);
        // No machine has this much address space for a stack.
        let output = command
            .env("RUST_MIN_STACK", (1_u64 << 60).to_string())
            .output()
            .unwrap();
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {error}");
        assert!(error.contains("error: can't create a thread: "), "{error}");
    }
}

#[test]
fn jobs_have_a_limit() {
    for command in ["sweep", "compare", "alerts", "shrink"] {
        for jobs in ["0", "1025", "100000"] {
            let refused = error_of(&[command, "x.toml", "--jobs", jobs], 2);
            assert!(
                refused.contains("write a number from 1 to 1024"),
                "{refused}"
            );
        }
    }
}
