//! Permits for requests to the Scanner.

use rehearsal_worker::model::{PermitGrant, PermitRequest, ScheduleId, Timestamp};
use tokio_rusqlite::rusqlite::{self, Connection, OptionalExtension};

use crate::value::Nanos;

pub(super) const SCHEMA: &str = "
    CREATE TABLE permits (
        schedule TEXT PRIMARY KEY,
        next_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// Reserves permits of a schedule.
pub(super) fn reserve(
    db: &Connection,
    schedule: &ScheduleId,
    request: PermitRequest,
    now: Timestamp,
) -> rusqlite::Result<PermitGrant> {
    let next = db
        .prepare_cached("SELECT next_at FROM permits WHERE schedule = ?1")?
        .query_row([schedule.as_str()], |row| row.get(0).map(|Nanos(at)| at))
        .optional()?
        .unwrap_or_default();
    let grant = request.grant(next, now);
    db.prepare_cached(
        "INSERT OR REPLACE INTO permits (schedule, next_at)
         SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM schedules WHERE id = ?1)",
    )?
    .execute((schedule.as_str(), Nanos(grant.end())))?;
    Ok(grant)
}
