//! Intents to enqueue planner messages.

use rehearsal_worker::model::commit::Intent;
use rehearsal_worker::model::{PlannerMessage, RunId, Timestamp};
use tokio_rusqlite::rusqlite::{self, Connection, Row};

use crate::value::{Json, Nanos, limit};

pub(super) const SCHEMA: &str = "
    CREATE TABLE intents (
        run TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
        since INTEGER NOT NULL,
        enqueued INTEGER NOT NULL DEFAULT 0,
        requeued INTEGER NOT NULL DEFAULT 0,
        message TEXT NOT NULL
    ) STRICT;
    CREATE INDEX intents_since ON intents (since, run);
    CREATE INDEX intents_waiting ON intents (since, run) WHERE enqueued = 0;
";

fn intent_of(row: &Row<'_>) -> rusqlite::Result<Intent> {
    let (Json(message), Nanos(since)) = (row.get(0)?, row.get(1)?);
    Ok(Intent {
        message,
        since,
        enqueued: row.get(2)?,
        requeued: row.get(3)?,
    })
}

/// Writes the intent of a run, if the run exists.
pub(super) fn write(
    db: &Connection,
    message: &PlannerMessage,
    now: Timestamp,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT OR REPLACE INTO intents (run, since, message)
         SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM runs WHERE id = ?1)",
    )?
    .execute((message.run.as_str(), Nanos(now), Json(message)))?;
    Ok(())
}

pub(super) fn remove(db: &Connection, run: &RunId) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM intents WHERE run = ?1")?
        .execute([run.as_str()])?;
    Ok(())
}

/// Has the intent of a run enqueued again.
pub(super) fn requeue(db: &Connection, run: &RunId, now: Timestamp) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE intents SET since = ?2, enqueued = 0, requeued = requeued + 1 WHERE run = ?1",
    )?
    .execute((run.as_str(), Nanos(now)))?;
    Ok(())
}

/// Records that a relay has enqueued the message of a run.
pub(super) fn mark_enqueued(db: &Connection, run: &RunId) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE intents SET enqueued = 1 WHERE run = ?1")?
        .execute([run.as_str()])?;
    Ok(())
}

/// Lists the oldest intents that are not enqueued yet.
pub(super) fn waiting(db: &Connection, count: usize) -> rusqlite::Result<Vec<Intent>> {
    let mut select = db.prepare_cached(
        "SELECT message, since, enqueued, requeued FROM intents
         WHERE enqueued = 0 ORDER BY since, run LIMIT ?1",
    )?;
    select.query_map([limit(count)], intent_of)?.collect()
}

/// Lists the intents that are older than `limit`, oldest first.
pub(super) fn stale(db: &Connection, limit: Timestamp) -> rusqlite::Result<Vec<Intent>> {
    let mut select = db.prepare_cached(
        "SELECT message, since, enqueued, requeued FROM intents
         WHERE since < ?1 ORDER BY since, run",
    )?;
    select.query_map([Nanos(limit)], intent_of)?.collect()
}
