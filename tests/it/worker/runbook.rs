//! The commands of the operations guide, each on a store as the guide assumes it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use super::admin::AdminStore;
use crate::program::{rehearsal, scratch, signal, text};

const GUIDE: &str = include_str!("../../../docs/ops/scheduler-worker-operations.md");

const SCHEDULES: &str = r#"
[[schedule]]
id = "nightly"
tenant = "acme"
limits = { ratePerSecond = 20 }
"#;

/// Commands of the guide that concern workers, without the program's name.
fn commands() -> Vec<Vec<&'static str>> {
    let blocks = GUIDE.split("```").skip(1).step_by(2);
    let lines = blocks.filter_map(|block| block.strip_prefix("sh\n"));
    let lines = lines.flat_map(str::lines);
    let words = lines.filter_map(|line| line.strip_prefix("rehearsal "));
    let commands = words.map(|line| line.split(' ').collect::<Vec<_>>());
    commands
        .filter(|words| matches!(words[0], "admin" | "worker"))
        .collect()
}

/// A run of the schedule that is in Planning, or cancelled.
fn new_run(store: &AdminStore, occurrence: usize, is_over: bool) -> String {
    let occurrence = occurrence.to_string();
    store.text(&["runs", "start", "nightly", "--occurrence", &occurrence]);
    let run = format!("run:acme:nightly:manual:{occurrence}");
    if is_over {
        store.text(&["runs", "cancel", &run]);
    }
    run
}

/// Starts a worker, and stops it when it listens.
fn try_worker(directory: &Path, arguments: &[&str]) {
    let mut command = rehearsal(arguments);
    command.current_dir(directory).stdout(Stdio::piped());
    let mut process = command.stderr(Stdio::null()).spawn().unwrap();
    let mut url = String::new();
    let mut stdout = BufReader::new(process.stdout.take().unwrap());
    stdout.read_line(&mut url).unwrap();
    assert!(url.ends_with("/metrics\n"), "{arguments:?}: {url}");
    assert!(signal("TERM", process.id()));
    assert!(process.wait().unwrap().success(), "{arguments:?}");
}

#[test]
fn each_command_of_the_guide_runs_as_written() {
    let directory = scratch("runbook");
    let config = "[http]\nlisten = \"127.0.0.1:0\"\n[store]\nfile = \"scheduler.db\"\n\
                  [worker]\nleasePatience = \"1s\"\n";
    fs::write(directory.join("worker.toml"), config).unwrap();
    fs::write(directory.join("schedules.toml"), SCHEDULES).unwrap();
    let store = AdminStore(directory.join("scheduler.db"));
    let schedules = directory.join("schedules.toml");
    store.text(&["schedules", "apply", schedules.to_str().unwrap()]);
    let commands = commands();
    assert!(commands.len() >= 10, "{commands:?}");
    for (number, words) in commands.into_iter().enumerate() {
        let run = new_run(&store, number, words.contains(&"retry"));
        let filled = |word: &&'static str| match *word {
            "RUN" => run.clone(),
            "SCHEDULE" => "nightly".to_owned(),
            word => word.to_owned(),
        };
        let words: Vec<String> = words.iter().map(filled).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words[0] == "worker" {
            try_worker(&directory, &words);
            continue;
        }
        let output = rehearsal(&words).current_dir(&directory).output().unwrap();
        assert!(
            output.status.success(),
            "{words:?}: {}",
            text(&output.stderr)
        );
    }
}
