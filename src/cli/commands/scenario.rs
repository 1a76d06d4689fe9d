//! `rehearsal scenario`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use rehearsal::check::scenario_loader;
use rehearsal::files::{OutputFiles, input_name, is_stdin};
use rehearsal::report::worst_exit_code;
use rehearsal::scenario::{CostEstimate, starter};
use rehearsal::sim::fault_plan::FaultProfile;

use crate::cli::error::CliError;
use crate::cli::input::OverwriteArgs;
use crate::cli::output;
use crate::cli::simulate::warn_of_cost;

#[derive(Subcommand)]
pub enum ScenarioCommand {
    /// Validate scenario files and print all errors, or what a run costs
    Check(CheckArgs),
    /// Print the JSON Schema of scenario files, for editors
    Schema,
    /// Create a commented scenario file
    New(NewArgs),
}

#[derive(Args)]
pub struct CheckArgs {
    /// Scenario files
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
    /// Override of a scenario value, as in `fleet.images=100`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
}

#[derive(Args)]
pub struct NewArgs {
    /// Name of the scenario: lower-case letters, digits and single hyphens, 64 at most
    name: String,
    /// File to create; `-` for standard output. Default: NAME.toml
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    overwrite: OverwriteArgs,
}

/// Runs the subcommand.
pub fn main(command: &ScenarioCommand) -> Result<u8, CliError> {
    match command {
        ScenarioCommand::Check(arguments) => check(arguments),
        ScenarioCommand::Schema => schema(),
        ScenarioCommand::New(arguments) => new(arguments),
    }
}

/// Validates all files, and prints their errors or their expected cost.
fn check(arguments: &CheckArgs) -> Result<u8, CliError> {
    let loader = scenario_loader(&arguments.overrides);
    let mut codes = Vec::new();
    for path in &arguments.scenarios {
        match loader.load(path) {
            Ok(scenario) => {
                let (name, estimate) = (input_name(path), CostEstimate::of(&scenario));
                output::print_text(&format!("{name}: valid\n  {estimate}\n"))?;
                warn_of_cost(&scenario, FaultProfile::None);
            }
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

/// Creates a commented scenario file.
fn new(arguments: &NewArgs) -> Result<u8, CliError> {
    let name = &arguments.name;
    let text = starter(name).ok_or_else(|| {
        CliError::Usage(format!(
            "`{name}` is not a valid scenario name; write lower-case letters, digits and single \
             hyphens"
        ))
    })?;
    let path = arguments
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{name}.toml")));
    if is_stdin(&path) {
        output::print(&text)?;
        return Ok(0);
    }
    OutputFiles::new(arguments.overwrite.force, []).write(&path, text)?;
    output::print_text(&format!(
        "wrote {0}; now: rehearsal run {0}\n",
        path.display()
    ))?;
    Ok(0)
}
