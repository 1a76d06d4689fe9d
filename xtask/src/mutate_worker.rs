//! `cargo xtask mutate-worker [SAMPLE]`: mutates the worker with `cargo mutants` and runs a short
//! sweep for each mutant.
//!
//! A mutant that the sweep does not detect shows a gap of the checks, or is equivalent.
//! `docs/bug-bench.md` lists the known ones. Reports are in `target/mutants.out`.

use std::process::{Command, Stdio};

use crate::process::{Failure, Result, cargo, output, run};

/// Number of mutants without an argument. Their selection depends on their names only, and a
/// smaller sample is a part of a larger one.
const SAMPLE: usize = 300;

const FILES: [&str; 2] = ["--file", "crates/worker/src/**"];

/// Runs the sample, of the size in the argument if there is one.
pub fn main(arguments: &[&str]) -> Result<()> {
    let sample = match arguments {
        [] => SAMPLE,
        [size] => size
            .parse()
            .map_err(|_| Failure::new(format!("{size} is no number of mutants")))?,
        _ => return Err(Failure::new("mutate-worker takes one number at most")),
    };
    let installed = Command::new("cargo-mutants")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if installed.is_err() {
        run(cargo().args(["install", "--locked", "cargo-mutants"]))?;
    }
    let listed = output(cargo().args(["mutants", "--list"]).args(FILES))?;
    let mut names: Vec<&str> = listed.lines().collect();
    names.sort_by_cached_key(|name| fingerprint(name));
    names.truncate(sample);
    if names.is_empty() {
        return Err(Failure::new("cargo mutants lists no mutant of the worker"));
    }
    let mut mutants = cargo();
    mutants.arg("mutants").args(FILES);
    for name in names {
        mutants.arg("--re").arg(format!("^{}$", escaped(name)));
    }
    run(mutants
        .args(["--output", "target", "--no-shuffle", "--timeout", "180"])
        .args([
            "--test-package",
            "rehearsal",
            "--cargo-arg=--test=short_sweep",
        ])
        .args(["--", "--", "--ignored"])
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env(
            "CARGO_TARGET_DIR",
            crate::process::root().join("target/mutants"),
        ))
}

/// FNV-1a of a mutant's name without its line and column: an edit above it does not change the
/// sample.
fn fingerprint(name: &str) -> u64 {
    let text = name.split(':').enumerate();
    let text = text.filter(|(index, _)| *index != 1 && *index != 2);
    text.flat_map(|(_, part)| part.bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

/// A regular expression that matches this text only.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, character| {
        if "\\.+*?()|[]{}^$".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprint_ignores_the_line() {
        let (one, other) = (
            "src/a.rs:3:9: replace + with -",
            "src/a.rs:70:1: replace + with -",
        );
        assert_eq!(fingerprint(one), fingerprint(other));
        assert_ne!(
            fingerprint(one),
            fingerprint("src/a.rs:3:9: replace + with *")
        );
    }

    #[test]
    fn escaped_leaves_no_operator() {
        assert_eq!(escaped("f -> Option<(u8)>"), "f -> Option<\\(u8\\)>");
    }
}
