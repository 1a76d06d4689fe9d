//! `rehearsal man`

use std::path::PathBuf;

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;
use rehearsal::files::OutputFiles;

use crate::cli::error::CliError;
use crate::cli::input::OverwriteArgs;
use crate::cli::{Cli, output};

#[derive(Args)]
pub struct ManArgs {
    /// The directory that receives one page per command
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    overwrite: OverwriteArgs,
}

/// Writes the man pages: `rehearsal.1`, `rehearsal-run.1` and so on.
pub fn main(arguments: &ManArgs) -> Result<u8, CliError> {
    let out = &arguments.out;
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add_pages(command, &mut pages);
    let files = OutputFiles::new(arguments.overwrite.force, []);
    let paths = pages.iter().map(|page| out.join(page.get_filename()));
    paths.clone().try_for_each(|path| files.check(&path))?;
    for (page, path) in pages.iter().zip(paths) {
        files.write_with(&path, |file| page.render(file))?;
    }
    output::print_text(&format!("wrote the man pages into {}\n", out.display()))?;
    Ok(0)
}

/// Adds the page of a command and those of its subcommands.
fn add_pages(command: Command, pages: &mut Vec<Man>) {
    let below = command.get_subcommands();
    for command in below.filter(|command| !command.is_hide_set()) {
        add_pages(command.clone(), pages);
    }
    pages.push(Man::new(command));
}
