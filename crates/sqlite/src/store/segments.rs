//! Segments of runs.

use std::sync::Arc;

use rehearsal_worker::model::{CommitToken, ImageDigest, RunId, Segment, SegmentKey, Timestamp};
use rehearsal_worker::ports::SegmentFence;
use tokio_rusqlite::rusqlite::{self, Connection, OptionalExtension, Row};
use tokio_rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::value::{Bits, Json, Nanos};

pub(super) const SCHEMA: &str = "
    CREATE TABLE segments (
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        -- Whether it is released and uncommitted, and its run unfinished.
        is_waiting INTEGER NOT NULL DEFAULT 0,
        released_at INTEGER,
        worked_at INTEGER,
        requeued INTEGER NOT NULL,
        delivery INTEGER NOT NULL,
        committed_by TEXT,
        released_next TEXT NOT NULL,
        digests BLOB NOT NULL,
        PRIMARY KEY (run, position)
    ) STRICT;
    CREATE INDEX segments_waiting ON segments (released_at, run, position) WHERE is_waiting = 1;
";

/// Columns of a whole segment, for [`segment_of`].
const COLUMNS: &str = "run, position, digests, released_at, requeued, delivery, committed_by, \
                       worked_at, released_next";

/// Digests, one after the other.
struct Digests<T>(T);

impl ToSql for Digests<&[ImageDigest]> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let bytes: Vec<u8> = self
            .0
            .iter()
            .flat_map(ImageDigest::as_bytes)
            .copied()
            .collect();
        Ok(ToSqlOutput::from(bytes))
    }
}

impl FromSql for Digests<Arc<[ImageDigest]>> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let (digests, rest) = value.as_blob()?.as_chunks();
        match rest {
            [] => Ok(Self(
                digests.iter().copied().map(ImageDigest::new).collect(),
            )),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

fn segment_of(row: &Row<'_>) -> rusqlite::Result<Segment> {
    let (Digests(digests), Bits(delivery)) = (row.get(2)?, row.get(5)?);
    let Json(released_next) = row.get(8)?;
    Ok(Segment {
        key: SegmentKey {
            run: RunId::new(row.get::<_, Arc<str>>(0)?),
            index: row.get(1)?,
        },
        digests,
        released_at: row.get::<_, Option<_>>(3)?.map(|Nanos(at)| at),
        requeued: row.get(4)?,
        delivery,
        committed_by: row.get::<_, Option<_>>(6)?.map(|Json(token)| token),
        worked_at: row.get::<_, Option<_>>(7)?.map(|Nanos(at)| at),
        released_next,
    })
}

/// Reads a segment.
pub(super) fn read(db: &Connection, key: &SegmentKey) -> rusqlite::Result<Option<Segment>> {
    let text = format!("SELECT {COLUMNS} FROM segments WHERE run = ?1 AND position = ?2");
    db.prepare_cached(&text)?
        .query_row((key.run.as_str(), key.index), segment_of)
        .optional()
}

/// Reads what a segment's commit must meet.
pub(super) fn fence(db: &Connection, key: &SegmentKey) -> rusqlite::Result<Option<SegmentFence>> {
    db.prepare_cached(
        "SELECT delivery, committed_by IS NOT NULL FROM segments
         WHERE run = ?1 AND position = ?2",
    )?
    .query_row((key.run.as_str(), key.index), |row| {
        let Bits(delivery) = row.get(0)?;
        Ok(SegmentFence {
            delivery,
            is_committed: row.get(1)?,
        })
    })
    .optional()
}

/// Raises the fence to `delivery` and records that the segment is worked, unless a newer delivery
/// did so before.
pub(super) fn begin(
    db: &Connection,
    key: &SegmentKey,
    delivery: u64,
    now: Timestamp,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE segments SET delivery = ?3, worked_at = ?4
         WHERE run = ?1 AND position = ?2 AND delivery <= ?3",
    )?
    .execute((key.run.as_str(), key.index, Bits(delivery), Nanos(now)))?;
    Ok(())
}

/// Adds a segment to its run, if the run exists.
pub(super) fn insert(db: &Connection, segment: &Segment) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT OR IGNORE INTO segments (run, position, digests, released_at, requeued, delivery,
                                         committed_by, worked_at, released_next)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE EXISTS (SELECT 1 FROM runs WHERE id = ?1)",
    )?
    .execute((
        segment.key.run.as_str(),
        segment.key.index,
        Digests(&segment.digests[..]),
        segment.released_at.map(Nanos),
        segment.requeued,
        Bits(segment.delivery),
        segment.committed_by.as_ref().map(Json),
        segment.worked_at.map(Nanos),
        Json(&segment.released_next),
    ))?;
    Ok(())
}

/// Releases an uncommitted segment of an unfinished run, or has it enqueued again.
pub(super) fn release(
    db: &Connection,
    key: &SegmentKey,
    is_requeue: bool,
    now: Timestamp,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE segments SET is_waiting = 1, released_at = ?4, requeued = requeued + ?3
         WHERE run = ?1 AND position = ?2 AND committed_by IS NULL AND EXISTS (
             SELECT 1 FROM runs
             WHERE id = ?1 AND state IN ('planning', 'queued', 'running'))",
    )?
    .execute((key.run.as_str(), key.index, is_requeue, Nanos(now)))?;
    Ok(())
}

/// Marks a segment as committed by `token`, whose commit released the segments `next`.
pub(super) fn commit(
    db: &Connection,
    key: &SegmentKey,
    token: &CommitToken,
    next: &[SegmentKey],
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE segments SET is_waiting = 0, committed_by = ?3, released_next = ?4
         WHERE run = ?1 AND position = ?2",
    )?
    .execute((key.run.as_str(), key.index, Json(token), Json(next)))?;
    Ok(())
}

/// Records that the run of these segments has ended.
pub(super) fn end(db: &Connection, run: &RunId) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE segments SET is_waiting = 0 WHERE run = ?1 AND is_waiting = 1")?
        .execute([run.as_str()])?;
    Ok(())
}

/// Lists the waiting segments of running runs that were released and worked before `limit`, the
/// longest released first.
pub(super) fn stale(db: &Connection, limit: Timestamp) -> rusqlite::Result<Vec<Segment>> {
    let text = format!(
        "SELECT {COLUMNS} FROM segments
         WHERE is_waiting = 1 AND released_at < ?1 AND (worked_at IS NULL OR worked_at < ?1)
             AND EXISTS (SELECT 1 FROM runs WHERE id = segments.run AND state = 'running')
         ORDER BY released_at, run, position"
    );
    let mut select = db.prepare_cached(&text)?;
    select.query_map([Nanos(limit)], segment_of)?.collect()
}
