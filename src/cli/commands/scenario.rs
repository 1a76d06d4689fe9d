//! `rehearsal scenario`

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use rehearsal::check::scenario_loader;
use rehearsal::report::worst_exit_code;
use rehearsal::scenario::starter;

use crate::cli::error::CliError;
use crate::cli::output;

#[derive(Subcommand)]
pub enum ScenarioCommand {
    /// Read scenario files and say what is wrong with them
    Check(CheckArgs),
    /// Print the JSON Schema of scenario files, for editors
    Schema,
    /// Write a commented scenario to start from
    New(NewArgs),
}

#[derive(Args)]
pub struct CheckArgs {
    /// The scenario files
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
    /// Put a value over the file's, as in `fleet.images=100`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
}

#[derive(Args)]
pub struct NewArgs {
    /// The name of the scenario: lower-case letters, digits and hyphens
    name: String,
    /// The file to write; `-` for standard output [default: NAME.toml]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Checks, prints or writes, as the subcommand says.
pub fn main(command: &ScenarioCommand) -> Result<u8, CliError> {
    match command {
        ScenarioCommand::Check(arguments) => check(arguments),
        ScenarioCommand::Schema => schema(),
        ScenarioCommand::New(arguments) => new(arguments),
    }
}

/// Reads every file and says what is wrong with each.
fn check(arguments: &CheckArgs) -> Result<u8, CliError> {
    let overrides = arguments.overrides.clone();
    let loader = scenario_loader(&overrides);
    let mut codes = Vec::new();
    for path in &arguments.scenarios {
        match loader.load(path) {
            Ok(_) => output::print(&format!("{}: sound\n", path.display()))?,
            Err(error) => {
                let failure = CliError::from(error);
                output::print_status(&failure.to_string());
                codes.push(failure.exit_code());
            }
        }
    }
    Ok(worst_exit_code(codes))
}

/// Prints the JSON Schema of scenario files.
fn schema() -> Result<u8, CliError> {
    let schema = rehearsal::scenario::schema();
    output::print(&format!("{schema:#}\n"))?;
    Ok(0)
}

/// Writes a commented scenario to start from.
fn new(arguments: &NewArgs) -> Result<u8, CliError> {
    let name = &arguments.name;
    let text = starter(name).ok_or_else(|| {
        CliError::Usage(format!(
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
    written.map_err(|error| CliError::Io(format!("can't write {}: {error}", path.display())))?;
    output::print(&format!(
        "wrote {0}; now: rehearsal run {0}\n",
        path.display()
    ))?;
    Ok(0)
}
