//! `rehearsal admin schedules`

use std::path::PathBuf;

use clap::Subcommand;
use rehearsal::check::scenario_loader;
use rehearsal::scenario::read_schedules;
use rehearsal::service::AdminConnection;
use rehearsal::worker::model::{Schedule, ScheduleId};
use rehearsal::worker::ports::{ScheduleDocument, Store};
use serde_json::{Value, json};

use super::listing::{AdminOutput, Listing, missing, unanswered};
use crate::cli::error::CliError;

#[derive(Subcommand)]
pub enum SchedulesCommand {
    /// Create the schedules of a file, or replace their definitions
    Apply {
        /// File with `[[schedule]]` tables as in scenarios; `-` for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// List all schedules
    List,
    /// Show a schedule
    Show(ScheduleArg),
    /// Let a schedule fire again. Fires that were due while it was disabled are not made up
    Enable(ScheduleArg),
    /// Stop the fires of a schedule
    Disable(ScheduleArg),
    /// Delete a schedule and cancel its runs
    Delete(ScheduleArg),
}

#[derive(clap::Args)]
pub struct ScheduleArg {
    /// Identifier of the schedule
    #[arg(value_name = "SCHEDULE")]
    id: String,
}

impl SchedulesCommand {
    /// Returns whether the command creates the store, if there is none.
    pub fn may_create(&self) -> bool {
        matches!(self, Self::Apply { .. })
    }
}

/// Carries out a command.
pub async fn carry_out(
    connection: &AdminConnection,
    command: &SchedulesCommand,
) -> Result<AdminOutput, CliError> {
    let store = &connection.ports.store;
    match command {
        SchedulesCommand::Apply { file } => {
            let schedules = read_schedules(&scenario_loader(&[]), file)?;
            apply(connection, schedules).await
        }
        SchedulesCommand::List => {
            let documents = store.schedule_documents().await.map_err(unanswered)?;
            let columns = &[
                "schedule", "tenant", "state", "whenCron", "timeZone", "mode", "cursor",
            ];
            let mut list = Listing::new("schedules", columns);
            for document in &documents {
                let schedule = &document.schedule;
                list.add([
                    json!(schedule.id),
                    json!(schedule.tenant),
                    json!(state(document)),
                    json!(schedule.when_cron),
                    json!(schedule.time_zone),
                    json!(schedule.mode),
                    json!(document.state.value.cursor),
                ]);
            }
            Ok(AdminOutput::Listing(list))
        }
        SchedulesCommand::Show(ScheduleArg { id }) => {
            let read = store
                .schedule(&id.as_str().into())
                .await
                .map_err(unanswered)?;
            let document = read.value.ok_or_else(|| missing("schedule", id))?;
            let mut value = json!(*document.schedule);
            value["state"] = json!(state(&document));
            value["cursor"] = json!(document.state.value.cursor);
            value["cronRuns"] = json!(document.state.value.cron_runs);
            Ok(AdminOutput::Object {
                kind: "schedule",
                value,
            })
        }
        SchedulesCommand::Enable(ScheduleArg { id }) => {
            let done = store.enable_schedule(&id.as_str().into(), true).await;
            changed(id, done.map_err(unanswered)?, "enabled")
        }
        SchedulesCommand::Disable(ScheduleArg { id }) => {
            let done = store.enable_schedule(&id.as_str().into(), false).await;
            changed(id, done.map_err(unanswered)?, "disabled")
        }
        SchedulesCommand::Delete(ScheduleArg { id }) => {
            let done = store.delete_schedule(&id.as_str().into()).await;
            changed(id, done.map_err(unanswered)?, "deleted")
        }
    }
}

fn state(document: &ScheduleDocument) -> &'static str {
    match (document.deleted, document.schedule.enabled) {
        (true, _) => "deleted",
        (false, true) => "enabled",
        (false, false) => "disabled",
    }
}

/// Result of a change of one schedule.
fn changed(id: &str, is_done: bool, state: &str) -> Result<AdminOutput, CliError> {
    if !is_done {
        return Err(missing("schedule", id));
    }
    Ok(results([(id.into(), state)]))
}

fn results<'a>(rows: impl IntoIterator<Item = (ScheduleId, &'a str)>) -> AdminOutput {
    let mut list = Listing::new("schedules", &["schedule", "result"]);
    for (id, result) in rows {
        list.add([json!(id), Value::from(result)]);
    }
    AdminOutput::Listing(list)
}

/// Creates or replaces all schedules. None is changed if one of them can't be.
async fn apply(
    connection: &AdminConnection,
    schedules: Vec<Schedule>,
) -> Result<AdminOutput, CliError> {
    let store = &connection.ports.store;
    let mut existing = Vec::new();
    for schedule in &schedules {
        let id = &schedule.id;
        if schedule.tenant.as_str().is_empty() {
            return Err(CliError::Usage(format!(
                "schedule `{id}` has no `tenant`; name its owner"
            )));
        }
        let known = store.schedule(id).await.map_err(unanswered)?.value;
        if let Some(known) = &known {
            let owner = &known.schedule.tenant;
            if known.deleted || *owner != schedule.tenant {
                let reason = match known.deleted {
                    true => "was deleted".to_owned(),
                    false => format!("belongs to the tenant `{owner}`"),
                };
                return Err(CliError::Usage(format!(
                    "schedule `{id}` {reason}; choose another identifier"
                )));
            }
        }
        existing.push(known);
    }
    let mut done = Vec::new();
    for (schedule, known) in schedules.into_iter().zip(existing) {
        let id = schedule.id.clone();
        let is_enabled_again = known.as_ref().is_some_and(|known| !known.schedule.enabled);
        let result = match &known {
            None => "created",
            Some(known) if *known.schedule == schedule => "unchanged",
            Some(_) => "replaced",
        };
        let is_defined = match (&known, result) {
            (_, "unchanged") => Ok(true),
            // A schedule that was disabled does not make its fires up.
            (Some(_), _) if !is_enabled_again => store.redefine_schedule(schedule).await,
            _ => store.define_schedule(schedule).await,
        };
        if !is_defined.map_err(unanswered)? {
            return Err(CliError::io(format!(
                "schedule `{id}` was changed meanwhile; try again"
            )));
        }
        done.push((id, result));
    }
    Ok(results(done))
}
