//! `cargo xtask golden-traces`: runs every bundled scenario twice and compares the trace with its
//! golden file.
//!
//! `tests/it` compares the golden files' summaries with debug assertions. This command uses the
//! release build and takes a fraction of that time.

use std::fs;
use std::process::Command;

use crate::process::{
    Context, Failure, Result, cargo_without_lto, on_all_cores, output, root, run,
};

/// Runs all scenarios in `scenarios/`.
pub fn main() -> Result<()> {
    // As the main job builds it: another selection of packages would build it anew.
    run(cargo_without_lto().args(["run", "--locked", "--quiet", "--release", "--", "--version"]))?;
    let results = on_all_cores(&names()?, |name| {
        let result = check(name);
        match &result {
            Ok(line) => println!("{line}"),
            Err(failure) => println!("{name}: {failure}"),
        }
        result.map(drop)
    });
    let count = results.len();
    match results.into_iter().filter(Result::is_err).count() {
        0 => Ok(()),
        failed => Err(Failure::new(format!(
            "{failed} of {count} scenarios failed"
        ))),
    }
}

/// Names of the bundled scenarios.
fn names() -> Result<Vec<String>> {
    let folder = root().join("scenarios");
    let files = fs::read_dir(&folder).context(folder.display())?;
    let files = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = files
        .filter_map(|file| file.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort();
    Ok(names)
}

/// Last line of a scenario's run, if its trace is the golden one.
fn check(name: &str) -> Result<String> {
    let golden = root().join("reports/golden").join(format!("{name}.txt"));
    let golden = fs::read_to_string(&golden).context(golden.display())?;
    let expected = golden
        .trim_end()
        .rsplit_once("trace ")
        .map_or("", |(_, trace)| trace);
    let text = output(
        Command::new(root().join("target/release/rehearsal"))
            .args([
                "run",
                "--check-determinism",
                &format!("scenarios/{name}.toml"),
            ])
            .current_dir(root()),
    )?;
    let line = text.lines().last().unwrap_or_default();
    match line.starts_with("PASS ") && line.ends_with(&format!(" trace={expected}")) {
        true => Ok(line.to_owned()),
        false => Err(Failure::new(format!("`{line}`, expected trace={expected}"))),
    }
}
