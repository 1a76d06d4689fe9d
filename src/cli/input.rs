//! Inputs of several commands: rule files, seed ranges, the number of jobs and `--force`.

use std::ops::Range;
use std::path::Path;
use std::thread::available_parallelism;

use clap::Args;
use rehearsal::bundled;
use rehearsal::files::{ByteLimit, input_name, read_text};
use rehearsal::promql::Semantics;
use rehearsal::promql::rules::RuleFile;

use super::error::CliError;

/// Maximum number of rehearsals run in parallel.
const JOBS_MAX: usize = 1_024;

/// Option of every command that writes files.
#[derive(Args)]
pub struct OverwriteArgs {
    /// Replace existing output files
    #[arg(long)]
    pub force: bool,
}

/// Reads a rule file and returns it with its text. Without a path: the bundled operator rules.
pub fn read_rules(
    path: Option<&Path>,
    semantics: Semantics,
) -> Result<(RuleFile, String), CliError> {
    let (name, text) = match path {
        None => (bundled::RULES_PATH.to_owned(), bundled::RULES.to_owned()),
        Some(path) => (input_name(path), read_text(path, ByteLimit::DOCUMENT)?),
    };
    let rules = RuleFile::parse(&text, &name, semantics).map_err(CliError::usage)?;
    Ok((rules, text))
}

/// Parses a seed range such as `0..1000`, end exclusive.
pub fn parse_seeds(text: &str) -> Result<Range<u64>, String> {
    let bounds = text.split_once("..");
    let numbers = bounds.and_then(|(start, end)| Some((start.parse().ok()?, end.parse().ok()?)));
    match numbers {
        Some((start, end)) if start < end && i64::try_from(end).is_ok() => Ok(start..end),
        Some(_) => Err("the start must be less than the end, and the end below 2^63".into()),
        None => Err("write 0..1000 for the seeds 0 to 999".into()),
    }
}

/// Parses a number of jobs.
pub fn parse_jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs @ 1..=JOBS_MAX) => Ok(jobs),
        _ => Err(format!("write a number from 1 to {JOBS_MAX}")),
    }
}

/// Number of rehearsals run in parallel: as given, or one per core.
pub fn jobs_or_cores(jobs: Option<usize>) -> usize {
    jobs.unwrap_or_else(|| available_parallelism().map_or(1, usize::from))
}
