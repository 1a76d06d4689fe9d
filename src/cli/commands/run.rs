//! `rehearsal run`

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, value_parser};
use rehearsal::check::scenario_loader;
use rehearsal::file_error::{FileError, write};
use rehearsal::promql::Semantics;
use rehearsal::rehearsal::FinishedRun;
use rehearsal::report::{self, Dashboard, RecordedRun, RunReport, worst_exit_code};

use crate::cli::error::CliError;
use crate::cli::input::read_rules;
use crate::cli::output::{self, ReportFormat};
use crate::cli::progress::ProgressLine;
use crate::cli::simulate::{ProfileArg, banner, rehearse};

/// Maximum seed.
const SEED_MAX: u64 = (1 << 63) - 1;

#[derive(Args)]
pub struct RunArgs {
    /// Scenario files
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
    /// Root seed of all random streams, 0 to 2^63 - 1. Default: seed of the scenario
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(..=SEED_MAX))]
    seed: Option<u64>,
    /// Profile of random faults, added to those of the scenario
    #[arg(long, value_enum, default_value_t = ProfileArg::None)]
    profile: ProfileArg,
    /// Override of a scenario value, as in `fleet.images=100`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Run twice, compare the traces and name the first event that differs
    #[arg(long)]
    check_determinism: bool,
    /// Directory for the report in every format, HTML included, and the recorded series. Default:
    /// none is written
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also write all recorded samples to --out, as `OpenMetrics` with timestamps
    #[arg(long, requires = "out")]
    openmetrics: bool,
    /// Format of standard output
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

/// Runs all scenarios and prints their reports.
pub fn main(arguments: &RunArgs) -> Result<u8, CliError> {
    if let Some(directory) = &arguments.out {
        fs::create_dir_all(directory).map_err(|error| FileError::writing(directory, error))?;
    }
    let mut codes = Vec::new();
    let mut reports = Vec::new();
    for path in &arguments.scenarios {
        match run_one(arguments, path) {
            Ok((report, finished)) => {
                codes.push(report.exit_code());
                publish(arguments, &report, &finished)?;
                reports.push(report);
            }
            Err(failure) => {
                output::print_status(&failure.to_string());
                codes.push(failure.exit_code());
            }
        }
    }
    match arguments.format {
        ReportFormat::Text => {}
        ReportFormat::Json => output::print(&report::json(&reports))?,
        ReportFormat::Junit => output::print(&junit(&reports)?)?,
    }
    Ok(worst_exit_code(codes))
}

fn run_one(arguments: &RunArgs, path: &Path) -> Result<(RunReport, FinishedRun), CliError> {
    let loader = scenario_loader(&arguments.overrides);
    let mut scenario = loader.load(path)?;
    if let Some(seed) = arguments.seed {
        scenario.seed = seed;
    }
    output::print_status(&banner(&scenario, arguments.profile));
    let bar = ProgressLine::new(&scenario);
    let rehearsed = rehearse(
        &scenario,
        arguments.profile,
        arguments.check_determinism,
        report::replay_command(
            &path.display().to_string(),
            scenario.seed,
            arguments.profile.kind().as_str(),
            &arguments.overrides,
        ),
        |progress| bar.advance(progress.virtual_time),
    );
    bar.finish();
    rehearsed
}

/// Prints a report if the format is text, and writes all documents to the directory.
fn publish(
    arguments: &RunArgs,
    report: &RunReport,
    finished: &FinishedRun,
) -> Result<(), CliError> {
    let text = report::terminal(report);
    if let Some(directory) = &arguments.out {
        write_documents(directory, report, &text, &finished.exposition)?;
        write_run(directory, report, finished)?;
        if arguments.openmetrics {
            let path = document(directory, report, "openmetrics");
            write_samples(&path, finished).map_err(|error| FileError::writing(&path, error))?;
        }
    }
    if arguments.format == ReportFormat::Text {
        output::print(&text)
    } else {
        Ok(())
    }
}

fn document(directory: &Path, report: &RunReport, extension: &str) -> PathBuf {
    directory.join(format!("{}-{}.{extension}", report.scenario, report.seed))
}

fn write_documents(
    directory: &Path,
    report: &RunReport,
    text: &str,
    page: &str,
) -> Result<(), CliError> {
    let reports = std::slice::from_ref(report);
    for (extension, content) in [
        ("txt", anstream::adapter::strip_str(text).to_string()),
        ("json", report::json(reports)),
        ("xml", junit(reports)?),
        ("prom", page.to_owned()),
    ] {
        let path = document(directory, report, extension);
        write(&path, content)?;
    }
    Ok(())
}

/// Writes the recording and the HTML report.
fn write_run(directory: &Path, report: &RunReport, finished: &FinishedRun) -> Result<(), CliError> {
    let run = RecordedRun::new(finished, report);
    let path = document(directory, report, report::EXTENSION);
    report::write_recording(&path, &run, &finished.recording)
        .map_err(|error| FileError::writing(&path, error))?;
    let path = document(directory, report, "html");
    let (rules, _) = read_rules(None, Semantics::default())?;
    let page = report::html(&run, &finished.recording, &Dashboard::bundled(), &rules);
    Ok(write(&path, page)?)
}

fn write_samples(path: &Path, finished: &FinishedRun) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    rehearsal::metrics::series::write_openmetrics(&finished.recording, &mut file)?;
    file.flush()
}

fn junit(reports: &[RunReport]) -> Result<String, CliError> {
    report::junit(reports).map_err(CliError::junit)
}
