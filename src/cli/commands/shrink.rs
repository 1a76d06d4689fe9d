//! `rehearsal shrink`

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use rehearsal::files::{ExistingFile, FileError, OutputFiles, is_stdin, write};
use rehearsal::rehearsal::NoHooks;
use rehearsal::report::shell_line;
use rehearsal::scenario::write::to_table;
use rehearsal::shrink::{ScenarioSize, Shrink, ShrinkOptions, Shrunk};
use rehearsal::sweep::Bug;

use crate::cli::error::CliError;
use crate::cli::input::{OverwriteArgs, jobs_or_cores, parse_jobs};
use crate::cli::output;
use crate::cli::progress::Spinner;
use crate::cli::simulate::warn_of_cost;

#[derive(Args)]
pub struct ShrinkArgs {
    /// Bug file written by `sweep`
    #[arg(value_name = "BUG")]
    bug: PathBuf,
    /// Scenario file to write. Default: next to the bug file, as `NAME.scenario.toml`, or with a
    /// number if that exists
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    /// Number of rehearsals run in parallel, 1 to 1024. Default: number of cores
    #[arg(long, value_name = "N", value_parser = parse_jobs)]
    jobs: Option<usize>,
    /// Maximum number of other seeds tried per candidate, 0 or more
    #[arg(long, value_name = "N", default_value_t = ShrinkOptions::default().seeds)]
    seeds: u64,
}

/// Shrinks a bug and writes the smallest scenario.
pub fn main(arguments: &ShrinkArgs) -> Result<u8, CliError> {
    let path = &arguments.bug;
    let out = out(arguments)?;
    let bug = Bug::read(path)?;
    let scenario = bug.scenario(path)?;
    warn_of_cost(&scenario, bug.options().profile);
    let directory = bug.scenario_directory(path);
    let shrink = Shrink {
        directory: &directory,
        cause: &bug.cause,
        hooks: || NoHooks,
        options: ShrinkOptions {
            jobs: jobs_or_cores(arguments.jobs),
            seeds: arguments.seeds,
        },
    };
    let began = Instant::now();
    let (spinner, mut rehearsals) = (Spinner::new(&bug.cause.name), 0);
    let mut written = Ok(());
    let mut last = None;
    let shrunk = shrink.run(&scenario, &bug.options(), |progress| {
        rehearsals = progress.rehearsals;
        spinner.set_message(&format!(
            "{}: {}",
            progress.reduction, progress.smallest.size
        ));
        // After an interrupt, the file has the smallest scenario found before it.
        if written.is_ok() && last != Some(progress.smallest.size) {
            last = Some(progress.smallest.size);
            written = save(&out, &bug, progress.smallest);
        }
    });
    spinner.finish();
    written?;
    let Some(shrunk) = shrunk? else {
        return Err(CliError::Usage(format!(
            "{} does not fail as `{}` any more; `rehearsal replay` shows its current behaviour",
            path.display(),
            bug.cause
        )));
    };
    save(&out, &bug, &shrunk)?;
    let written_to = out.display().to_string();
    let before = ScenarioSize::of(&scenario, &to_table(&scenario));
    output::print_text(&format!(
        "{}\n\nbefore  {before}, plus faults of profile {}\nafter   {}\n\
         {rehearsals} candidates, {:.1} s\n\n\
         wrote {written_to}\nreplay: {}\n",
        file(&bug, &shrunk),
        bug.profile,
        shrunk.size,
        began.elapsed().as_secs_f64(),
        shell_line(&["rehearsal", "replay", &written_to]),
    ))?;
    Ok(0)
}

/// Path of the scenario file. It may be written.
fn out(arguments: &ShrinkArgs) -> Result<PathBuf, CliError> {
    let bug = &arguments.bug;
    let files = OutputFiles::new(arguments.overwrite.force, [bug.as_path()]);
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None if is_stdin(bug) => {
            return Err(CliError::Usage("name the scenario file with --out".into()));
        }
        None => files.unused(&bug.with_extension("scenario.toml")),
    };
    files.check(&out)?;
    Ok(out)
}

/// Replaces what this command has written before.
fn save(out: &Path, bug: &Bug, shrunk: &Shrunk) -> Result<(), FileError> {
    write(out, ExistingFile::Replace, file(bug, shrunk))
}

/// Scenario file with its cause and message as comments.
fn file(bug: &Bug, shrunk: &Shrunk) -> String {
    format!(
        "# Shows `{}`:\n# {}\n\n{}",
        bug.cause,
        shrunk.message.replace('\n', "\n# "),
        shrunk.text
    )
}
