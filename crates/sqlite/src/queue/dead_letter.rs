//! Dead letters: messages that were given up, until an operator redrives them.

use rehearsal_worker::model::observation::QueueName;
use rehearsal_worker::model::{RunId, ScheduleId, Timestamp};
use tokio_rusqlite::rusqlite::{self, Connection, Row, ToSql, params};

use super::table::LeaseCondition;
use crate::clock::{from_column, to_column};
use crate::value;

pub(super) const SCHEMA: &str = "
    CREATE TABLE dead_letter (
        -- Number that it had as a message.
        id INTEGER PRIMARY KEY,
        queue TEXT NOT NULL,
        key TEXT NOT NULL,
        run TEXT NOT NULL,
        schedule TEXT NOT NULL,
        body TEXT NOT NULL,
        -- Deliveries that counted against the limit, including the last.
        attempts INTEGER NOT NULL,
        delivery INTEGER NOT NULL,
        reason TEXT NOT NULL,
        died_ns INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX dead_letter_age ON dead_letter (queue, died_ns, id);
";

/// Condition of a [`DeadLetterFilter`] on a dead letter.
const CONDITION: &str = "queue = ?1 AND (?2 IS NULL OR id = ?2) AND (?3 IS NULL OR run = ?3)
    AND (?4 IS NULL OR schedule = ?4)";

/// Message that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Number of the message, which no other message has.
    pub id: u64,
    /// Key under which it was enqueued. It names the work, even if the body is unreadable.
    pub key: String,
    /// Run, from the message's headers.
    pub run: RunId,
    /// Schedule, from the message's headers.
    pub schedule: ScheduleId,
    /// Deliveries that counted against the limit, including the last.
    pub attempts: u32,
    /// Last delivery.
    pub delivery: u64,
    /// Reason that the worker gave.
    pub reason: String,
    /// Time at which it was given up.
    pub at: Timestamp,
    /// Body, which may be no JSON. Bytes that are no UTF-8 are replaced.
    pub body: String,
}

/// Choice of dead letters: those that match every given field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeadLetterFilter {
    /// Number of the message.
    pub id: Option<u64>,
    /// Run, from the message's headers.
    pub run: Option<RunId>,
    /// Schedule, from the message's headers.
    pub schedule: Option<ScheduleId>,
}

impl DeadLetterFilter {
    /// Calls `query` with the values of [`CONDITION`] and `?5`, the limit.
    fn with_values<T>(
        &self,
        queue: QueueName,
        limit: usize,
        query: impl FnOnce(&[&dyn ToSql]) -> T,
    ) -> T {
        query(params![
            queue.as_str(),
            self.id.map(u64::cast_signed),
            self.run.as_ref().map(RunId::as_str),
            self.schedule.as_ref().map(ScheduleId::as_str),
            value::limit(limit),
        ])
    }
}

/// Copies a held message to the dead letters. Without such a message it does nothing.
pub(super) fn insert(
    connection: &Connection,
    held: LeaseCondition,
    reason: &str,
) -> rusqlite::Result<()> {
    let condition = LeaseCondition::TEXT;
    let mut insert = connection.prepare_cached(&format!(
        "INSERT INTO dead_letter
             (id, queue, key, run, schedule, body, attempts, delivery, reason, died_ns)
         SELECT id, queue, key, run, schedule, body, failed + 1, delivery, ?4, ?3
         FROM message WHERE {condition}"
    ))?;
    let (delivery, queue, now) = held.values();
    insert.execute(params![delivery, queue, now, reason])?;
    Ok(())
}

/// Lists dead letters, oldest first.
pub(super) fn list(
    connection: &Connection,
    queue: QueueName,
    filter: &DeadLetterFilter,
    limit: usize,
) -> rusqlite::Result<Vec<DeadLetter>> {
    let mut list = connection.prepare_cached(&format!(
        "SELECT id, key, run, schedule, attempts, delivery, reason, died_ns, body
         FROM dead_letter WHERE {CONDITION} ORDER BY died_ns, id LIMIT ?5"
    ))?;
    filter.with_values(queue, limit, |values| {
        list.query_map(values, dead_letter)?.collect()
    })
}

fn dead_letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    Ok(DeadLetter {
        id: row.get::<_, i64>(0)?.cast_unsigned(),
        key: row.get(1)?,
        run: row.get::<_, String>(2)?.as_str().into(),
        schedule: row.get::<_, String>(3)?.as_str().into(),
        attempts: row.get(4)?,
        delivery: row.get::<_, i64>(5)?.cast_unsigned(),
        reason: row.get(6)?,
        at: from_column(row.get(7)?),
        body: String::from_utf8_lossy(row.get_ref(8)?.as_bytes()?).into_owned(),
    })
}

/// Puts dead letters back into the queue, oldest first, and returns their number.
pub(super) fn redrive(
    connection: &Connection,
    queue: QueueName,
    filter: &DeadLetterFilter,
    limit: usize,
    now: Timestamp,
) -> rusqlite::Result<u64> {
    let chosen: Vec<i64> = {
        let mut choose = connection.prepare_cached(&format!(
            "SELECT id FROM dead_letter WHERE {CONDITION} ORDER BY died_ns, id LIMIT ?5"
        ))?;
        filter.with_values(queue, limit, |values| {
            choose
                .query_map(values, |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()
        })?
    };
    let mut put_back = connection.prepare_cached(
        "INSERT INTO message (id, queue, key, run, schedule, body, ready_ns)
         SELECT id, queue, key, run, schedule, body, ?2 FROM dead_letter WHERE id = ?1",
    )?;
    let mut remove = connection.prepare_cached("DELETE FROM dead_letter WHERE id = ?1")?;
    for id in &chosen {
        put_back.execute(params![id, to_column(now)])?;
        remove.execute([id])?;
    }
    Ok(chosen.len() as u64)
}
