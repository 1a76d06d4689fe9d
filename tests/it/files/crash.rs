//! Crashes at random instants: each file is whole or absent, and `--resume` gives the result of an
//! undisturbed sweep, byte for byte.
//!
//! `REHEARSAL_CRASHES` is the number of crashes per command; `.ci/nightly` has more of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rehearsal::report::read_recording;
use rehearsal::sweep::{Bug, is_fresh, read_sweep};

use super::{name_of, small, sweep};
use crate::program::{rehearsal, scratch};

/// Number of crashes per command.
fn crashes() -> u64 {
    let stated = std::env::var("REHEARSAL_CRASHES").ok();
    stated.map_or(4, |count| count.parse().unwrap())
}

/// Starts the program, and kills it after a random time.
fn crash(arguments: &[&str], random: &mut ChaCha8Rng, milliseconds_max: u64) {
    let mut command = rehearsal(arguments);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_millis(
        random.random_range(0..milliseconds_max),
    ));
    let _ = child.kill();
    child.wait().unwrap();
}

/// Content of the files of a sweep. The lock names a process.
fn content(directory: &Path) -> BTreeMap<String, String> {
    let bugs = directory.join("bugs");
    let entries = [directory, &bugs]
        .into_iter()
        .flat_map(|path| fs::read_dir(path).unwrap());
    let files = entries.flatten().filter(|entry| entry.path().is_file());
    let named = files.map(|entry| (entry.file_name().into_string().unwrap(), entry.path()));
    named
        .filter(|(name, _)| name != ".lock")
        .map(|(name, path)| (name, fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
fn killed_sweep_leaves_whole_files_and_resumes_to_the_same_bytes() {
    let (directory, scenario) = small("crash-sweep");
    let (whole, cut) = (directory.join("whole"), directory.join("cut"));
    let seeds = ["--seeds", "10..34"];
    sweep(&scenario, &whole, &seeds, 10);
    let (cut_path, mut resume) = (name_of(&cut), false);
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..crashes() {
        let mut words = [&["sweep", &scenario, "--out", &cut_path][..], &seeds].concat();
        words.push(if resume { "--resume" } else { "--force" });
        crash(&words, &mut random, 1_500);
        if cut.join("bugs").exists() {
            let bugs = fs::read_dir(cut.join("bugs")).unwrap().flatten();
            let names = bugs.map(|entry| entry.path()).filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "toml")
            });
            names.for_each(|path| drop(Bug::read(&path).unwrap()));
        }
        if !is_fresh(&cut) {
            read_sweep(&cut).unwrap();
        }
        resume = random.random_bool(0.7);
    }
    sweep(&scenario, &cut, &[&seeds[..], &["--force"]].concat(), 10);
    assert_eq!(content(&cut), content(&whole));
    // An interrupted sweep is resumed, after a crash of the resumption too.
    let words = [&["sweep", &scenario, "--out", &cut_path][..], &seeds].concat();
    crash(&[&words[..], &["--force"]].concat(), &mut random, 1_000);
    crash(&[&words[..], &["--resume"]].concat(), &mut random, 1_000);
    sweep(&scenario, &cut, &[&seeds[..], &["--resume"]].concat(), 10);
    assert_eq!(content(&cut), content(&whole));
}

#[test]
fn killed_run_leaves_whole_files() {
    let (_, scenario) = small("crash-run");
    let mut random = ChaCha8Rng::seed_from_u64(2);
    for _ in 0..crashes() {
        let out = scratch("crash-run-out");
        crash(
            &["run", &scenario, "--out", &name_of(&out)],
            &mut random,
            400,
        );
        for entry in fs::read_dir(&out).unwrap().flatten() {
            let path = entry.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("run") => drop(read_recording(&path).unwrap()),
                Some("json") => {
                    let text = fs::read_to_string(&path).unwrap();
                    serde_json::from_str::<serde_json::Value>(&text).unwrap();
                }
                Some("html") => {
                    assert!(fs::read_to_string(&path).unwrap().ends_with("</html>"));
                }
                _ => {}
            }
        }
    }
}
