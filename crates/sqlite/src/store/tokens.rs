//! Tokens of applied commits, with the answers to their repeats.

use rehearsal_worker::model::{Applied, CommitToken, Timestamp};
use tokio_rusqlite::rusqlite::{self, Connection, OptionalExtension};

use crate::value::{Bits, Json, Nanos};

pub(super) const SCHEMA: &str = "
    CREATE TABLE tokens (
        process TEXT NOT NULL,
        incarnation INTEGER NOT NULL,
        sequence INTEGER NOT NULL,
        delivery INTEGER NOT NULL,
        applied_at INTEGER NOT NULL,
        answer TEXT NOT NULL,
        PRIMARY KEY (process, incarnation, sequence, delivery)
    ) STRICT, WITHOUT ROWID;
";

/// Returns the answer to the applied commit with this token.
pub(super) fn answer(db: &Connection, token: &CommitToken) -> rusqlite::Result<Option<Applied>> {
    db.prepare_cached(
        "SELECT answer FROM tokens
         WHERE process = ?1 AND incarnation = ?2 AND sequence = ?3 AND delivery = ?4",
    )?
    .query_row(
        (
            token.incarnation.process.as_str(),
            token.incarnation.number,
            Bits(token.sequence),
            Bits(token.delivery),
        ),
        |row| row.get(0).map(|Json(applied)| applied),
    )
    .optional()
}

pub(super) fn insert(
    db: &Connection,
    token: &CommitToken,
    applied: &Applied,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO tokens (process, incarnation, sequence, delivery, applied_at, answer)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute((
        token.incarnation.process.as_str(),
        token.incarnation.number,
        Bits(token.sequence),
        Bits(token.delivery),
        Nanos(applied.at),
        Json(applied),
    ))?;
    Ok(())
}

/// Purges the tokens of incarnations without a heartbeat or commit after `until`, and returns
/// their number. Those of a living incarnation all stay: it may repeat any of its commits.
pub(super) fn purge(db: &Connection, until: Timestamp) -> rusqlite::Result<usize> {
    db.prepare_cached(
        "DELETE FROM tokens WHERE (process, incarnation) IN (
             SELECT process, incarnation FROM tokens
             GROUP BY process, incarnation HAVING max(applied_at) <= ?1
             EXCEPT SELECT process, number FROM incarnations WHERE alive_at > ?1)",
    )?
    .execute([Nanos(until)])
}
