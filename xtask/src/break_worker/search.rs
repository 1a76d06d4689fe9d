//! Search for one defect: sweeps of two scenarios, a few seeds at first.

use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::Stdio;

use super::planting::PlantedCopy;
use crate::process::{Context, Failure, Result, root};

/// Scenarios that are swept in turn.
const SCENARIOS: [&str; 2] = ["quickstart", "every-selector"];

/// Seeds of each scenario, in the order in which they are swept: 1,000 altogether.
pub const STAGES: [Range<u64>; 5] = [0..4, 4..20, 20..100, 100..400, 400..1_000];

/// Kernel events of a seed: fifty times those of a seed without a defect. A defect may let a task
/// repeat something endlessly.
const EVENT_BUDGET: u64 = 3_000_000;

/// Seed and invariant that found a defect.
#[derive(Debug, PartialEq, Eq)]
pub struct DefectSearchResult {
    scenario: &'static str,
    seed: u64,
    /// Name of the violated invariant, or of another cause.
    cause: String,
}

impl fmt::Display for DefectSearchResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            scenario,
            seed,
            cause,
        } = self;
        write!(formatter, "{cause}, {scenario} {seed}")
    }
}

/// Sweeps the seeds of each stage until one fails. Returns none if all pass.
pub fn search(
    copy: &PlantedCopy,
    defect: Option<&str>,
    stages: &[Range<u64>],
) -> Result<Option<DefectSearchResult>> {
    for seeds in stages {
        for scenario in SCENARIOS {
            let found = sweep(copy, defect, scenario, seeds)?;
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}

fn sweep(
    copy: &PlantedCopy,
    defect: Option<&str>,
    scenario: &'static str,
    seeds: &Range<u64>,
) -> Result<Option<DefectSearchResult>> {
    let out = root().join("target/defects/sweep");
    let _ = fs::remove_dir_all(&out);
    let mut program = copy.program(defect);
    program
        .args(["sweep", &format!("scenarios/{scenario}.toml"), "--seeds"])
        .arg(format!("{}..{}", seeds.start, seeds.end))
        .args(["--event-budget", &EVENT_BUDGET.to_string()])
        .args(["--hang-after", "60s", "--out"])
        .arg(&out)
        .stdin(Stdio::null());
    let output = program.output().context("rehearsal")?;
    if output.status.success() {
        return Ok(None);
    }
    let failure = earliest_failure(&out);
    let (cause, seed) = match output.status.code() {
        // An abort leaves no result.
        None => ("abort".to_owned(), seeds.start),
        Some(_) => failure.unwrap_or_else(|| ("sometimes".to_owned(), seeds.start)),
    };
    if cause == "sometimes" && !out.join("sweep.json").exists() {
        let printed = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::new(format!("the sweep did not begin: {printed}")));
    }
    Ok(Some(DefectSearchResult {
        scenario,
        seed,
        cause,
    }))
}

/// Returns cause and seed of the failure with the lowest seed in the result of a sweep.
fn earliest_failure(out: &Path) -> Option<(String, u64)> {
    let result = fs::read_to_string(out.join("sweep.json")).ok()?;
    failures(&result).min_by_key(|(_, seed)| *seed)
}

/// Returns cause and first seed of each failure, from the JSON text of a result.
fn failures(result: &str) -> impl Iterator<Item = (String, u64)> {
    result.split("\"cause\": {").skip(1).filter_map(|failure| {
        let name = failure.split("\"name\": \"").nth(1)?;
        let name = name.split('"').next()?;
        let seeds = failure.split("\"seeds\": [").nth(1)?;
        let seed = seeds.split([',', ']']).next()?.trim().parse().ok()?;
        Some((name.to_owned(), seed))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_read_from_the_result() {
        let result = r#"{ "failures": [
            { "cause": { "name": "liveness", "shape": "a" }, "count": 2, "seeds": [ 7, 9 ],
              "soonest": { "cause": { "name": "liveness", "shape": "a" }, "message": "b" } },
            { "cause": { "name": "blame", "shape": "c" }, "count": 1, "seeds": [ 3 ] } ] }"#;
        let found: Vec<_> = failures(result).collect();
        let named = |name: &str, seed| (name.to_owned(), seed);
        assert_eq!(found, [named("liveness", 7), named("blame", 3)]);
    }
}
