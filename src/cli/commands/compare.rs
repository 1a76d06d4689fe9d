//! `rehearsal compare`

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use clap::{Args, ValueEnum};
use rehearsal::check::scenario_loader;
use rehearsal::comparison::{Comparison, ComparisonSide, text};
use rehearsal::rehearsal::{EVENT_BUDGET, NoHooks};
use rehearsal::sweep::{Sweep, SweepOptions, SweepResult, TrialOptions};

use super::sweep::{parse_seeds, subject};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::progress::SeedBar;
use crate::cli::simulate::ProfileArg;

/// A seed that takes longer, in real time, hangs.
const HANG: Duration = Duration::from_secs(300);

#[derive(Args)]
pub struct CompareArgs {
    /// One side: a sweep's directory, a report of `run`, a directory of such reports, or a scenario
    /// file, which is swept
    #[arg(value_name = "A")]
    a: PathBuf,
    /// The other side. Default: the same scenario, with what --set-a and --set-b say
    #[arg(value_name = "B")]
    b: Option<PathBuf>,
    /// Put a value over the file's on both sides, as in `fleet.images=100`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Put a value over the file's in A, as in `workers.processes=8`; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set_a: Vec<String>,
    /// Put a value over the file's in B; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set_b: Vec<String>,
    /// The seeds of both sides, the last one left out
    #[arg(long, value_name = "A..B", value_parser = parse_seeds, default_value = "0..50")]
    seeds: Range<u64>,
    /// Faults to draw on top of the file's
    #[arg(long, value_enum, default_value_t = ProfileArg::None)]
    profile: ProfileArg,
    /// How many seeds are tried at once. Default: one for each core
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// The form of a comparison.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One document
    Json,
}

/// Compares two sides.
pub fn main(arguments: &CompareArgs) -> Result<u8, CliError> {
    let b = arguments.b.as_ref().unwrap_or(&arguments.a);
    if arguments.a == *b && arguments.set_a == arguments.set_b {
        let message = "both sides are the same: name another B, or say what differs, as in `--set-a \
                       workers.processes=8 --set-b workers.processes=12`";
        return Err(CliError::Usage(message.into()));
    }
    let a = side(arguments, &arguments.a, &arguments.set_a)?;
    let b = side(arguments, b, &arguments.set_b)?;
    let comparison = Comparison::of(&a, &b).map_err(CliError::Usage)?;
    output::print(&match arguments.format {
        Format::Text => text(&comparison),
        Format::Json => comparison.to_json(),
    })?;
    Ok(0)
}

fn side(arguments: &CompareArgs, path: &Path, own: &[String]) -> Result<ComparisonSide, CliError> {
    let overrides = [&arguments.set, own].concat();
    if path
        .extension()
        .is_some_and(|extension| extension == "toml")
    {
        return sweep(arguments, path, overrides);
    }
    if !overrides.is_empty() {
        let message = format!(
            "{} is finished: --set can change a scenario file only",
            path.display()
        );
        return Err(CliError::Usage(message));
    }
    ComparisonSide::read(path).map_err(|error| CliError::Usage(error.to_string()))
}

/// Sweeps a scenario. Nothing is written.
fn sweep(
    arguments: &CompareArgs,
    path: &Path,
    overrides: Vec<String>,
) -> Result<ComparisonSide, CliError> {
    let loader = scenario_loader(&overrides);
    let scenario = loader.load(path)?;
    let label = match overrides.is_empty() {
        true => path.display().to_string(),
        false => format!("{} with {}", path.display(), overrides.join(" ")),
    };
    let subject = subject(path, &scenario.name, arguments.profile, overrides)?;
    let cores = || available_parallelism().map_or(1, usize::from);
    let options = SweepOptions {
        seeds: arguments.seeds.clone(),
        jobs: arguments.jobs.unwrap_or_else(cores),
        trial: TrialOptions {
            profile: arguments.profile.kind(),
            event_budget: EVENT_BUDGET,
        },
        time: None,
        plateau: None,
        hang: HANG,
    };
    let bar = SeedBar::new(&label, &options.seeds);
    let (mut result, mut rows) = (SweepResult::new(subject), Vec::new());
    let sweep = Sweep::new(scenario, || NoHooks, options, |_| {});
    let swept = sweep.run(&mut result, |trial, result| {
        bar.advance(result.seeds.len(), result.verdicts.fail);
        rows.push(trial.row.clone());
    });
    bar.finish();
    swept.map_err(|error| CliError::Usage(error.to_string()))?;
    Ok(ComparisonSide::of_sweep(label, &result, rows))
}
