//! Command line: subcommands, and their shared support.

mod commands;
#[cfg(feature = "service")]
mod config;
mod error;
mod input;
mod output;
mod progress;
mod signals;
mod simulate;

use clap::{Parser, Subcommand};

use commands::{
    admin, alerts, compare, completions, man, replay, report, run, scenario, shrink, sweep, worker,
};
use error::CliError;

/// Deterministic simulator of the StellaOps Scheduler Worker.
///
/// Runs the planner and runner pipelines in virtual time, from a scenario file, and checks every
/// metric against the true state of the simulated world.
#[derive(Parser)]
#[command(name = "rehearsal", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: CliCommand,
}

#[derive(Subcommand)]
enum CliCommand {
    /// Run scenarios in virtual time and report the verdicts
    Run(run::RunArgs),
    /// Render the HTML report of a finished run, with any Grafana dashboard
    Report(report::ReportArgs),
    /// Run many seeds of a scenario on all cores
    Sweep(sweep::SweepArgs),
    /// Replay a saved failure and print the trace around its first violation
    Replay(replay::ReplayArgs),
    /// Shrink a failure to the smallest scenario that fails in the same way
    Shrink(shrink::ShrinkArgs),
    /// Compare two builds or two sets of options, paired by seed
    Compare(compare::CompareArgs),
    /// Score alert rules against the true incidents
    Alerts(alerts::AlertsArgs),
    /// Validate scenario files, print their JSON Schema, or create one
    #[command(subcommand)]
    Scenario(scenario::ScenarioCommand),
    /// Run a worker process in real time, or a demonstration of one
    Worker(worker::WorkerArgs),
    /// List and change schedules, runs and dead letters of a fleet, directly on its store
    Admin(admin::AdminArgs),
    /// Print the completion script of a shell
    Completions(completions::CompletionsArgs),
    /// Write the man pages, one per command
    Man(man::ManArgs),
}

/// Runs the command and returns the exit code of the program.
pub fn main() -> u8 {
    if let Err(error) = signals::install() {
        output::print_status(&format!("error: can't handle signals: {error}"));
        return CliError::IO;
    }
    let arguments = match Cli::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => {
            // The message quotes the arguments.
            output::print_status(error.render().ansi().to_string().trim_end());
            return CliError::USAGE;
        }
        Err(help) => {
            // A failure to print help or version is ignored.
            let _ = help.print();
            return 0;
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
        CliCommand::Worker(arguments) => worker::main(&arguments),
        CliCommand::Admin(arguments) => admin::main(&arguments),
        CliCommand::Completions(arguments) => completions::main(&arguments),
        CliCommand::Man(arguments) => man::main(&arguments),
    };
    result.unwrap_or_else(|failure| {
        output::print_status(&failure.to_string());
        failure.exit_code()
    })
}
