//! `rehearsal sweep`

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use rehearsal::check::scenario_loader;
use rehearsal::rehearsal::{EVENT_BUDGET, NoHooks};
use rehearsal::scenario;
use rehearsal::sweep::{
    ResultError, SeedRow, Shard, Sweep, SweepDirectory, SweepOptions, SweepResult, SweepSubject,
    TrialOptions, is_fresh, read_result, read_rows, read_running, text,
};

use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::progress::SeedBar;
use crate::cli::simulate::ProfileArg;

/// Seeds that are tried where nothing says otherwise.
const SEEDS: Range<u64> = 0..1_000;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct SweepArgs {
    #[command(subcommand)]
    command: Option<SweepCommand>,
    /// The scenario file
    #[arg(required = true, value_name = "SCENARIO")]
    scenario: Option<PathBuf>,
    /// The seeds, the last one left out. Default: 0..1000, or without end if a time or a plateau
    /// ends the sweep
    #[arg(long, value_name = "A..B", value_parser = parse_seeds)]
    seeds: Option<Range<u64>>,
    /// Faults to draw on top of the file's
    #[arg(long, value_enum, default_value_t = ProfileArg::Swarm)]
    profile: ProfileArg,
    /// Put a value over the file's, as in `fleet.images=100`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Begin no new seed after that much real time, as in `10m`
    #[arg(long, value_name = "TIME")]
    time: Option<scenario::Duration>,
    /// End once every `sometimes` was met and so many seeds in a row covered nothing new
    #[arg(long, value_name = "SEEDS", num_args = 0..=1, default_missing_value = "1000")]
    until_plateau: Option<u64>,
    /// How many seeds are tried at once. Default: one for each core
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Only this part of the seeds, as in `2/8`. Default: what Slurm or Kubernetes says
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Try each seed that N divides twice, and compare; 0: none
    #[arg(long, value_name = "N", default_value_t = 100)]
    rerun_every: u64,
    /// Events of a seed at most; more is a failure
    #[arg(long, value_name = "N", default_value_t = EVENT_BUDGET)]
    event_budget: u64,
    /// A seed that takes longer, in real time, is a failure
    #[arg(long, value_name = "TIME", default_value = "5m")]
    hang_after: scenario::Duration,
    /// Where the result and the bug files go. Default: `reports/sweep-NAME`
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on where an earlier sweep into that directory was cut off
    #[arg(long)]
    resume: bool,
    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Subcommand)]
enum SweepCommand {
    /// Make one result of those of several shards
    Merge(MergeArgs),
}

#[derive(Args)]
struct MergeArgs {
    /// The results: directories of sweeps, or `sweep.json` files
    #[arg(required = true, value_name = "FILE")]
    results: Vec<PathBuf>,
    /// Where the merged result goes. Default: nowhere, it is only printed
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// The form of a result.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// The result file itself
    Json,
}

/// Sweeps, or merges.
pub fn main(arguments: &SweepArgs) -> Result<u8, CliError> {
    match (&arguments.command, &arguments.scenario) {
        (Some(SweepCommand::Merge(arguments)), _) => merge(arguments),
        (None, Some(scenario)) => sweep(arguments, scenario),
        (None, None) => Err(CliError::Usage("which scenario?".into())),
    }
}

fn sweep(arguments: &SweepArgs, path: &Path) -> Result<u8, CliError> {
    let loader = scenario_loader(&arguments.overrides);
    let scenario = loader.load(path)?;
    let subject = SweepSubject {
        rerun_every: arguments.rerun_every,
        event_budget: arguments.event_budget,
        ..subject(
            path,
            &scenario.name,
            arguments.profile,
            arguments.overrides.clone(),
        )?
    };
    let seeds = seeds(arguments)?;
    let default = || Path::new("reports").join(format!("sweep-{}", scenario.name));
    let out = arguments.out.clone().unwrap_or_else(default);
    let (mut result, rows) = begin(arguments, subject, &out)?;
    let mut directory = SweepDirectory::create(&out, &result, &rows).map_err(cannot_write)?;
    let running = Arc::new(directory.running().map_err(cannot_write)?);
    let options = options(arguments, seeds);
    let bar = SeedBar::new(&scenario.name, &options.seeds);
    let begun = Arc::clone(&running);
    let sweep = Sweep::new(scenario, || NoHooks, options, move |seed| begun.begin(seed));
    let mut written = Ok(());
    let swept = sweep.run(&mut result, |trial, result| {
        running.end(trial.row.seed);
        bar.advance(result.seeds.len(), result.verdicts.fail);
        if written.is_ok() {
            written = directory.add(trial, result);
        }
    });
    bar.finish();
    swept.map_err(|error| CliError::Usage(error.to_string()))?;
    written
        .and_then(|()| directory.save(&result))
        .map_err(cannot_write)?;
    print(&result, arguments.format, Some(&directory))?;
    directory.close();
    Ok(result.exit_code())
}

