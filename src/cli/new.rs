//! `rehearsal scenario new`

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use rehearsal::scenario::starter;

use super::failure::Failure;
use super::output;

#[derive(Args)]
pub struct Arguments {
    /// The name of the scenario: lower-case letters, digits and hyphens
    name: String,
    /// The file to write; `-` for standard output [default: NAME.toml]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes a commented scenario to start from.
pub fn main(arguments: &Arguments) -> Result<u8, Failure> {
    let name = &arguments.name;
    let text = starter(name).ok_or_else(|| {
        Failure::Usage(format!(
            "`{name}` is no name for a scenario; write lower-case letters, digits and hyphens"
        ))
    })?;
    let path = arguments
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{name}.toml")));
    if path.as_os_str() == "-" {
        output::print(&text)?;
        return Ok(0);
    }
    // An existing file is somebody's work.
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        Failure::Surroundings(format!("can't write {}: {error}", path.display()))
    })?;
    output::print(&format!(
        "wrote {0}; now: rehearsal run {0}\n",
        path.display()
    ))?;
    Ok(0)
}
