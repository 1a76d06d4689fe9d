//! `rehearsal worker`, as a program: its demonstration, its signals and its configuration.

mod admin;
mod events;
mod monitoring;
mod runbook;
mod running;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::program::{rehearsal, scratch, signal, text};
use admin::AdminStore;

/// Maximum time for what a process does by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// Secret that must not be logged.
const TOKEN: &str = "planted-token";

/// A running demonstration. A test that fails ends it.
struct Demo {
    process: Child,
    url: String,
}

impl Demo {
    fn start(store: &Path) -> Self {
        let arguments = ["worker", "--demo", "--store", store.to_str().unwrap()];
        let mut command = rehearsal(&arguments);
        command.env("REHEARSAL_SCANNER_TOKEN", TOKEN);
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.as_mut().unwrap())
            .read_line(&mut url)
            .unwrap();
        Self { process, url }
    }

    /// Sends a signal and returns the output of the program.
    fn stop(mut self, name: &str) -> Output {
        assert!(signal(name, self.process.id()));
        let began = Instant::now();
        while self.process.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "it does not stop");
            sleep(Duration::from_millis(20));
        }
        let status = self.process.wait().unwrap();
        let mut stderr = Vec::new();
        let pipe = self.process.stderr.take();
        std::io::copy(&mut pipe.unwrap(), &mut stderr).unwrap();
        Output {
            status,
            stdout: Vec::new(),
            stderr,
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn demonstration_completes_runs_within_a_minute_and_stops_at_a_signal() {
    let store = AdminStore(scratch("worker-demo").join("scheduler.db"));
    let demo = Demo::start(&store.0);
    let address = demo.url.trim().strip_prefix("http://").unwrap();
    let address = address.strip_suffix("/metrics").unwrap();
    assert!(TcpStream::connect(address).is_ok(), "{address}");
    let began = Instant::now();
    let completed = || store.json(&["runs", "list", "--state", "completed"])["runs"].clone();
    while completed().as_array().unwrap().is_empty() {
        assert!(began.elapsed() < PATIENCE, "no run completes");
        sleep(Duration::from_millis(200));
    }
    // Applied schedules run, too.
    let file = store.0.with_file_name("more.toml");
    fs::write(
        &file,
        "[[schedule]]\nid = \"more\"\ntenant = \"umbrella\"\n",
    )
    .unwrap();
    store.text(&["schedules", "apply", file.to_str().unwrap()]);
    store.text(&["runs", "start", "more", "--occurrence", "x"]);
    let state =
        || store.json(&["runs", "show", "run:umbrella:more:manual:x"])["run"]["state"].clone();
    while state() != "completed" {
        assert!(
            began.elapsed() < PATIENCE,
            "the applied schedule does not run"
        );
        sleep(Duration::from_millis(200));
    }
    let output = demo.stop("TERM");
    let log = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert!(!log.contains(TOKEN), "{log}");
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let changed = |line: &Value| line["message"] == "run changed" && line["state"] == "Completed";
    assert!(lines.iter().any(changed), "{log}");
    assert_eq!(lines.last().unwrap()["message"], "stopped");
    let processes = store.json(&["processes"]);
    let stopped = |row: &Value| row["number"] == 1 && row["stopping"] == true;
    assert!(
        processes["processes"]
            .as_array()
            .unwrap()
            .iter()
            .any(stopped),
        "{processes}"
    );
}

#[test]
fn second_signal_ends_the_worker_at_once() {
    let demo = Demo::start(&scratch("worker-signals").join("scheduler.db"));
    // Runners wait for messages by now, and a stop lets them.
    sleep(Duration::from_millis(500));
    assert!(signal("TERM", demo.process.id()));
    sleep(Duration::from_millis(20));
    let output = demo.stop("TERM");
    assert_eq!(output.status.code(), Some(143), "{}", text(&output.stderr));
}

#[test]
fn configuration_errors_name_place_and_remedy_and_no_secret() {
    let file = scratch("worker-config").join("worker.toml");
    fs::write(&file, "[scanner]\ntoken = \"hunter2\"\n").unwrap();
    let path = file.to_str().unwrap();
    let mut command = rehearsal(&["worker", "--config", path]);
    let output = command.output().unwrap();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(
        message.contains("worker.toml:2:1: unknown field `token`"),
        "{message}"
    );
    assert!(!message.contains("hunter2"), "{message}");
    let output = rehearsal(&["worker"]).output().unwrap();
    let expected = "error: scanner.url: a process with the role `runner` needs it\n";
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(2), expected)
    );
    let mut command = rehearsal(&["worker", "--role", "planer"]);
    assert_eq!(command.output().unwrap().status.code(), Some(2));
    let output = rehearsal(&["worker", "--demo"])
        .env("REHEARSAL_NAMES", "x")
        .output()
        .unwrap();
    let message = text(&output.stderr);
    assert!(
        message.contains("did you mean `REHEARSAL_NAME`?"),
        "{message}"
    );
}
