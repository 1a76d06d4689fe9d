//! `rehearsal run`

use std::path::{Path, PathBuf};

use clap::{Args, value_parser};
use rehearsal::check::scenario_loader;
use rehearsal::files::{DirectoryLock, OutputFiles, input_name};
use rehearsal::promql::Semantics;
use rehearsal::rehearsal::FinishedRun;
use rehearsal::report::{self, Dashboard, RecordedRun, RunReport, printable, worst_exit_code};
use rehearsal::scenario::Scenario;

use crate::cli::error::CliError;
use crate::cli::input::{OverwriteArgs, read_rules};
use crate::cli::output::{self, ReportFormat};
use crate::cli::progress::ProgressLine;
use crate::cli::simulate::{ProfileArg, banner, rehearse, warn_of_cost};

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
    #[command(flatten)]
    overwrite: OverwriteArgs,
    /// Also write all recorded samples to --out, as `OpenMetrics` with timestamps
    #[arg(long, requires = "out")]
    openmetrics: bool,
    /// Leave out the wall-clock time, so that the same run gives the same documents
    #[arg(long)]
    reproducible: bool,
    /// Format of standard output
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

/// Runs all scenarios and prints their reports.
pub fn main(arguments: &RunArgs) -> Result<u8, CliError> {
    let mut documents = match &arguments.out {
        Some(directory) => Some(RunDocuments::new(arguments, directory)?),
        None => None,
    };
    let mut codes = Vec::new();
    let mut reports = Vec::new();
    let mut errors = Vec::new();
    for path in &arguments.scenarios {
        match run_one(arguments, path, documents.as_mut()) {
            Ok((report, finished)) => {
                codes.push(report.exit_code());
                publish(arguments, &report, &finished, documents.as_ref())?;
                reports.push(report);
            }
            Err(failure) => {
                output::print_status(&failure.to_string());
                codes.push(failure.exit_code());
                errors.push((input_name(path), failure.to_string()));
            }
        }
    }
    match arguments.format {
        ReportFormat::Text => {}
        ReportFormat::Json => output::print(&report::json(&reports))?,
        ReportFormat::Junit => output::print(&junit(&reports, &errors)?)?,
    }
    Ok(worst_exit_code(codes))
}

fn run_one(
    arguments: &RunArgs,
    path: &Path,
    documents: Option<&mut RunDocuments>,
) -> Result<(RunReport, FinishedRun), CliError> {
    let loader = scenario_loader(&arguments.overrides);
    let mut scenario = loader.load(path)?;
    if let Some(seed) = arguments.seed {
        scenario.seed = seed;
    }
    if let Some(documents) = documents {
        documents.begin(&scenario)?;
    }
    output::print_status(&banner(&scenario, arguments.profile));
    warn_of_cost(&scenario, arguments.profile.kind());
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
    let (mut report, finished) = rehearsed?;
    if arguments.reproducible {
        report.make_reproducible();
    }
    Ok((report, finished))
}

/// Prints a report if the format is text, and writes all documents to the directory.
fn publish(
    arguments: &RunArgs,
    report: &RunReport,
    finished: &FinishedRun,
    documents: Option<&RunDocuments>,
) -> Result<(), CliError> {
    let text = report::terminal(report);
    if let Some(documents) = documents {
        documents.write(report, &text, finished)?;
    }
    if arguments.format == ReportFormat::Text {
        output::print_text(&text)
    } else {
        Ok(())
    }
}

/// Documents of finished runs in a directory, as `NAME-SEED.EXTENSION`.
struct RunDocuments {
    files: OutputFiles,
    lock: DirectoryLock,
    /// Extensions of the documents of each run.
    extensions: Vec<&'static str>,
    /// Names of the runs so far, without extension.
    names: Vec<String>,
}

impl RunDocuments {
    fn new(arguments: &RunArgs, directory: &Path) -> Result<Self, CliError> {
        let inputs = arguments.scenarios.iter().map(PathBuf::as_path);
        let mut extensions = vec!["txt", "json", "xml", "prom", report::EXTENSION, "html"];
        extensions.extend(arguments.openmetrics.then_some("openmetrics"));
        Ok(Self {
            files: OutputFiles::new(arguments.overwrite.force, inputs),
            lock: DirectoryLock::acquire(directory)?,
            extensions,
            names: Vec::new(),
        })
    }

    /// Chooses the name of the next run: `NAME-SEED`, with a number if an earlier run of this
    /// command has that. Checks, before the run, that its documents may be written.
    fn begin(&mut self, scenario: &Scenario) -> Result<(), CliError> {
        let first = format!("{}-{}", scenario.name, scenario.seed);
        let mut name = first.clone();
        for number in 2.. {
            if !self.names.contains(&name) {
                break;
            }
            name = format!("{first}-{number}");
        }
        self.names.push(name);
        let mut extensions = self.extensions.iter();
        Ok(extensions.try_for_each(|extension| self.files.check(&self.path(extension)))?)
    }

    /// Path of a document of the current run.
    fn path(&self, extension: &str) -> PathBuf {
        let name = self.names.last().map_or("", String::as_str);
        self.lock.directory().join(format!("{name}.{extension}"))
    }

    fn write(
        &self,
        report: &RunReport,
        text: &str,
        finished: &FinishedRun,
    ) -> Result<(), CliError> {
        let reports = std::slice::from_ref(report);
        let run = RecordedRun::new(finished, report);
        let (rules, _) = read_rules(None, Semantics::default())?;
        for extension in &self.extensions {
            let path = self.path(extension);
            let recording = &finished.recording;
            match *extension {
                "txt" => self.files.write(
                    &path,
                    printable(&anstream::adapter::strip_str(text).to_string()),
                ),
                "json" => self.files.write(&path, report::json(reports)),
                "xml" => self.files.write(&path, junit(reports, &[])?),
                "prom" => self.files.write(&path, &finished.exposition),
                "html" => {
                    let page = report::html(&run, recording, &Dashboard::bundled(), &rules);
                    self.files.write(&path, page)
                }
                "openmetrics" => self.files.write_with(&path, |mut out| {
                    rehearsal::metrics::series::write_openmetrics(recording, &mut out)
                }),
                _ => self
                    .files
                    .write_with(&path, |out| report::write_recording(out, &run, recording)),
            }?;
        }
        Ok(())
    }
}

fn junit(reports: &[RunReport], errors: &[(String, String)]) -> Result<String, CliError> {
    report::junit(reports, errors).map_err(CliError::junit)
}
