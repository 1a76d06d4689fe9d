//! Table of the messages, and its changes.

use std::time::Duration;

use rehearsal_worker::model::observation::QueueName;
use rehearsal_worker::model::{RunId, ScheduleId, Timestamp};
use rehearsal_worker::ports::QueueDepth;
use tokio_rusqlite::rusqlite::{self, Connection, OptionalExtension, params};

use super::delivery;
use crate::clock::{from_column, to_column};

pub(super) const SCHEMA: &str = "
    CREATE TABLE message (
        -- Never used again, so that a dead letter keeps its number when it is redriven.
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        queue TEXT NOT NULL,
        key TEXT NOT NULL,
        run TEXT NOT NULL,
        schedule TEXT NOT NULL,
        body TEXT NOT NULL,
        -- Deliveries that count against the limit and have ended.
        failed INTEGER NOT NULL DEFAULT 0,
        -- Newest delivery; 0 before the first.
        delivery INTEGER NOT NULL DEFAULT 0,
        -- Whether ready_ns is the end of a lease, which counts if it passes.
        is_leased INTEGER NOT NULL DEFAULT FALSE,
        -- Time from which the message may be leased, in nanoseconds since the Unix epoch.
        ready_ns INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX message_ready ON message (queue, ready_ns, id);
    CREATE UNIQUE INDEX message_delivery ON message (delivery) WHERE delivery > 0;
";

/// Message on its way into the queue.
pub(super) struct EnqueuedMessage {
    pub queue: QueueName,
    pub key: String,
    pub run: RunId,
    pub schedule: ScheduleId,
    pub body: String,
}

/// Message that was leased.
pub(super) struct LeasedRow {
    pub run: RunId,
    pub schedule: ScheduleId,
    pub body: Vec<u8>,
    pub delivery: u64,
    pub attempt: u32,
}

/// Condition on a message that a delivery holds it at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeaseCondition {
    pub queue: QueueName,
    pub delivery: u64,
    pub now: Timestamp,
}

impl LeaseCondition {
    /// Condition over the parameters `?1` to `?3`.
    pub const TEXT: &str = "delivery = ?1 AND queue = ?2 AND is_leased AND ready_ns > ?3";

    /// Returns the values of the parameters.
    pub fn values(&self) -> (i64, &'static str, i64) {
        let delivery = self.delivery.cast_signed();
        (delivery, self.queue.as_str(), to_column(self.now))
    }

    /// Sets the time from which the message may be leased, and returns whether it was held.
    fn reschedule(
        &self,
        connection: &Connection,
        ready: Timestamp,
        is_leased: bool,
        counted: bool,
    ) -> rusqlite::Result<bool> {
        let condition = Self::TEXT;
        let mut update = connection.prepare_cached(&format!(
            "UPDATE message SET ready_ns = ?4, is_leased = ?5, failed = failed + ?6
             WHERE {condition}"
        ))?;
        let (delivery, queue, now) = self.values();
        let ready = to_column(ready);
        let changed = update.execute(params![delivery, queue, now, ready, is_leased, counted])?;
        Ok(changed == 1)
    }
}

/// Adds a message that is ready at once.
pub(super) fn insert(
    connection: &Connection,
    arrival: &EnqueuedMessage,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO message (queue, key, run, schedule, body, ready_ns)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    insert.execute(params![
        arrival.queue.as_str(),
        arrival.key,
        arrival.run.as_str(),
        arrival.schedule.as_str(),
        arrival.body,
        to_column(now),
    ])?;
    Ok(())
}

/// Returns the time until the next message may be leased; none if the queue is empty.
pub(super) fn until_ready(
    connection: &Connection,
    queue: QueueName,
    now: Timestamp,
) -> rusqlite::Result<Option<Duration>> {
    let mut first =
        connection.prepare_cached("SELECT min(ready_ns) FROM message WHERE queue = ?1")?;
    let ready: Option<i64> = first.query_row([queue.as_str()], |row| row.get(0))?;
    Ok(ready.map(|ready| from_column(ready).since(now)))
}

/// Leases the message that has been ready longest.
pub(super) fn claim(
    connection: &Connection,
    queue: QueueName,
    lease: Duration,
    now: Timestamp,
) -> rusqlite::Result<Option<LeasedRow>> {
    let mut first = connection.prepare_cached(
        "SELECT id FROM message WHERE queue = ?1 AND ready_ns <= ?2 ORDER BY ready_ns, id LIMIT 1",
    )?;
    let found = first.query_row(params![queue.as_str(), to_column(now)], |row| row.get(0));
    let Some(id): Option<i64> = found.optional()? else {
        return Ok(None);
    };
    let delivery = delivery::next(connection)?;
    let mut claim = connection.prepare_cached(
        "UPDATE message SET failed = failed + is_leased, is_leased = TRUE, delivery = ?2,
             ready_ns = ?3
         WHERE id = ?1
         RETURNING run, schedule, body, failed + 1",
    )?;
    let until = to_column(now.after(lease));
    let claimed = claim.query_row(params![id, delivery.cast_signed(), until], |row| {
        Ok(LeasedRow {
            run: row.get::<_, String>(0)?.as_str().into(),
            schedule: row.get::<_, String>(1)?.as_str().into(),
            // An operator may have written any bytes.
            body: row.get_ref(2)?.as_bytes()?.to_vec(),
            delivery,
            attempt: row.get(3)?,
        })
    });
    claimed.map(Some)
}

/// Extends the lease of a held message to `lease` from now.
pub(super) fn renew(
    connection: &Connection,
    held: LeaseCondition,
    lease: Duration,
) -> rusqlite::Result<bool> {
    held.reschedule(connection, held.now.after(lease), true, false)
}

/// Releases a held message, which is ready again after `delay`.
pub(super) fn release(
    connection: &Connection,
    held: LeaseCondition,
    delay: Duration,
    counted: bool,
) -> rusqlite::Result<bool> {
    held.reschedule(connection, held.now.after(delay), false, counted)
}

/// Removes a held message.
pub(super) fn remove(connection: &Connection, held: LeaseCondition) -> rusqlite::Result<bool> {
    let condition = LeaseCondition::TEXT;
    let text = format!("DELETE FROM message WHERE {condition}");
    let removed = connection.prepare_cached(&text)?.execute(held.values())?;
    Ok(removed == 1)
}

/// Returns the fill level.
pub(super) fn depth(
    connection: &Connection,
    queue: QueueName,
    now: Timestamp,
) -> rusqlite::Result<QueueDepth> {
    let mut depth = connection
        .prepare_cached("SELECT count(*), min(ready_ns) FROM message WHERE queue = ?1")?;
    depth.query_row([queue.as_str()], |row| {
        let count: i64 = row.get(0)?;
        let ready: Option<i64> = row.get(1)?;
        Ok(QueueDepth {
            depth: count.cast_unsigned(),
            oldest_ready_age: ready.map_or(Duration::ZERO, |ready| now.since(from_column(ready))),
        })
    })
}