/// What is swept, with no seed tried twice.
pub fn subject(
    path: &Path,
    name: &str,
    profile: ProfileArg,
    overrides: Vec<String>,
) -> Result<SweepSubject, CliError> {
    let text = fs::read_to_string(path)
        .map_err(|error| CliError::Io(format!("can't read {}: {error}", path.display())))?;
    Ok(SweepSubject {
        version: env!("CARGO_PKG_VERSION").into(),
        scenario: name.into(),
        path: path.display().to_string(),
        text,
        profile: profile.kind().as_str().into(),
        set: overrides,
        rerun_every: 0,
        event_budget: EVENT_BUDGET,
    })
}

/// The seeds of this shard.
fn seeds(arguments: &SweepArgs) -> Result<Range<u64>, CliError> {
    let is_open = arguments.time.is_some() || arguments.until_plateau.is_some();
    let shard = match arguments.shard {
        Some(shard) => Some(shard),
        None => {
            let read = Shard::from_environment(|name| std::env::var(name).ok());
            read.map_err(CliError::Usage)?
        }
    };
    let seeds = match &arguments.seeds {
        Some(seeds) => seeds.clone(),
        None if is_open => 0..i64::MAX as u64,
        None => SEEDS,
    };
    Ok(match shard {
        Some(shard) => shard.part(&seeds),
        None => seeds,
    })
}

/// What earlier sweeps have found already, if this one goes on.
fn begin(
    arguments: &SweepArgs,
    subject: SweepSubject,
    out: &Path,
) -> Result<(SweepResult, Vec<SeedRow>), CliError> {
    // A sweep may be cut off before its first result is written.
    if !arguments.resume || is_fresh(out) {
        return Ok((SweepResult::new(subject), Vec::new()));
    }
    let result = read_result(out).map_err(unusable)?;
    if let Some(difference) = result.subject.difference(&subject) {
        return Err(CliError::Usage(format!(
            "{} holds another sweep: {difference}; choose another --out, or leave out --resume to \
             start over",
            out.display()
        )));
    }
    for seed in read_running(out) {
        output::print_status(&format!(
            "the last sweep was cut off while it tried seed {seed}"
        ));
    }
    Ok((result, read_rows(out).map_err(unusable)?))
}

fn options(arguments: &SweepArgs, seeds: Range<u64>) -> SweepOptions {
    let cores = || available_parallelism().map_or(1, usize::from);
    SweepOptions {
        seeds,
        jobs: arguments.jobs.unwrap_or_else(cores),
        trial: TrialOptions {
            profile: arguments.profile.kind(),
            event_budget: arguments.event_budget,
        },
        time: arguments.time.map(scenario::Duration::std),
        plateau: arguments.until_plateau,
        hang: Duration::max(arguments.hang_after.std(), Duration::from_secs(1)),
    }
}

fn merge(arguments: &MergeArgs) -> Result<u8, CliError> {
    let mut rows = Vec::new();
    let mut merged: Option<SweepResult> = None;
    for path in &arguments.results {
        let result = read_result(path).map_err(unusable)?;
        rows.extend(read_rows(path).map_err(unusable)?);
        match &mut merged {
            None => merged = Some(result),
            Some(merged) => merged.merge(result).map_err(unusable)?,
        }
    }
    let merged = merged.ok_or_else(|| CliError::Usage("which results?".into()))?;
    let directory = match &arguments.out {
        None => None,
        Some(out) => {
            let written = SweepDirectory::merged(out, &merged, rows);
            Some(written.map_err(cannot_write)?)
        }
    };
    print(&merged, arguments.format, directory.as_ref())?;
    Ok(merged.exit_code())
}

fn print(
    result: &SweepResult,
    format: Format,
    directory: Option<&SweepDirectory>,
) -> Result<(), CliError> {
    output::print(&match format {
        Format::Text => text(result, |failure| {
            directory.map(|directory| directory.bug_path(failure))
        }),
        Format::Json => result.to_json(),
    })
}

/// Reads `0..1000`.
pub fn parse_seeds(text: &str) -> Result<Range<u64>, String> {
    let bounds = text.split_once("..");
    let numbers = bounds.and_then(|(start, end)| Some((start.parse().ok()?, end.parse().ok()?)));
    match numbers {
        Some((start, end)) if start < end && i64::try_from(end).is_ok() => Ok(start..end),
        Some(_) => Err("the first seed comes before the last; seeds are below 2^63".into()),
        None => Err("write 0..1000 for the seeds 0 to 999".into()),
    }
}

fn unusable(error: ResultError) -> CliError {
    CliError::Usage(error.to_string())
}

fn cannot_write(error: rehearsal::sweep::WriteError) -> CliError {
    CliError::Io(error.to_string())
}
