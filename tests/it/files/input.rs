//! Inputs: other kinds of files are rejected at once, and every reader has a limit.

use std::fs::{self, File};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{error_of, name_of, small, sweep};
use crate::program::{rehearsal, run, scratch, text};

const TINY: &str = "tests/scenarios/tiny.toml";

/// Commands that read this path, one for each kind of file.
fn readers(path: &str) -> Vec<Vec<&str>> {
    vec![
        vec!["run", path],
        vec!["scenario", "check", path],
        vec!["sweep", path],
        vec!["alerts", path],
        vec!["alerts", TINY, "--rules", path],
        vec!["replay", path],
        vec!["shrink", path, "--out", "x"],
        vec!["report", path, "--out", "x"],
    ]
}

#[test]
fn pipes_and_devices_are_rejected_at_once() {
    let directory = scratch("files-kinds");
    let pipe = name_of(&directory.join("pipe"));
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let began = Instant::now();
    for path in [&pipe, "/dev/zero"] {
        for command in readers(path)
            .into_iter()
            .chain([vec!["sweep", "merge", path], vec!["compare", path, TINY]])
        {
            let output = run(&command);
            let code = output.status.code();
            assert!(matches!(code, Some(1 | 2)), "{command:?}: {code:?}");
            let refused = text(&output.stderr);
            assert!(
                refused.contains("is not a regular file"),
                "{command:?}: {refused}"
            );
        }
    }
    let here = name_of(&directory);
    for command in &readers(&here)[..7] {
        let refused = error_of(command, 1);
        assert!(refused.contains("is a directory"), "{command:?}: {refused}");
    }
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[test]
fn files_that_a_scenario_refers_to_are_regular_files() {
    let directory = scratch("files-referenced");
    let scenario = directory.join("small.toml");
    let trace = "[advisories]\ntrace = { file = \"/dev/zero\" }\n";
    fs::write(&scenario, format!("{}{trace}", *super::SMALL)).unwrap();
    let refused = error_of(&["run", &name_of(&scenario)], 2);
    assert!(refused.contains("is not a regular file"), "{refused}");
    // Without a directory in the path of the scenario, `-` is a file as well.
    fs::write(
        &scenario,
        format!("{}{trace}", *super::SMALL).replace("/dev/zero", "-"),
    )
    .unwrap();
    let mut command = rehearsal(&["scenario", "check", "small.toml"]);
    let output = command.current_dir(&directory).output().unwrap();
    assert!(text(&output.stderr).contains("No such file"));
}

#[test]
fn every_reader_has_a_size_limit() {
    let path = name_of(&scratch("files-large").join("large"));
    // Sparse, so that it takes no space.
    File::create(&path).unwrap().set_len(300 << 20).unwrap();
    for command in readers(&path) {
        // A recording is recognized by its first bytes.
        let (code, expected) = match command[0] {
            "report" => (2, "it is not gzipped"),
            _ => (1, "larger than 4 MiB"),
        };
        let refused = error_of(&command, code);
        assert!(refused.contains(expected), "{command:?}: {refused}");
    }
}

#[test]
fn recording_that_unpacks_to_too_much_is_rejected() {
    let path = scratch("files-bomb").join("bomb.run");
    let mut file = GzEncoder::new(File::create(&path).unwrap(), Compression::fast());
    let spaces = vec![b' '; 1 << 20];
    for _ in 0..100 {
        file.write_all(&spaces).unwrap();
    }
    file.finish().unwrap();
    let refused = error_of(&["report", &name_of(&path), "--out", "x"], 2);
    assert!(refused.contains("unpacks to more than"), "{refused}");
}

#[test]
fn standard_input_is_read_with_the_same_limits() {
    let (directory, scenario) = small("files-stdin");
    let output = |arguments: &[&str], input: &[u8]| {
        let mut command = rehearsal(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // The program may end before it has read all.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    };
    let source = super::SMALL.as_bytes();
    let checked = output(&["scenario", "check", "-"], source);
    assert!(text(&checked.stdout).starts_with("standard input: valid\n"));
    let piped = output(&["run", "-", "--format", "json"], source);
    let named = run(&["run", &scenario, "--format", "json"]);
    let hash = |bytes: &[u8]| {
        let report: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        report["traceHash"].clone()
    };
    assert_eq!(hash(&piped.stdout), hash(&named.stdout));
    let out = directory.join("out");
    sweep(
        &scenario,
        &out,
        &["--seeds", "0..2", "--profile", "none"],
        0,
    );
    let result = fs::read(out.join("sweep.json")).unwrap();
    let merged = output(&["sweep", "merge", "-", "--format", "json"], &result);
    assert_eq!(merged.stdout, result);
    let large = output(&["run", "-"], &vec![b'#'; (4 << 20) + 1]);
    assert_eq!(large.status.code(), Some(1));
    assert!(text(&large.stderr).contains("larger than 4 MiB"));
}

#[test]
fn deep_nesting_is_an_error() {
    let directory = scratch("files-deep");
    let deep = |open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(25_000), close.repeat(25_000))
    };
    let rule = |rest: &str| format!("groups: [{{name: g, rules: [{{alert: A, {rest}}}]}}]");
    let template = format!(
        "expr: vector(1), annotations: {{a: '{{{{ {} }}}}'}}",
        deep("(", "1", ")")
    );
    let query = format!("expr: '{}'", "(".repeat(4_000) + "1" + &")".repeat(4_000));
    for (file, content, code) in [
        ("template.yaml", rule(&template), 2),
        ("query.yaml", rule(&query), 2),
        ("list.yaml", deep("[", "", "]"), 2),
        ("list.toml", format!("name = {}", deep("[", "", "]")), 2),
        ("table.toml", format!("a{} = 1", ".a".repeat(25_000)), 2),
        (
            "list.json",
            format!("{{\"panels\": {}}}", deep("[", "", "]")),
            2,
        ),
    ] {
        let path = directory.join(file);
        fs::write(&path, content).unwrap();
        let path = name_of(&path);
        let command = match file.rsplit_once('.').unwrap().1 {
            "yaml" => vec!["alerts", TINY, "--rules", &path],
            "toml" => vec!["scenario", "check", &path],
            _ => vec!["report", TINY, "--out", "x", "--dashboard", &path],
        };
        let refused = error_of(&command, code);
        assert!(refused.starts_with("error: "), "{file}: {refused}");
    }
}
