//! Incarnations: their heartbeats, and the active runs that each accounts for.

use std::sync::Arc;
use std::time::Duration;

use rehearsal_worker::model::commit::{ActiveRunsDelta, AdoptOrphanedCount, DocumentVersion};
use rehearsal_worker::model::{IncarnationId, ProcessName, Timestamp};
use rehearsal_worker::ports::HeartbeatAnswer;
use tokio_rusqlite::rusqlite::{self, Connection, OptionalExtension, Row};

use crate::value::{Bits, Nanos, limit};

pub(super) const SCHEMA: &str = "
    CREATE TABLE incarnations (
        process TEXT NOT NULL,
        number INTEGER NOT NULL,
        version INTEGER NOT NULL DEFAULT 0,
        -- Time of the last heartbeat.
        alive_at INTEGER NOT NULL,
        -- Whether it announced its stop, so that its count may be adopted at once.
        is_stopping INTEGER NOT NULL DEFAULT 0,
        -- Entries less exits and less the counts that others adopted, by mode.
        active_0 INTEGER NOT NULL DEFAULT 0,
        active_1 INTEGER NOT NULL DEFAULT 0,
        -- Sum of the counts that others adopted, by mode.
        surrendered_0 INTEGER NOT NULL DEFAULT 0,
        surrendered_1 INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (process, number)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX incarnations_counting ON incarnations (process, number)
        WHERE active_0 <> 0 OR active_1 <> 0;
    CREATE INDEX incarnations_alive ON incarnations (alive_at);
";

/// Incarnation of a worker as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncarnationEntry {
    /// Identifier of the incarnation.
    pub id: IncarnationId,
    /// Time of its last heartbeat, on the store's clock.
    pub alive_at: Timestamp,
    /// Whether it announced its stop.
    pub is_stopping: bool,
    /// Active runs that it accounts for, by mode index.
    pub active_runs: [i64; 2],
}

fn id_of(row: &Row<'_>) -> rusqlite::Result<IncarnationId> {
    let process = ProcessName::new(row.get::<_, Arc<str>>(0)?);
    Ok(IncarnationId::new(process, row.get(1)?))
}

fn create(db: &Connection, id: &IncarnationId, now: Timestamp) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT OR IGNORE INTO incarnations (process, number, alive_at) VALUES (?1, ?2, ?3)",
    )?
    .execute((id.process.as_str(), id.number, Nanos(now)))?;
    Ok(())
}

/// Adds to the count of an incarnation, in a new version.
fn add(
    db: &Connection,
    id: &IncarnationId,
    change: [i64; 2],
    now: Timestamp,
) -> rusqlite::Result<()> {
    create(db, id, now)?;
    db.prepare_cached(
        "UPDATE incarnations
         SET version = version + 1, active_0 = active_0 + ?3, active_1 = active_1 + ?4
         WHERE process = ?1 AND number = ?2",
    )?
    .execute((id.process.as_str(), id.number, change[0], change[1]))?;
    Ok(())
}

/// Adds the change of one run to the count of an incarnation.
pub(super) fn count(
    db: &Connection,
    id: &IncarnationId,
    delta: ActiveRunsDelta,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let mut change = [0; 2];
    change[delta.mode.index()] = delta.change;
    add(db, id, change, now)
}

/// Returns the count that an adoption would move; none if it has another version.
pub(super) fn adoptable(
    db: &Connection,
    adoption: &AdoptOrphanedCount,
) -> rusqlite::Result<Option<[i64; 2]>> {
    db.prepare_cached(
        "SELECT active_0, active_1 FROM incarnations
         WHERE process = ?1 AND number = ?2 AND version = ?3",
    )?
    .query_row(
        (
            adoption.from.process.as_str(),
            adoption.from.number,
            Bits(adoption.expected),
        ),
        |row| Ok([row.get(0)?, row.get(1)?]),
    )
    .optional()
}

/// Moves the count of an incarnation to another one.
pub(super) fn adopt(
    db: &Connection,
    from: &IncarnationId,
    to: &IncarnationId,
    adopted: [i64; 2],
    now: Timestamp,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE incarnations
         SET version = version + 1, active_0 = 0, active_1 = 0,
             surrendered_0 = surrendered_0 + active_0, surrendered_1 = surrendered_1 + active_1
         WHERE process = ?1 AND number = ?2",
    )?
    .execute((from.process.as_str(), from.number))?;
    add(db, to, adopted, now)
}

/// Records a heartbeat, and returns the counts that may be adopted.
pub(super) fn heartbeat(
    db: &Connection,
    id: &IncarnationId,
    abandoned_after: Duration,
    is_stopping: bool,
    now: Timestamp,
) -> rusqlite::Result<HeartbeatAnswer> {
    create(db, id, now)?;
    let surrendered = db
        .prepare_cached(
            "UPDATE incarnations SET alive_at = ?3, is_stopping = max(is_stopping, ?4)
             WHERE process = ?1 AND number = ?2 RETURNING surrendered_0, surrendered_1",
        )?
        .query_row(
            (id.process.as_str(), id.number, Nanos(now), is_stopping),
            |row| Ok([row.get(0)?, row.get(1)?]),
        )?;
    let mut select = db.prepare_cached(
        "SELECT process, number, version FROM incarnations
         WHERE (active_0 <> 0 OR active_1 <> 0) AND (is_stopping = 1 OR alive_at <= ?3)
             AND (process, number) <> (?1, ?2)
         ORDER BY process, number",
    )?;
    let abandoned = Nanos(now.before(abandoned_after));
    let orphaned = select.query_map((id.process.as_str(), id.number, abandoned), |row| {
        let Bits(version): Bits = row.get(2)?;
        Ok::<(_, DocumentVersion), _>((id_of(row)?, version))
    })?;
    Ok(HeartbeatAnswer {
        surrendered,
        orphaned: orphaned.collect::<rusqlite::Result<_>>()?,
    })
}

/// Lists incarnations, the last heartbeat first.
pub(super) fn list(db: &Connection, count: usize) -> rusqlite::Result<Vec<IncarnationEntry>> {
    let mut select = db.prepare_cached(
        "SELECT process, number, alive_at, is_stopping, active_0, active_1 FROM incarnations
         ORDER BY alive_at DESC LIMIT ?1",
    )?;
    let records = select.query_map([limit(count)], |row| {
        let Nanos(alive_at) = row.get(2)?;
        Ok(IncarnationEntry {
            id: id_of(row)?,
            alive_at,
            is_stopping: row.get(3)?,
            active_runs: [row.get(4)?, row.get(5)?],
        })
    })?;
    records.collect()
}
