//! `rehearsal shrink`

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Instant;

use clap::Args;
use rehearsal::rehearsal::NoHooks;
use rehearsal::report::shell_line;
use rehearsal::scenario::write::to_table;
use rehearsal::shrink::{ScenarioSize, Shrink, ShrinkOptions, Shrunk};
use rehearsal::sweep::{Bug, BugError};

use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::progress::Spinner;

#[derive(Args)]
pub struct ShrinkArgs {
    /// The bug file, as `sweep` writes it
    #[arg(value_name = "BUG")]
    bug: PathBuf,
    /// Where the small scenario goes. Default: beside the bug, as `NAME.scenario.toml`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How many rehearsals at once. Default: one for each core
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Try each candidate with so many other seeds
    #[arg(long, value_name = "N", default_value_t = ShrinkOptions::default().seeds)]
    seeds: u64,
}

/// Shrinks a bug.
pub fn main(arguments: &ShrinkArgs) -> Result<u8, CliError> {
    let path = &arguments.bug;
    let bug = Bug::read(path)?;
    let scenario = bug.scenario(path)?;
    let cores = || available_parallelism().map_or(1, usize::from);
    let beside = bug.beside(path);
    let shrink = Shrink {
        directory: &beside,
        cause: &bug.cause,
        hooks: || NoHooks,
        options: ShrinkOptions {
            jobs: arguments.jobs.unwrap_or_else(cores),
            seeds: arguments.seeds,
        },
    };
    let out = arguments.out.clone();
    let out = out.unwrap_or_else(|| path.with_extension("scenario.toml"));
    let began = Instant::now();
    let (spinner, mut rehearsals) = (Spinner::new(&bug.cause.name), 0);
    let mut written = Ok(());
    let mut last = None;
    let shrunk = shrink.run(&scenario, &bug.options(), |progress| {
        rehearsals = progress.rehearsals;
        spinner.say(&format!(
            "{}: {}",
            progress.reduction, progress.smallest.size
        ));
        // Whoever interrupts has the smallest so far.
        if written.is_ok() && last != Some(progress.smallest.size) {
            last = Some(progress.smallest.size);
            written = write(&out, &bug, progress.smallest);
        }
    });
    spinner.finish();
    written?;
    let shrunk = shrunk.map_err(|error| CliError::Usage(error.to_string()))?;
    let Some(shrunk) = shrunk else {
        return Err(CliError::Usage(format!(
            "{} no longer fails as `{}`: there is nothing to shrink; `rehearsal replay` shows what \
             it does now",
            path.display(),
            bug.cause
        )));
    };
    write(&out, &bug, &shrunk)?;
    let written_to = out.display().to_string();
    let before = ScenarioSize::of(&scenario, &to_table(&scenario));
    output::print(&format!(
        "{}\n\nbefore  {before}, and what the profile {} draws\nafter   {}\n{rehearsals} candidates, {:.1} s\n\n\
         wrote {written_to}\nreplay: {}\n",
        file(&bug, &shrunk),
        bug.profile,
        shrunk.size,
        began.elapsed().as_secs_f64(),
        shell_line(&["rehearsal", "replay", &written_to]),
    ))?;
    Ok(0)
}

fn write(out: &Path, bug: &Bug, shrunk: &Shrunk) -> Result<(), CliError> {
    fs::write(out, file(bug, shrunk))
        .map_err(|error| CliError::Io(format!("can't write {}: {error}", out.display())))
}

/// The scenario file, and what it shows.
fn file(bug: &Bug, shrunk: &Shrunk) -> String {
    format!(
        "# Shows `{}`:\n# {}\n\n{}",
        bug.cause,
        shrunk.message.replace('\n', "\n# "),
        shrunk.text
    )
}

impl From<BugError> for CliError {
    fn from(error: BugError) -> Self {
        match error {
            BugError::Scenario(error) => Self::Scenario(error),
            BugError::Unreadable { .. } => Self::Io(error.to_string()),
            BugError::Foreign { .. } => Self::Usage(error.to_string()),
        }
    }
}
