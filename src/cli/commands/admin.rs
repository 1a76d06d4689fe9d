//! `rehearsal admin`: what an operator does to a fleet, directly on its store.

mod dead_letters;
mod fires;
mod inventory;
mod listing;
mod processes;
mod runs;
mod schedules;

use std::time::Duration;

use clap::{Args, Subcommand};
use rehearsal::service::config::ServiceConfig;
use rehearsal::service::{AdminConnection, AdminError, run_local};
use tokio::time::timeout;

use self::listing::AdminOutput;
use crate::cli::config::ConfigArgs;
use crate::cli::error::CliError;
use crate::cli::output::{self, ResultFormat};

/// Maximum time of a command.
const COMMAND_TIME: Duration = Duration::from_secs(30);

#[derive(Args)]
pub struct AdminArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Format of the result
    #[arg(long, value_enum, default_value_t = ResultFormat::Text, global = true)]
    format: ResultFormat,
    #[command(subcommand)]
    command: AdminCommand,
}

#[derive(Subcommand)]
enum AdminCommand {
    /// Create, change, list and delete schedules
    #[command(subcommand)]
    Schedules(schedules::SchedulesCommand),
    /// List, start, cancel and retry runs
    #[command(subcommand)]
    Runs(runs::RunsCommand),
    /// List dead letters and put them back into their queues
    #[command(subcommand)]
    DeadLetters(dead_letters::DeadLettersCommand),
    /// Import and remove images
    #[command(subcommand)]
    Inventory(inventory::InventoryCommand),
    /// List worker processes, the last heartbeat first
    Processes,
    /// List the next fires of schedules, and those that are due and not decided yet
    Fires(fires::FiresArgs),
}

/// Runs the command and prints its result.
pub fn main(arguments: &AdminArgs) -> Result<u8, CliError> {
    let config = arguments.config.read(ServiceConfig::default(), &[])?;
    let invalid = config.worker.validate().err().unwrap_or_default();
    if let Some(error) = invalid.first() {
        return Err(CliError::usage(format!("worker.{}: {error}", error.key)));
    }
    let command = carry_out(config, &arguments.command);
    // An import takes as long as its file demands.
    let output = match &arguments.command {
        AdminCommand::Inventory(_) => run_local(command),
        _ => run_local(timeout_of(command)),
    };
    let output = output.map_err(CliError::io)??;
    let text = match arguments.format {
        ResultFormat::Text => output.text(),
        ResultFormat::Json => output.json(),
    };
    match arguments.format {
        ResultFormat::Text => output::print_text(&text)?,
        ResultFormat::Json => output::print(&text)?,
    }
    Ok(0)
}

async fn timeout_of(
    command: impl Future<Output = Result<AdminOutput, CliError>>,
) -> Result<AdminOutput, CliError> {
    let ended = timeout(COMMAND_TIME, command).await;
    ended.unwrap_or_else(|_| Err(AdminError::Unanswered.into()))
}

async fn carry_out(config: ServiceConfig, command: &AdminCommand) -> Result<AdminOutput, CliError> {
    let may_create = match command {
        AdminCommand::Schedules(command) => command.may_create(),
        AdminCommand::Inventory(command) => command.may_create(),
        _ => false,
    };
    let connection = AdminConnection::open(config, may_create).await?;
    match command {
        AdminCommand::Schedules(command) => schedules::carry_out(&connection, command).await,
        AdminCommand::Runs(command) => runs::carry_out(&connection, command).await,
        AdminCommand::DeadLetters(command) => dead_letters::carry_out(&connection, command).await,
        AdminCommand::Inventory(command) => inventory::carry_out(&connection, command).await,
        AdminCommand::Processes => processes::list(&connection).await,
        AdminCommand::Fires(arguments) => fires::list(&connection, arguments).await,
    }
}

impl From<AdminError> for CliError {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Missing(_) | AdminError::Service(_) => Self::usage(error),
            _ => Self::io(error),
        }
    }
}
