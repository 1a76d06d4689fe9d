//! `rehearsal sweep`

use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use rehearsal::check::scenario_loader;
use rehearsal::files::{DirectoryLock, OutputFiles, numbered};
use rehearsal::rehearsal::{EVENT_BUDGET, NoHooks};
use rehearsal::scenario;
use rehearsal::sweep::{
    RunningSeeds, Shard, Sweep, SweepDirectory, SweepEnd, SweepOptions, SweepResult, SweepSubject,
    TrialOptions, is_fresh, read_result, read_running, read_sweep, text,
};

use crate::cli::error::CliError;
use crate::cli::input::{OverwriteArgs, jobs_or_cores, parse_jobs, parse_seeds};
use crate::cli::output::{self, ResultFormat};
use crate::cli::progress::SeedBar;
use crate::cli::signals;
use crate::cli::simulate::{ProfileArg, warn_of_cost};

/// Default seed range.
const SEEDS: Range<u64> = 0..1_000;

/// End of an unlimited seed range.
const SEEDS_END: u64 = (1 << 63) - 1;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct SweepArgs {
    #[command(subcommand)]
    command: Option<SweepCommand>,
    /// Scenario file
    #[arg(required = true, value_name = "SCENARIO")]
    scenario: Option<PathBuf>,
    /// Seed range, end exclusive. Default: 0..1000, or unlimited with --time or --until-plateau
    #[arg(long, value_name = "A..B", value_parser = parse_seeds)]
    seeds: Option<Range<u64>>,
    /// Profile of random faults, added to those of the scenario
    #[arg(long, value_enum, default_value_t = ProfileArg::Swarm)]
    profile: ProfileArg,
    /// Override of a scenario value, as in `fleet.images=100`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Maximum wall-clock time before the last seed starts, as in `10m`. Default: unlimited
    #[arg(long, value_name = "TIME")]
    time: Option<scenario::Duration>,
    /// Stop when every required `sometimes` was met and this many successive seeds covered nothing
    /// new. Default: 1000 if given without a number, otherwise no such stop
    #[arg(long, value_name = "SEEDS", num_args = 0..=1, default_missing_value = "1000")]
    until_plateau: Option<u64>,
    /// Number of seeds run in parallel, 1 to 1024. Default: number of cores
    #[arg(long, value_name = "N", value_parser = parse_jobs)]
    jobs: Option<usize>,
    /// Shard of the seed range to run, as in `2/8`. Default: from the environment of Slurm or
    /// Kubernetes, otherwise all seeds
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Run every N-th seed twice and compare the traces; 0 disables it
    #[arg(long, value_name = "N", default_value_t = 100)]
    rerun_every: u64,
    /// Maximum kernel events per seed; exceeding it fails the seed
    #[arg(long, value_name = "N", default_value_t = EVENT_BUDGET)]
    event_budget: u64,
    /// Maximum wall-clock time per seed, 1s or more; exceeding it fails the seed
    #[arg(long, value_name = "TIME", default_value = "5m")]
    hang_after: scenario::Duration,
    /// Directory for the result and the bug files. Default: `reports/sweep-NAME`, or with a number
    /// if that has a sweep; with --resume, the last of them
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Resume an interrupted sweep from its directory
    #[arg(long, conflicts_with = "force")]
    resume: bool,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    /// Exit with 0 whatever the seeds found; errors and signals keep their exit codes. For a shard:
    /// its findings are a result, and `sweep merge` gives the verdict
    #[arg(long)]
    exit_zero: bool,
    /// Format of standard output
    #[arg(long, value_enum, default_value_t = ResultFormat::Text)]
    format: ResultFormat,
}

#[derive(Subcommand)]
enum SweepCommand {
    /// Merge the results of several shards
    Merge(MergeArgs),
}

#[derive(Args)]
struct MergeArgs {
    /// Results: directories of sweeps, or `sweep.json` files
    #[arg(required = true, value_name = "FILE")]
    results: Vec<PathBuf>,
    /// Directory for the merged result. Default: none, it is only printed
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    /// Format of standard output
    #[arg(long, value_enum, default_value_t = ResultFormat::Text)]
    format: ResultFormat,
}

/// Runs a sweep, or merges results.
pub fn main(arguments: &SweepArgs) -> Result<u8, CliError> {
    match (&arguments.command, &arguments.scenario) {
        (Some(SweepCommand::Merge(arguments)), _) => merge(arguments),
        (None, Some(scenario)) => sweep(arguments, scenario),
        (None, None) => Err(CliError::Usage("name a scenario file".into())),
    }
}

