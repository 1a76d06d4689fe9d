//! `rehearsal admin dead-letters`

use clap::{Args, Subcommand, ValueEnum};
use rehearsal::service::AdminConnection;
use rehearsal_sqlite::{DeadLetter, DeadLetterFilter};
use serde_json::json;

use super::listing::{AdminOutput, Listing, missing, unanswered};
use crate::cli::error::CliError;

#[derive(Subcommand)]
pub enum DeadLettersCommand {
    /// List dead letters, the oldest first
    List(FilterArgs),
    /// Show a dead letter with its body
    Show {
        /// Number of the dead letter
        #[arg(value_name = "NUMBER")]
        id: u64,
    },
    /// Put dead letters back into their queues, with an attempt count of zero
    Redrive(FilterArgs),
}

#[derive(Args)]
pub struct FilterArgs {
    /// Only dead letters of this queue. Default: both
    #[arg(long, value_enum, value_name = "QUEUE")]
    queue: Option<QueueArg>,
    /// Only the dead letter with this number
    #[arg(long, value_name = "NUMBER")]
    id: Option<u64>,
    /// Only dead letters of this run
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Only dead letters of this schedule
    #[arg(long, value_name = "SCHEDULE")]
    schedule: Option<String>,
    /// Maximum number of dead letters of each queue
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    limit: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QueueArg {
    /// Planned runs
    Planner,
    /// Segments
    Runner,
}

impl QueueArg {
    const fn name(self) -> &'static str {
        match self {
            Self::Planner => "planner",
            Self::Runner => "runner",
        }
    }
}

impl FilterArgs {
    fn filter(&self) -> DeadLetterFilter {
        DeadLetterFilter {
            id: self.id,
            run: self.run.as_deref().map(Into::into),
            schedule: self.schedule.as_deref().map(Into::into),
        }
    }

    fn queues(&self) -> impl Iterator<Item = QueueArg> {
        let chosen = self.queue;
        let both = [QueueArg::Planner, QueueArg::Runner].into_iter();
        both.filter(move |queue| chosen.is_none_or(|chosen| chosen == *queue))
    }
}

/// Carries out a command.
pub async fn carry_out(
    connection: &AdminConnection,
    command: &DeadLettersCommand,
) -> Result<AdminOutput, CliError> {
    match command {
        DeadLettersCommand::List(arguments) => {
            let columns = &["number", "queue", "run", "key", "attempts", "at", "reason"];
            let mut list = Listing::new("deadLetters", columns);
            for queue in arguments.queues() {
                for letter in find(connection, queue, &arguments.filter(), arguments.limit).await? {
                    list.add([
                        json!(letter.id),
                        json!(queue.name()),
                        json!(letter.run),
                        json!(letter.key),
                        json!(letter.attempts),
                        json!(letter.at),
                        json!(letter.reason),
                    ]);
                }
            }
            Ok(AdminOutput::Listing(list))
        }
        DeadLettersCommand::Show { id } => {
            let filter = DeadLetterFilter {
                id: Some(*id),
                ..DeadLetterFilter::default()
            };
            for queue in [QueueArg::Planner, QueueArg::Runner] {
                if let Some(letter) = find(connection, queue, &filter, 1).await?.first() {
                    return Ok(object(queue, letter));
                }
            }
            Err(missing("dead letter", id))
        }
        DeadLettersCommand::Redrive(arguments) => {
            let mut list = Listing::new("queues", &["queue", "redriven"]);
            let (filter, limit) = (arguments.filter(), arguments.limit);
            for queue in arguments.queues() {
                let ports = &connection.ports;
                let (planner, runner) = (&ports.planner_queue, &ports.runner_queue);
                let redriven = match queue {
                    QueueArg::Planner => planner.redrive_matching(&filter, limit).await,
                    QueueArg::Runner => runner.redrive_matching(&filter, limit).await,
                };
                list.add([json!(queue.name()), json!(redriven.map_err(unanswered)?)]);
            }
            Ok(AdminOutput::Listing(list))
        }
    }
}

async fn find(
    connection: &AdminConnection,
    queue: QueueArg,
    filter: &DeadLetterFilter,
    limit: usize,
) -> Result<Vec<DeadLetter>, CliError> {
    let (planner, runner) = (
        &connection.ports.planner_queue,
        &connection.ports.runner_queue,
    );
    let found = match queue {
        QueueArg::Planner => planner.dead_letters(filter, limit).await,
        QueueArg::Runner => runner.dead_letters(filter, limit).await,
    };
    found.map_err(unanswered)
}

fn object(queue: QueueArg, letter: &DeadLetter) -> AdminOutput {
    AdminOutput::Object {
        kind: "deadLetter",
        value: json!({
            "number": letter.id,
            "queue": queue.name(),
            "run": letter.run,
            "schedule": letter.schedule,
            "key": letter.key,
            "attempts": letter.attempts,
            "delivery": letter.delivery,
            "at": letter.at,
            "reason": letter.reason,
            "body": letter.body,
        }),
    }
}
