//! `rehearsal admin runs`

use clap::Subcommand;
use rehearsal::service::AdminConnection;
use rehearsal::worker::model::{Run, RunId, RunState, ScheduleId, Timestamp, Trigger};
use rehearsal::worker::ports::Store;
use serde_json::json;

use super::listing::{AdminOutput, Listing, missing, unanswered};
use crate::cli::error::CliError;

#[derive(Subcommand)]
pub enum RunsCommand {
    /// List runs, the newest first
    List {
        /// Only runs in this state: planning, queued, running, completed, error or cancelled
        #[arg(long, value_name = "STATE", value_parser = parse_state)]
        state: Option<RunState>,
        /// Only runs of this schedule
        #[arg(long, value_name = "SCHEDULE")]
        schedule: Option<String>,
        /// Maximum number of runs
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Show a run
    Show(RunArg),
    /// Start a run of a schedule
    Start {
        /// Identifier of the schedule
        #[arg(value_name = "SCHEDULE")]
        schedule: String,
        #[command(flatten)]
        occurrence: OccurrenceArg,
    },
    /// Cancel a run that is not over
    Cancel(RunArg),
    /// Run a run that is over once more, with the same products
    Retry {
        #[command(flatten)]
        run: RunArg,
        #[command(flatten)]
        occurrence: OccurrenceArg,
    },
}

#[derive(clap::Args)]
pub struct RunArg {
    /// Identifier of the run
    #[arg(value_name = "RUN")]
    run: String,
}

#[derive(clap::Args)]
pub struct OccurrenceArg {
    /// Last part of the new run's identifier: repeats with the same one create one run. Default:
    /// the time
    #[arg(long, value_name = "TEXT")]
    occurrence: Option<String>,
}

impl OccurrenceArg {
    fn or_time(&self, now: Timestamp) -> String {
        self.occurrence.clone().unwrap_or_else(|| now.to_string())
    }
}

fn parse_state(text: &str) -> Result<RunState, String> {
    serde_json::from_value(text.into())
        .map_err(|_| "write planning, queued, running, completed, error or cancelled".to_owned())
}

/// Carries out a command.
pub async fn carry_out(
    connection: &AdminConnection,
    command: &RunsCommand,
) -> Result<AdminOutput, CliError> {
    let store = &connection.ports.store;
    match command {
        RunsCommand::List {
            state,
            schedule,
            limit,
        } => {
            let schedule = schedule.as_deref().map(ScheduleId::from);
            let runs = store.runs(*state, schedule.as_ref(), *limit).await;
            Ok(listing(&runs.map_err(unanswered)?))
        }
        RunsCommand::Show(RunArg { run }) => Ok(AdminOutput::Object {
            kind: "run",
            value: json!(read(connection, &run.as_str().into()).await?.0),
        }),
        RunsCommand::Start {
            schedule,
            occurrence,
        } => {
            let read = store
                .schedule(&schedule.as_str().into())
                .await
                .map_err(unanswered)?;
            let document = read.value.filter(|document| !document.deleted);
            let schedule = document
                .ok_or_else(|| missing("schedule", schedule))?
                .schedule;
            let occurrence = occurrence.or_time(read.now);
            let worker = connection.worker().await?;
            let is_done = worker.commands().start(&schedule.id, &occurrence).await;
            let id = RunId::of(&schedule.tenant, &schedule.id, Trigger::Manual, occurrence);
            result(connection, &id, is_done).await
        }
        RunsCommand::Cancel(RunArg { run }) => {
            let (run, _) = read(connection, &run.as_str().into()).await?;
            if run.state.is_terminal() {
                return Err(CliError::Usage(format!("run `{}` is over", run.id)));
            }
            let worker = connection.worker().await?;
            let is_done = worker.commands().cancel(&run.id).await;
            result(connection, &run.id, is_done).await
        }
        RunsCommand::Retry {
            run: RunArg { run },
            occurrence,
        } => {
            let (run, now) = read(connection, &run.as_str().into()).await?;
            if !run.state.is_terminal() {
                return Err(CliError::Usage(format!("run `{}` is not over", run.id)));
            }
            let occurrence = occurrence.or_time(now);
            let worker = connection.worker().await?;
            let is_done = worker.commands().retry(&run.id, &occurrence).await;
            let id = RunId::of(&run.tenant, &run.schedule, Trigger::Manual, occurrence);
            result(connection, &id, is_done).await
        }
    }
}

/// Reads a run, with the store's time.
async fn read(connection: &AdminConnection, id: &RunId) -> Result<(Run, Timestamp), CliError> {
    let read = connection.ports.store.run(id).await.map_err(unanswered)?;
    let document = read.value.ok_or_else(|| missing("run", id))?;
    Ok((document.run.value, read.now))
}

/// Result of a command: the run as it is now.
async fn result(
    connection: &AdminConnection,
    id: &RunId,
    is_done: bool,
) -> Result<AdminOutput, CliError> {
    if !is_done {
        return Err(CliError::io(
            "other writers were always first; repeat the command",
        ));
    }
    Ok(listing(&[read(connection, id).await?.0]))
}

fn listing(runs: &[Run]) -> AdminOutput {
    let columns = &[
        "run",
        "state",
        "createdAt",
        "completedAt",
        "queued",
        "completed",
        "failed",
        "deltas",
    ];
    let mut list = Listing::new("runs", columns);
    for run in runs {
        let stats = run.stats;
        list.add([
            json!(run.id),
            json!(run.state),
            json!(run.created_at),
            json!(run.completed_at),
            json!(stats.queued),
            json!(stats.completed),
            json!(stats.failed),
            json!(stats.deltas),
        ]);
    }
    AdminOutput::Listing(list)
}
