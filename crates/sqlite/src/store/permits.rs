//! Permits for requests to the Scanner.

use std::time::Duration;

use rehearsal_worker::model::{ScheduleId, Timestamp};
use rehearsal_worker::ports::PermitGrant;
use tokio_rusqlite::rusqlite::{self, Connection, OptionalExtension};

use crate::value::Nanos;

pub(super) const SCHEMA: &str = "
    CREATE TABLE permits (
        schedule TEXT PRIMARY KEY,
        next_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// Reserves permits of a schedule, none before `lead` from now.
pub(super) fn reserve(
    db: &Connection,
    schedule: &ScheduleId,
    rate_per_second: f64,
    count: u32,
    lead: Duration,
    now: Timestamp,
) -> rusqlite::Result<PermitGrant> {
    let next = db
        .prepare_cached("SELECT next_at FROM permits WHERE schedule = ?1")?
        .query_row([schedule.as_str()], |row| row.get(0).map(|Nanos(at)| at))
        .optional()?
        .unwrap_or_default();
    let grant = PermitGrant::after(next, rate_per_second, count, lead, now);
    db.prepare_cached(
        "INSERT OR REPLACE INTO permits (schedule, next_at)
         SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM schedules WHERE id = ?1)",
    )?
    .execute((schedule.as_str(), Nanos(grant.end())))?;
    Ok(grant)
}
