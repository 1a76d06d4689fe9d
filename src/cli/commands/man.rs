//! `rehearsal man`

use std::fs;
use std::path::PathBuf;

use clap::{Args, CommandFactory};

use crate::cli::error::CliError;
use crate::cli::{Cli, output};

#[derive(Args)]
pub struct ManArgs {
    /// The directory that receives one page per command
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Writes the man pages: `rehearsal.1`, `rehearsal-run.1` and so on.
pub fn main(arguments: &ManArgs) -> Result<u8, CliError> {
    let out = &arguments.out;
    fs::create_dir_all(out)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), out))
        .map_err(|error| CliError::Io(format!("can't write {}: {error}", out.display())))?;
    output::print(&format!("wrote the man pages into {}\n", out.display()))?;
    Ok(0)
}
