//! `rehearsal completions`

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::error::CliError;
use crate::cli::{Cli, output};

#[derive(Args)]
pub struct CompletionsArgs {
    /// The shell that reads the script
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the completion script of a shell.
pub fn main(arguments: &CompletionsArgs) -> Result<u8, CliError> {
    let mut script = Vec::new();
    let mut command = Cli::command();
    clap_complete::generate(arguments.shell, &mut command, "rehearsal", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
