//! Exports, numbered from 1 without gaps.

use rehearsal_worker::model::Timestamp;
use rehearsal_worker::ports::Export;
use tokio_rusqlite::rusqlite::{self, Connection};

use super::counters::StoreCounter;
use crate::value::{Bits, Json, Nanos, limit};

/// An export is one even if its sender repeats it. All tenants have the empty text.
pub(super) const SCHEMA: &str = "
    CREATE TABLE exports (
        sequence INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        kind TEXT NOT NULL,
        tenant TEXT NOT NULL,
        published_at INTEGER NOT NULL,
        export TEXT NOT NULL,
        UNIQUE (tenant, kind, id)
    ) STRICT;
";

/// Appends an export with the next number. Returns false if it was published before.
pub(super) fn publish(db: &Connection, export: Export, now: Timestamp) -> rusqlite::Result<bool> {
    // The number is taken back if the transaction is not committed.
    let sequence = StoreCounter::Exports.get(db)? + 1;
    let export = Export { sequence, ..export };
    let inserted = db
        .prepare_cached(
            "INSERT INTO exports (sequence, id, kind, tenant, published_at, export)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (tenant, kind, id) DO NOTHING",
        )?
        .execute((
            Bits(sequence),
            &*export.id,
            export.trigger.as_str(),
            export.tenant.as_ref().map_or("", |tenant| tenant.as_str()),
            Nanos(now),
            Json(&export),
        ))?;
    if inserted > 0 {
        StoreCounter::Exports.set(db, sequence)?;
    }
    Ok(inserted > 0)
}

/// Returns the cursor and the exports after it.
pub(super) fn after_cursor(db: &Connection, count: usize) -> rusqlite::Result<(u64, Vec<Export>)> {
    let cursor = StoreCounter::ExportCursor.get(db)?;
    let mut select = db.prepare_cached(
        "SELECT export FROM exports WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
    )?;
    let exports = select.query_map((Bits(cursor), limit(count)), |row| {
        row.get(0).map(|Json(export)| export)
    })?;
    Ok((cursor, exports.collect::<rusqlite::Result<_>>()?))
}

/// Purges handled exports that were published at `until` or before, and returns their number. A
/// later repeat of one of them counts as a new export.
pub(super) fn purge(db: &Connection, until: Timestamp) -> rusqlite::Result<usize> {
    let cursor = StoreCounter::ExportCursor.get(db)?;
    db.prepare_cached("DELETE FROM exports WHERE sequence <= ?1 AND published_at <= ?2")?
        .execute((Bits(cursor), Nanos(until)))
}
