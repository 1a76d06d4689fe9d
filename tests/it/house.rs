//! The house's rules: who may use whom, and what the inner rooms must not know.

use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up: a part may use those before it, and itself.
const FLOORS: [&str; 15] = [
    "model",
    "metrics",
    "worker",
    "promql",
    "scenario",
    "check",
    "sim",
    "live",
    "rehearsal",
    "report",
    "sweep",
    "shrink",
    "replay",
    "comparison",
    "alerts",
];

/// Parts that stand side by side and don't know each other.
const STRANGERS: [(&str, &str); 2] = [("check", "sim"), ("sim", "live")];

/// What the inner rooms get through ports only.
const IMPURE: [&str; 12] = [
    "tokio",
    "std::time::Instant",
    "time::Instant",
    "SystemTime",
    "rand::",
    "thread_rng",
    "std::thread::spawn",
    "std::env",
    "std::fs",
    "std::net",
    "crate::sim",
    "crate::live",
];

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn source_of(part: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = sources(&root.join(part));
    files.push(root.join(format!("{part}.rs")));
    files.retain(|file| file.exists());
    files
}

/// The code of a file: without comments and without the tests at its end. `mod tests;` ends nothing.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("#[cfg(test)]\nmod tests {");
    let lines = text[..end.unwrap_or(text.len())].lines();
    lines
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn upward_uses(part: &str, text: &str) -> Vec<String> {
    let floor = FLOORS.iter().position(|name| *name == part);
    let is_above = |other: &str| {
        let other_floor = FLOORS.iter().position(|name| *name == other);
        other_floor > floor
            || STRANGERS
                .iter()
                .any(|pair| *pair == (part, other) || *pair == (other, part))
    };
    let mut found = Vec::new();
    for (number, line) in code(text) {
        for used in line.split("crate::").skip(1) {
            let name = used
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or("");
            if is_above(name) {
                found.push(format!("line {}: `{part}` uses `{name}`", number + 1));
            }
        }
    }
    found
}

fn impurities(text: &str) -> Vec<String> {
    code(text)
        .flat_map(|(number, line)| {
            IMPURE
                .iter()
                .filter(|word| line.contains(**word))
                .map(move |word| format!("line {}: `{word}`", number + 1))
        })
        .collect()
}

#[test]
fn every_part_has_its_floor() {
    let root = include_str!("../../src/lib.rs").lines();
    let names = root.filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let mut floors = FLOORS.to_vec();
    floors.sort_unstable();
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    assert_eq!(names, floors);
}

#[test]
fn a_part_uses_only_what_stands_below_it() {
    let mut found = Vec::new();
    for part in FLOORS {
        let files = source_of(part);
        assert!(!files.is_empty(), "`{part}` was not found");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            found.extend(
                upward_uses(part, &text)
                    .iter()
                    .map(|use_| format!("{}: {use_}", file.display())),
            );
        }
    }
    assert!(
        found.is_empty(),
        "uses that go upward or sideways:\n{}",
        found.join("\n")
    );
}

#[test]
fn the_inner_rooms_know_no_clock_runtime_randomness_or_simulator() {
    let mut found = Vec::new();
    for part in ["model", "metrics", "worker"] {
        let files = source_of(part);
        assert!(files.len() > 5, "`{part}` was not found");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            found.extend(
                impurities(&text)
                    .iter()
                    .map(|what| format!("{}: {what}", file.display())),
            );
        }
    }
    assert!(
        found.is_empty(),
        "take these through a port instead:\n{}",
        found.join("\n")
    );
}

#[test]
fn the_checks_of_this_file_can_fail() {
    assert_eq!(
        upward_uses("worker", "use crate::sim::Kernel;"),
        ["line 1: `worker` uses `sim`"]
    );
    assert_eq!(
        upward_uses("check", "// crate::sim\nuse crate::sim;"),
        ["line 2: `check` uses `sim`"]
    );
    assert_eq!(
        upward_uses("check", "#[cfg(test)]\nmod tests;\nuse crate::sim;"),
        ["line 3: `check` uses `sim`"]
    );
    assert!(upward_uses("sim", "use crate::worker::Worker;").is_empty());
    assert_eq!(
        impurities("let now = SystemTime::now();"),
        ["line 1: `SystemTime`"]
    );
}
