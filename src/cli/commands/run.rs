//! `rehearsal run`

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use rehearsal::check::scenario_loader;
use rehearsal::promql::Semantics;
use rehearsal::rehearsal::FinishedRun;
use rehearsal::report::{self, Dashboard, RunRecord, RunReport, worst_exit_code};

use crate::cli::error::CliError;
use crate::cli::input::read_rules;
use crate::cli::output;
use crate::cli::progress::ProgressLine;
use crate::cli::simulate::{ProfileArg, banner, rehearse};

#[derive(Args)]
pub struct RunArgs {
    /// The scenario files
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
    /// The root of every random stream, in place of the file's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: Option<u64>,
    /// Faults to draw on top of the file's
    #[arg(long, value_enum, default_value_t = ProfileArg::None)]
    profile: ProfileArg,
    /// Put a value over the file's, as in `fleet.images=100`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Run twice, and name the first event that differs
    #[arg(long)]
    check_determinism: bool,
    /// Also write the report in every format, HTML included, and the recorded series into this
    /// directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write every recorded sample into that directory too, as `OpenMetrics` with timestamps
    #[arg(long, requires = "out")]
    openmetrics: bool,
    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// The form of a report.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One document, or an array of several
    Json,
    /// `JUnit` XML, for CI
    Junit,
}

/// Runs every scenario and prints what became of each.
pub fn main(arguments: &RunArgs) -> Result<u8, CliError> {
    if let Some(directory) = &arguments.out {
        fs::create_dir_all(directory).map_err(|error| cannot_write(directory, &error))?;
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
        Format::Text => {}
        Format::Json => output::print(&report::json(&reports))?,
        Format::Junit => output::print(&junit(&reports)?)?,
    }
    Ok(worst_exit_code(codes))
}

fn run_one(arguments: &RunArgs, path: &Path) -> Result<(RunReport, FinishedRun), CliError> {
    let overrides = arguments.overrides.clone();
    let loader = scenario_loader(&overrides);
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

/// Prints a report as text, as soon as there is one, and writes all documents into the directory.
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
            write_samples(&path, finished).map_err(|error| cannot_write(&path, &error))?;
        }
    }
    if arguments.format == Format::Text {
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
        fs::write(&path, content).map_err(|error| cannot_write(&path, &error))?;
    }
    Ok(())
}

/// The recording, from which more can be made later, and the HTML report.
fn write_run(directory: &Path, report: &RunReport, finished: &FinishedRun) -> Result<(), CliError> {
    let run = RunRecord::new(finished, report);
    let path = document(directory, report, report::EXTENSION);
    report::write_recording(&path, &run, &finished.recording)
        .map_err(|error| cannot_write(&path, &error))?;
    let path = document(directory, report, "html");
    let (rules, _) = read_rules(None, Semantics::default())?;
    let page = report::html(&run, &finished.recording, &Dashboard::bundled(), &rules);
    fs::write(&path, page).map_err(|error| cannot_write(&path, &error))
}

fn write_samples(path: &Path, finished: &FinishedRun) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    rehearsal::metrics::series::write_openmetrics(&finished.recording, &mut file)?;
    file.flush()
}

fn junit(reports: &[RunReport]) -> Result<String, CliError> {
    report::junit(reports).map_err(|error| CliError::Io(format!("can't write JUnit XML: {error}")))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> CliError {
    CliError::Io(format!("can't write {}: {error}", path.display()))
}
