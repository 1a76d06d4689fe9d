//! Command line: the subcommands, and what they share.

mod commands;
mod error;
mod input;
mod output;
mod progress;
mod simulate;

use clap::{Parser, Subcommand};

use commands::{alerts, compare, completions, man, replay, report, run, scenario, shrink, sweep};
use error::CliError;

/// Rehearse a night in production before it happens.
///
/// Runs the planner and runner pipelines of the StellaOps Scheduler Worker in virtual time, from a
/// scenario file, and checks every metric against the truth.
#[derive(Parser)]
#[command(name = "rehearsal", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: CliCommand,
}

#[derive(Subcommand)]
enum CliCommand {
    /// Run scenarios, end to end, in virtual time
    Run(run::RunArgs),
    /// Make the HTML report of a finished run, with any Grafana dashboard
    Report(report::ReportArgs),
    /// Try many seeds of a scenario, on all cores
    Sweep(sweep::SweepArgs),
    /// Run a saved failure again, and show what happened around it
    Replay(replay::ReplayArgs),
    /// Make a bug's scenario as small as it can be
    Shrink(shrink::ShrinkArgs),
    /// Tell two builds or two sets of options apart, seed by seed
    Compare(compare::CompareArgs),
    /// Score alert rules against incidents whose truth is known
    Alerts(alerts::AlertsArgs),
    /// Check scenario files, print their JSON Schema, or start one
    #[command(subcommand)]
    Scenario(scenario::ScenarioCommand),
    /// Print the completion script of a shell
    Completions(completions::CompletionsArgs),
    /// Write the man pages, one per command
    Man(man::ManArgs),
}

/// Does what the command line says and returns the exit code.
pub fn main() -> u8 {
    let arguments = match Cli::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors. Nothing is left to say if printing fails.
            let _ = error.print();
            return u8::from(error.use_stderr()) * CliError::USAGE;
        }
    };
    let result = match arguments.command {
        CliCommand::Run(arguments) => run::main(&arguments),
        CliCommand::Report(arguments) => report::main(&arguments),
        CliCommand::Sweep(arguments) => sweep::main(&arguments),
        CliCommand::Replay(arguments) => replay::main(&arguments),
        CliCommand::Shrink(arguments) => shrink::main(&arguments),
        CliCommand::Compare(arguments) => compare::main(&arguments),
        CliCommand::Alerts(arguments) => alerts::main(&arguments),
        CliCommand::Scenario(command) => scenario::main(&command),
        CliCommand::Completions(arguments) => completions::main(&arguments),
        CliCommand::Man(arguments) => man::main(&arguments),
    };
    result.unwrap_or_else(|failure| {
        output::print_status(&failure.to_string());
        failure.exit_code()
    })
}
