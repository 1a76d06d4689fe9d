//! `rehearsal replay`

use std::path::{Path, PathBuf};

use clap::Args;
use rehearsal::files::OutputFiles;
use rehearsal::rehearsal::NoHooks;
use rehearsal::replay::{Replay, ReplayCase, text};
use rehearsal::report::worst_exit_code;
use rehearsal::scenario;

use crate::cli::error::CliError;
use crate::cli::input::OverwriteArgs;
use crate::cli::output;
use crate::cli::progress::Spinner;
use crate::cli::simulate::warn_of_cost;

#[derive(Args)]
pub struct ReplayArgs {
    /// Bug files written by `sweep`, or scenario files written by `shrink`
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Virtual time to show before and after the first violation, as in `2m`
    #[arg(long, value_name = "TIME", default_value = "30s")]
    around: scenario::Duration,
    /// Chrome trace file to write as well, for Perfetto. Default: none
    #[arg(long, value_name = "FILE")]
    chrome: Option<PathBuf>,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    /// Maximum wall-clock time of a run, as in `10m`; exceeding it is a failure
    #[arg(long, value_name = "TIME", default_value = "5m")]
    hang_after: scenario::Duration,
}

/// Replays all files and prints the results.
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
    let files = OutputFiles::new(arguments.overwrite.force, [file]);
    arguments
        .chrome
        .iter()
        .try_for_each(|path| files.check(path))?;
    let replay = Replay {
        case: ReplayCase::read(file)?,
        hooks: || NoHooks,
        around: arguments.around.std(),
        hang: arguments.hang_after.std(),
    };
    warn_of_cost(&replay.case.scenario, replay.case.options.profile);
    let spinner = Spinner::new(&replay.case.scenario.name);
    let replayed = replay.run(|step| spinner.set_message(step));
    spinner.finish();
    let replayed = replayed?;
    output::print_text(&text(&replay.case, &replayed))?;
    match (&arguments.chrome, &replayed.excerpt) {
        (Some(path), Some(excerpt)) => files.write_with(path, |out| excerpt.write_chrome(out))?,
        (Some(path), None) => output::print_status(&format!(
            "no failure at an instant; {} is not written",
            path.display()
        )),
        (None, _) => {}
    }
    Ok(replayed.exit_code())
}
