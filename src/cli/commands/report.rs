//! `rehearsal report`

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use rehearsal::promql::Semantics;
use rehearsal::report::{
    Dashboard, RecordingError, RunRecord, find_recording, html, read_recording,
};

use crate::cli::error::CliError;
use crate::cli::input::read_rules;
use crate::cli::output;

#[derive(Args)]
pub struct ReportArgs {
    /// What `run --out` left: the recording, any document beside it, or the directory
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// A classic Grafana dashboard whose panels are drawn. Default: the worker's own
    #[arg(long, value_name = "FILE")]
    dashboard: Option<PathBuf>,
    /// A file of Prometheus rules whose alerts are shown. Default: the worker's own
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Where the report goes. Default: beside the recording, as `NAME-SEED.html`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes the HTML report of a finished run.
pub fn main(arguments: &ReportArgs) -> Result<u8, CliError> {
    let dashboard = match &arguments.dashboard {
        Some(path) => read_dashboard(path)?,
        None => Dashboard::bundled(),
    };
    let (rules, _) = read_rules(arguments.rules.as_deref(), Semantics::default())?;
    let path = find_recording(&arguments.run)?;
    let (run, series) = read_recording(&path)?;
    let out = arguments.out.clone();
    let out = out.unwrap_or_else(|| path.with_extension("html"));
    fs::write(&out, html(&run, &series, &dashboard, &rules))
        .map_err(|error| CliError::Io(format!("can't write {}: {error}", out.display())))?;
    output::print(&format!("{}\n", said(&run, &out)))?;
    Ok(0)
}

fn said(run: &RunRecord, out: &Path) -> String {
    let report = &run.report;
    format!(
        "{} scenario={} seed={} report={}",
        report.verdict.as_str(),
        report.scenario,
        report.seed,
        out.display()
    )
}

fn read_dashboard(path: &Path) -> Result<Dashboard, CliError> {
    let text = fs::read_to_string(path)
        .map_err(|error| CliError::Io(format!("can't read {}: {error}", path.display())))?;
    Dashboard::parse(&text).map_err(|error| CliError::Usage(format!("{} {error}", path.display())))
}

impl From<RecordingError> for CliError {
    fn from(error: RecordingError) -> Self {
        match error {
            RecordingError::Unreadable { .. } => Self::Io(error.to_string()),
            RecordingError::NotOne { .. }
            | RecordingError::Foreign { .. }
            | RecordingError::Damaged { .. } => Self::Usage(error.to_string()),
        }
    }
}
