//! Runs scripts in the language of Prometheus's own `PromQL` tests, and prints a table.
//!
//! `cargo run --release --example promqltest -- [--show] FILE...`; with `--show` each eval that
//! failed, and each that is not supported, is listed with its reason. The exit code is 1 if any
//! failed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use rehearsal::promql::Semantics;
use rehearsal::promql::promqltest::{self, ScriptReport};

#[derive(Parser)]
struct Arguments {
    /// List each eval that failed or is not supported.
    #[arg(long)]
    show: bool,
    /// Semantics: v3-promqltest, v3 or v2.42.
    #[arg(long, default_value = "v3-promqltest")]
    semantics: Semantics,
    /// The scripts.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let name = |path: &Path| path.display().to_string();
    let width = arguments
        .files
        .iter()
        .map(|path| name(path).len())
        .max()
        .unwrap_or(0);
    println!(
        "{:width$}  {:>6}  {:>6}  {:>11}",
        "file", "passed", "failed", "unsupported"
    );
    let mut any_failed = false;
    for path in &arguments.files {
        let report = match run(path, arguments.semantics) {
            Ok(report) => report,
            Err(message) => {
                eprintln!("{}: {message}", name(path));
                any_failed = true;
                continue;
            }
        };
        let (failed, unsupported) = (report.failed.len(), report.unsupported.len());
        any_failed |= failed > 0;
        println!(
            "{:width$}  {:>6}  {failed:>6}  {unsupported:>11}",
            name(path),
            report.passed
        );
        if arguments.show {
            show("failed", &report.failed);
            show("unsupported", &report.unsupported);
        }
    }
    ExitCode::from(u8::from(any_failed))
}

fn run(path: &Path, semantics: Semantics) -> Result<ScriptReport, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    promqltest::run(&text, semantics).map_err(|error| error.to_string())
}

fn show(word: &str, remarks: &[promqltest::EvalMessage]) {
    for remark in remarks {
        println!("  {word}: {remark}");
    }
}