fn sweep(arguments: &SweepArgs, path: &Path) -> Result<u8, CliError> {
    let loader = scenario_loader(&arguments.overrides);
    let (scenario, text) = loader.load_with_text(path)?;
    let overrides = arguments.overrides.clone();
    let subject = SweepSubject {
        rerun_every: arguments.rerun_every,
        event_budget: arguments.event_budget,
        ..subject(path, &scenario.name, text, arguments.profile, overrides)
    };
    let options = options(arguments, seeds(arguments)?);
    let lock = DirectoryLock::acquire(&out(arguments, &scenario.name))?;
    let (mut directory, mut result) = begin(arguments, subject, lock)?;
    warn_of_cost(&scenario, arguments.profile.kind());
    let running = Arc::new(RunningSeeds::create(directory.path())?);
    let bar = SeedBar::new(&scenario.name, &options.seeds);
    let begun = Arc::clone(&running);
    let sweep = Sweep::new(scenario, || NoHooks, options, move |seed| begun.begin(seed));
    let sweep = sweep.stop_on(signals::defer());
    let mut written = Ok(());
    let swept = sweep.run(&mut result, |trial, result| {
        running.end(trial.row.seed);
        bar.advance(result.seeds.len(), result.verdicts.fail);
        written = directory.add(trial, result);
        match written.is_ok() {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    });
    bar.finish();
    written?;
    directory.finish(&result)?;
    let end = swept?;
    running.remove();
    print(&result, arguments.format, Some(&directory))?;
    if end == SweepEnd::Interrupted {
        output::print_status("interrupted; --resume continues the sweep");
        return Ok(signals::exit_code());
    }
    Ok(match arguments.exit_zero {
        true => 0,
        false => result.exit_code(),
    })
}

/// Directory of the sweep.
fn out(arguments: &SweepArgs, name: &str) -> PathBuf {
    if let Some(out) = &arguments.out {
        return out.clone();
    }
    let first = Path::new("reports").join(format!("sweep-{name}"));
    let mut all = numbered(&first);
    let found = match (arguments.resume, arguments.overwrite.force) {
        (true, _) => all.take_while(|path| !is_fresh(path)).last(),
        (false, true) => None,
        (false, false) => all.find(|path| is_fresh(path)),
    };
    found.unwrap_or(first)
}

/// Subject of a sweep in which no seed is run twice.
pub fn subject(
    path: &Path,
    name: &str,
    text: String,
    profile: ProfileArg,
    overrides: Vec<String>,
) -> SweepSubject {
    SweepSubject {
        version: env!("CARGO_PKG_VERSION").into(),
        scenario: name.into(),
        path: path.display().to_string(),
        text,
        profile: profile.kind().as_str().into(),
        set: overrides,
        rerun_every: 0,
        event_budget: EVENT_BUDGET,
    }
}

/// Seed range of this shard.
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
        None if is_open => 0..SEEDS_END,
        None => SEEDS,
    };
    Ok(match shard {
        Some(shard) => shard.part(&seeds),
        None => seeds,
    })
}

/// Begins the sweep in its directory, or continues the interrupted one.
fn begin(
    arguments: &SweepArgs,
    subject: SweepSubject,
    lock: DirectoryLock,
) -> Result<(SweepDirectory, SweepResult), CliError> {
    let out = lock.directory();
    // A sweep may be interrupted before its first result is written.
    if !arguments.resume || is_fresh(out) {
        check_unused(
            out,
            arguments.overwrite.force,
            "continue it with --resume, ",
        )?;
        let result = SweepResult::new(subject);
        return Ok((SweepDirectory::create(lock, &result, &[])?, result));
    }
    let (result, rows) = read_sweep(out)?;
    if let Some(difference) = result.subject.difference(&subject) {
        return Err(CliError::Usage(format!(
            "{} has the result of another sweep: {difference}; choose another --out, or replace it \
             with --force",
            out.display()
        )));
    }
    for seed in read_running(out) {
        output::print_status(&format!(
            "the last sweep was interrupted while it ran seed {seed}"
        ));
    }
    Ok((SweepDirectory::resume(lock, &result, &rows)?, result))
}

/// Refuses a directory that has a result, unless it may be replaced.
fn check_unused(out: &Path, force: bool, remedy: &str) -> Result<(), CliError> {
    if force || is_fresh(out) {
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "{} has the result of a sweep: {remedy}choose another --out, or replace it with --force",
        out.display()
    )))
}

fn options(arguments: &SweepArgs, seeds: Range<u64>) -> SweepOptions {
    SweepOptions {
        seeds,
        jobs: jobs_or_cores(arguments.jobs),
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
    let inputs = arguments.results.iter().map(PathBuf::as_path);
    let lock = match &arguments.out {
        Some(out) => {
            let force = arguments.overwrite.force;
            let files = OutputFiles::new(force, inputs.clone());
            files.check_input(out)?;
            files.check_input(&out.join("sweep.json"))?;
            let lock = DirectoryLock::acquire(out)?;
            check_unused(out, force, "")?;
            Some(lock)
        }
        None => None,
    };
    let mut rows = Vec::new();
    let mut merged: Option<SweepResult> = None;
    for path in inputs {
        // The text needs no rows.
        let result = match path.is_dir() || lock.is_some() {
            true => {
                let (result, more) = read_sweep(path)?;
                rows.extend(more);
                result
            }
            false => read_result(path)?,
        };
        match &mut merged {
            None => merged = Some(result),
            Some(merged) => merged.merge(result)?,
        }
    }
    let merged = merged.ok_or_else(|| CliError::Usage("name at least one result".into()))?;
    rows.sort_by_key(|row| row.seed);
    let write = |lock| SweepDirectory::create(lock, &merged, &rows);
    let directory = lock.map(write).transpose()?;
    print(&merged, arguments.format, directory.as_ref())?;
    Ok(merged.exit_code())
}

fn print(
    result: &SweepResult,
    format: ResultFormat,
    directory: Option<&SweepDirectory>,
) -> Result<(), CliError> {
    match format {
        ResultFormat::Text => output::print_text(&text(result, |failure| {
            directory.map(|directory| directory.bug_path(failure))
        })),
        ResultFormat::Json => output::print(&result.to_json()),
    }
}
