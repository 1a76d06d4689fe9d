//! `rehearsal admin fires`

use clap::Args;
use rehearsal::service::AdminConnection;
use rehearsal::worker::model::{Calendar, Schedule, Timestamp};
use rehearsal::worker::ports::{ScheduleEntry, Store};
use serde_json::{Value, json};

use super::listing::{AdminOutput, Listing, missing, unanswered};
use crate::cli::error::CliError;

#[derive(Args)]
pub struct FiresArgs {
    /// Only fires of this schedule
    #[arg(long, value_name = "SCHEDULE")]
    schedule: Option<String>,
    /// Number of next fires of each schedule
    #[arg(long, value_name = "N", default_value_t = 3)]
    next: usize,
}

/// Lists fires: first those that are due and undecided, with the number that one run replaces.
pub async fn list(
    connection: &AdminConnection,
    arguments: &FiresArgs,
) -> Result<AdminOutput, CliError> {
    let read = connection
        .ports
        .store
        .schedules()
        .await
        .map_err(unanswered)?;
    let wanted = |entry: &&ScheduleEntry| {
        let id = arguments.schedule.as_deref();
        id.is_none_or(|id| entry.schedule.id.as_str() == id)
    };
    let entries: Vec<&ScheduleEntry> = read.value.iter().filter(wanted).collect();
    if let (Some(id), true) = (&arguments.schedule, entries.is_empty()) {
        return Err(missing("schedule", id));
    }
    let mut list = Listing::new("fires", &["schedule", "at", "kind", "count"]);
    for entry in entries {
        let schedule = &entry.schedule;
        let Some(calendar) = calendar(schedule) else {
            continue;
        };
        let mut add = |at: Timestamp, kind: &str, count: u32| {
            list.add([
                json!(schedule.id),
                json!(at),
                Value::from(kind),
                json!(count),
            ]);
        };
        if let Some((latest, earlier)) = calendar.latest_between(entry.cursor, read.now) {
            add(latest, "due", earlier + 1);
        }
        let first = calendar.next_after(read.now);
        let next = std::iter::successors(first, |fire| calendar.next_after(*fire));
        next.take(arguments.next)
            .for_each(|fire| add(fire, "next", 1));
    }
    Ok(AdminOutput::Listing(list))
}

fn calendar(schedule: &Schedule) -> Option<Calendar> {
    let expression = schedule.when_cron.as_ref().filter(|_| schedule.enabled)?;
    Calendar::new(expression, &schedule.time_zone).ok()
}
