//! `rehearsal replay`

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use rehearsal::rehearsal::NoHooks;
use rehearsal::replay::{Replay, ReplayCase, ReplayExcerpt, text};
use rehearsal::report::worst_exit_code;
use rehearsal::scenario;

use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::progress::Spinner;

#[derive(Args)]
pub struct ReplayArgs {
    /// Bug files, as `sweep` writes them, or scenario files, as `shrink` does
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How much virtual time before and after the first violation is shown
    #[arg(long, value_name = "TIME", default_value = "30s")]
    around: scenario::Duration,
    /// Write what is shown as a Chrome trace too, which Perfetto opens
    #[arg(long, value_name = "FILE")]
    chrome: Option<PathBuf>,
    /// A rehearsal that takes longer, in real time, hangs
    #[arg(long, value_name = "TIME", default_value = "5m")]
    hang_after: scenario::Duration,
}

/// Replays every file, and prints what became of each.
pub fn main(arguments: &ReplayArgs) -> Result<u8, CliError> {
    if arguments.chrome.is_some() && arguments.files.len() > 1 {
        return Err(CliError::Usage("--chrome takes one file at a time".into()));
    }
    let codes = arguments.files.iter().map(|file| {
        replay(arguments, file).unwrap_or_else(|failure| {
            output::print_status(&failure.to_string());
            failure.exit_code()
        })
    });
    Ok(worst_exit_code(codes.collect::<Vec<_>>()))
}

fn replay(arguments: &ReplayArgs, file: &Path) -> Result<u8, CliError> {
    let replay = Replay {
        case: ReplayCase::read(file)?,
        hooks: || NoHooks,
        around: arguments.around.std(),
        hang: arguments.hang_after.std(),
    };
    let spinner = Spinner::new(&replay.case.scenario.name);
    let replayed = replay.run(|what| spinner.say(what));
    spinner.finish();
    let replayed = replayed.map_err(|error| CliError::Usage(error.to_string()))?;
    output::print(&text(&replay.case, &replayed))?;
    match (&arguments.chrome, &replayed.excerpt) {
        (Some(path), Some(excerpt)) => write_chrome(path, excerpt)?,
        (Some(path), None) => output::print_status(&format!(
            "nothing fails at any instant, so {} is not written",
            path.display()
        )),
        (None, _) => {}
    }
    Ok(replayed.exit_code())
}

fn write_chrome(path: &Path, excerpt: &ReplayExcerpt) -> Result<(), CliError> {
    let written = File::create(path).and_then(|file| {
        let mut out = BufWriter::new(file);
        excerpt.write_chrome(&mut out)?;
        out.flush()
    });
    written.map_err(|error| CliError::Io(format!("can't write {}: {error}", path.display())))
}
