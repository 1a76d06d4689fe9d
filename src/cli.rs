//! The command line: one file for each command, which parses, calls and prints.

mod alerts;
mod banner;
mod check;
mod compare;
mod failure;
mod new;
mod output;
mod progress;
mod rehearse;
mod replay;
mod report;
mod rules;
mod run;
mod schema;
mod shrink;
mod sweep;

use clap::{Parser, Subcommand};

use failure::Failure;

/// Rehearse a night in production before it happens.
///
/// Runs the planner and runner pipelines of the StellaOps Scheduler Worker in virtual time, from a
/// scenario file, and checks every metric against the truth.
#[derive(Parser)]
#[command(name = "rehearsal", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run scenarios, end to end, in virtual time
    Run(run::Arguments),
    /// Make the HTML report of a finished run, with any Grafana dashboard
    Report(report::Arguments),
    /// Try many seeds of a scenario, on all cores
    Sweep(sweep::Arguments),
    /// Run a saved failure again, and show what happened around it
    Replay(replay::Arguments),
    /// Make a bug's scenario as small as it can be
    Shrink(shrink::Arguments),
    /// Tell two builds or two sets of options apart, seed by seed
    Compare(compare::Arguments),
    /// Score alert rules against incidents whose truth is known
    Alerts(alerts::Arguments),
    /// Check scenario files, print their JSON Schema, or start one
    #[command(subcommand)]
    Scenario(Scenario),
}

#[derive(Subcommand)]
enum Scenario {
    /// Read scenario files and say what is wrong with them
    Check(check::Arguments),
    /// Print the JSON Schema of scenario files, for editors
    Schema,
    /// Write a commented scenario to start from
    New(new::Arguments),
}

/// Does what the command line says and returns the exit code.
pub fn main() -> u8 {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors. Nothing is left to say if printing fails.
            let _ = error.print();
            return u8::from(error.use_stderr()) * Failure::USAGE;
        }
    };
    let result = match arguments.command {
        Command::Run(arguments) => run::main(&arguments),
        Command::Report(arguments) => report::main(&arguments),
        Command::Sweep(arguments) => sweep::main(&arguments),
        Command::Replay(arguments) => replay::main(&arguments),
        Command::Shrink(arguments) => shrink::main(&arguments),
        Command::Compare(arguments) => compare::main(&arguments),
        Command::Alerts(arguments) => alerts::main(&arguments),
        Command::Scenario(Scenario::Check(arguments)) => check::main(&arguments),
        Command::Scenario(Scenario::Schema) => schema::main(),
        Command::Scenario(Scenario::New(arguments)) => new::main(&arguments),
    };
    result.unwrap_or_else(|failure| {
        output::complain(&failure.to_string());
        failure.exit_code()
    })
}
