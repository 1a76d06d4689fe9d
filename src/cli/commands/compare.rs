//! `rehearsal compare`

use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use rehearsal::check::scenario_loader;
use rehearsal::comparison::{Comparison, ComparisonSide, SideError, text};
use rehearsal::rehearsal::{EVENT_BUDGET, NoHooks};
use rehearsal::sweep::{Sweep, SweepOptions, SweepResult, TrialOptions};

use super::sweep::subject;
use crate::cli::error::CliError;
use crate::cli::input::{jobs_or_cores, parse_jobs, parse_seeds};
use crate::cli::output::{self, ResultFormat};
use crate::cli::progress::SeedBar;
use crate::cli::simulate::{ProfileArg, warn_of_cost};

/// Maximum wall-clock time of a seed.
const HANG: Duration = Duration::from_secs(300);

#[derive(Args)]
pub struct CompareArgs {
    /// First side: directory of a sweep, report of `run`, directory of such reports, or scenario
    /// file, which is swept
    #[arg(value_name = "A")]
    a: PathBuf,
    /// Second side. Default: A; then --set-a and --set-b must differ
    #[arg(value_name = "B")]
    b: Option<PathBuf>,
    /// Override of a scenario value on both sides, as in `fleet.images=100`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Override of a scenario value in A, as in `workers.processes=8`; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set_a: Vec<String>,
    /// Override of a scenario value in B; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set_b: Vec<String>,
    /// Seed range of both sides, end exclusive
    #[arg(long, value_name = "A..B", value_parser = parse_seeds, default_value = "0..50")]
    seeds: Range<u64>,
    /// Profile of random faults, added to those of the scenario
    #[arg(long, value_enum, default_value_t = ProfileArg::None)]
    profile: ProfileArg,
    /// Number of rehearsals run in parallel, 1 to 1024. Default: number of cores
    #[arg(long, value_name = "N", value_parser = parse_jobs)]
    jobs: Option<usize>,
    /// Format of standard output
    #[arg(long, value_enum, default_value_t = ResultFormat::Text)]
    format: ResultFormat,
}

/// Compares the two sides and prints the result.
pub fn main(arguments: &CompareArgs) -> Result<u8, CliError> {
    let b = arguments.b.as_ref().unwrap_or(&arguments.a);
    if arguments.a == *b && arguments.set_a == arguments.set_b {
        let message = "both sides are the same: name another B, or state the difference, as in \
                       `--set-a workers.processes=8 --set-b workers.processes=12`";
        return Err(CliError::Usage(message.into()));
    }
    let a = side(arguments, &arguments.a, &arguments.set_a)?;
    let b = side(arguments, b, &arguments.set_b)?;
    let comparison = Comparison::of(&a, &b).map_err(CliError::Usage)?;
    match arguments.format {
        ResultFormat::Text => output::print_text(&text(&comparison)),
        ResultFormat::Json => output::print(&comparison.to_json()),
    }?;
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
            "{} is the result of finished runs: --set applies to scenario files only",
            path.display()
        );
        return Err(CliError::Usage(message));
    }
    ComparisonSide::read(path).map_err(|error| match error {
        SideError::Sweep(error) => error.into(),
        SideError::Foreign { .. } => CliError::usage(error),
    })
}

/// Sweeps a scenario without writing files.
fn sweep(
    arguments: &CompareArgs,
    path: &Path,
    overrides: Vec<String>,
) -> Result<ComparisonSide, CliError> {
    let loader = scenario_loader(&overrides);
    let (scenario, text) = loader.load_with_text(path)?;
    warn_of_cost(&scenario, arguments.profile.kind());
    let label = match overrides.is_empty() {
        true => path.display().to_string(),
        false => format!("{} with {}", path.display(), overrides.join(" ")),
    };
    let subject = subject(path, &scenario.name, text, arguments.profile, overrides);
    let options = SweepOptions {
        seeds: arguments.seeds.clone(),
        jobs: jobs_or_cores(arguments.jobs),
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
        ControlFlow::Continue(())
    });
    bar.finish();
    swept?;
    Ok(ComparisonSide::of_sweep(label, &result, rows))
}
