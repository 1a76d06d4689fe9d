//! `rehearsal report`

use std::path::{Path, PathBuf};

use clap::Args;
use rehearsal::files::{ByteLimit, OutputFiles, is_stdin, read_text};
use rehearsal::promql::Semantics;
use rehearsal::report::{Dashboard, RecordedRun, find_recording, html, read_recording};

use crate::cli::error::CliError;
use crate::cli::input::{OverwriteArgs, read_rules};
use crate::cli::output;

#[derive(Args)]
pub struct ReportArgs {
    /// Output of `run --out`: the recording, any document next to it, or the directory
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Classic Grafana dashboard to render. Default: docs/ops/
    #[arg(long, value_name = "FILE")]
    dashboard: Option<PathBuf>,
    /// Prometheus rule file whose alerts are shown. Default: docs/ops/
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// HTML file to write. Default: next to the recording, as `NAME-SEED.html`, or with a number
    /// if that exists
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Leave out the wall-clock time, so that the same run gives the same page
    #[arg(long)]
    reproducible: bool,
    #[command(flatten)]
    overwrite: OverwriteArgs,
}

/// Writes the HTML report of a finished run.
pub fn main(arguments: &ReportArgs) -> Result<u8, CliError> {
    let dashboard = match &arguments.dashboard {
        Some(path) => read_dashboard(path)?,
        None => Dashboard::bundled(),
    };
    let (rules, _) = read_rules(arguments.rules.as_deref(), Semantics::default())?;
    let path = find_recording(&arguments.run)?;
    let inputs = [
        Some(&path),
        arguments.dashboard.as_ref(),
        arguments.rules.as_ref(),
    ];
    let inputs = inputs.into_iter().flatten().map(PathBuf::as_path);
    let files = OutputFiles::new(arguments.overwrite.force, inputs);
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None if is_stdin(&path) => return Err(CliError::Usage("name the page with --out".into())),
        None => files.unused(&path.with_extension("html")),
    };
    files.check(&out)?;
    let (mut run, series) = read_recording(&path)?;
    if arguments.reproducible {
        run.report.make_reproducible();
    }
    files.write(&out, html(&run, &series, &dashboard, &rules))?;
    output::print_text(&format!("{}\n", summary_line(&run, &out)))?;
    Ok(0)
}

fn summary_line(run: &RecordedRun, out: &Path) -> String {
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
    let text = read_text(path, ByteLimit::DOCUMENT)?;
    Dashboard::parse(&text).map_err(|error| CliError::Usage(format!("{} {error}", path.display())))
}
