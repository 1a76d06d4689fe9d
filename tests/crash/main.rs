//! Crashes of every writing command at random instants: each file under its name is complete or
//! absent, an exit without error has written all of them, and the same command repairs the rest.
//!
//! `REHEARSAL_CRASHES` is the number of crashes, over all commands and disturbances. The random
//! streams are seeded, and a failure names its step.

mod check;
mod commands;
mod disturbance;
mod fixture;
#[allow(dead_code, reason = "each test binary uses a part")]
#[path = "../it/program.rs"]
mod program;

use std::fs;
use std::path::Path;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use check::{check_content, check_files, drafts};
use commands::{COMMANDS, WritingCommand};
use disturbance::Disturbance;
use fixture::{FIXTURE, Known};

/// Number of crashes of one disturbance.
fn crashes() -> u64 {
    let stated = std::env::var("REHEARSAL_CRASHES").ok();
    let all = stated.map_or(30, |count| count.parse().unwrap());
    u64::div_ceil(all, Disturbance::ALL.len() as u64)
}

/// Disturbs commands in turn, each at a random instant.
fn disturb(disturbance: Disturbance) {
    let _mount = match disturbance.begin(&FIXTURE.out(disturbance)) {
        Ok(mount) => mount,
        Err(reason) => {
            eprintln!("skipped: {disturbance:?}: {reason}");
            return;
        }
    };
    let mut random = ChaCha8Rng::seed_from_u64(disturbance as u64);
    let start = random.random_range(0..COMMANDS.len());
    for step in 0..crashes() {
        let index = start + usize::try_from(step).unwrap();
        let command = &COMMANDS[index % COMMANDS.len()];
        let place = format!("{disturbance:?}, step {step}, {}", command.name);
        crash(disturbance, command, &place, &mut random);
    }
}

fn crash(disturbance: Disturbance, command: &WritingCommand, place: &str, random: &mut ChaCha8Rng) {
    let known = FIXTURE.known(command);
    let out = FIXTURE.out(disturbance);
    command.prepare(&FIXTURE, &out);
    disturbance.own(&out);
    let code = disturbance.run(&command.words(&FIXTURE, &out), &out, known, random);
    check_files(&out, known, place);
    match code {
        None => assert_eq!(disturbance, Disturbance::Kill, "{place}: ended by a signal"),
        Some(code) if code == known.code => {
            if !matches!(disturbance, Disturbance::Kill | Disturbance::Remove) {
                check_content(&out, known, &format!("{place}: exit without error"));
            }
        }
        Some(code) => assert_eq!(code, 1, "{place}: exit code"),
    }
    disturbance.end(&out);
    repair(disturbance, command, known, &out, place);
}

/// Runs the command again. Afterwards all files are those of an undisturbed run.
fn repair(
    disturbance: Disturbance,
    command: &WritingCommand,
    known: &Known,
    out: &Path,
    place: &str,
) {
    if !out.exists() {
        fs::create_dir_all(out).unwrap();
    }
    let code = disturbance.run_undisturbed(&command.repair(&FIXTURE, out), out);
    assert_eq!(code, Some(known.code), "{place}: exit code of the repair");
    check_content(out, known, &format!("{place}: repaired"));
    assert_eq!(drafts(out), [""; 0], "{place}: temporary files are left");
}

#[test]
fn killed_commands_leave_whole_files() {
    disturb(Disturbance::Kill);
}

#[test]
fn commands_with_a_size_limit_leave_whole_files() {
    disturb(Disturbance::SizeLimit);
}

#[test]
fn commands_on_a_full_disk_leave_whole_files() {
    disturb(Disturbance::FullDisk);
}

#[test]
fn commands_without_permission_leave_whole_files() {
    disturb(Disturbance::Permission);
}

#[test]
fn commands_without_their_directory_leave_whole_files() {
    disturb(Disturbance::Remove);
}

#[test]
fn every_writing_command_is_disturbed() {
    let mut writing = Vec::new();
    for path in program::all_commands() {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        let help = program::run(&[&words[..], &["--help"]].concat());
        // A command that writes files has the option `--force`.
        if program::text(&help.stdout).contains("--force") {
            writing.push(path.join(" "));
        }
    }
    assert!(writing.len() >= 9, "{writing:?}");
    for name in writing {
        let is_disturbed = COMMANDS.iter().any(|command| command.name == name);
        assert!(
            is_disturbed,
            "`{name}` writes files, and no crash of it is tested"
        );
    }
}
