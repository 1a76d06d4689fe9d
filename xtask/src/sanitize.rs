//! `cargo xtask sanitize`: runs the metrics crate's tests under `ThreadSanitizer` and
//! `AddressSanitizer`.

use std::process::Command;

use crate::process::{Failure, Result, cargo, output, run};

/// Runs one of the sanitizers, or both.
pub fn main(arguments: &[&str]) -> Result<()> {
    match *arguments {
        [] => thread().and_then(|()| address()),
        ["thread"] => thread(),
        ["address"] => address(),
        _ => Err(Failure::new("usage: cargo xtask sanitize [thread|address]")),
    }
}

fn thread() -> Result<()> {
    println!("ThreadSanitizer, with a standard library that it can see into");
    run(Command::new("rustup").args(["component", "add", "rust-src"]))?;
    tests("thread", &["-Zbuild-std"])
}

fn address() -> Result<()> {
    println!("AddressSanitizer");
    tests("address", &[])
}

fn tests(sanitizer: &str, arguments: &[&str]) -> Result<()> {
    let version = output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or_else(|| Failure::new("`rustc -vV` names no host"))?;
    let flags = format!("-Zsanitizer={sanitizer} -Cunsafe-allow-abi-mismatch=sanitizer");
    run(cargo()
        .args([
            "test",
            "--locked",
            "--quiet",
            "--package",
            "rehearsal-metrics",
            "--tests",
        ])
        .args([
            "--target",
            host,
            "--target-dir",
            &format!("target/sanitize-{sanitizer}"),
        ])
        .args(arguments)
        .env("RUSTFLAGS", flags)
        // Sanitizers are not stable, but the stable compiler contains them.
        .env("RUSTC_BOOTSTRAP", "1")
        // Sanitizers check every access, so a million samples suffice instead of 16 million.
        .env("STRESS_SAMPLES_PER_THREAD", "250000"))
}
