//! Numbers of which the store has one.

use tokio_rusqlite::rusqlite::{self, Connection};

use crate::value::Bits;

pub(super) const SCHEMA: &str = "
    CREATE TABLE counters (
        name TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO counters (name, value) VALUES
        ('export_cursor', 0), ('exports', 0), ('served', 0), ('outbox', 0),
        ('schedule_list', 0), ('backlog_rows', 0);
";

/// Name of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoreCounter {
    /// Number of the last handled export.
    ExportCursor,
    /// Number of the last export.
    Exports,
    /// Rank of the last planning.
    Served,
    /// Number of events in the outbox.
    Outbox,
    /// Version of the list of schedules.
    ScheduleList,
    /// Version of the rows of the backlog.
    BacklogRows,
}

impl StoreCounter {
    const fn name(self) -> &'static str {
        match self {
            Self::ExportCursor => "export_cursor",
            Self::Exports => "exports",
            Self::Served => "served",
            Self::Outbox => "outbox",
            Self::ScheduleList => "schedule_list",
            Self::BacklogRows => "backlog_rows",
        }
    }

    pub fn get(self, db: &Connection) -> rusqlite::Result<u64> {
        db.prepare_cached("SELECT value FROM counters WHERE name = ?1")?
            .query_row([self.name()], |row| row.get(0).map(|Bits(value)| value))
    }

    pub fn set(self, db: &Connection, value: u64) -> rusqlite::Result<()> {
        db.prepare_cached("UPDATE counters SET value = ?2 WHERE name = ?1")?
            .execute((self.name(), Bits(value)))?;
        Ok(())
    }

    /// Adds to the number, and returns the sum.
    pub fn add(self, db: &Connection, change: i64) -> rusqlite::Result<u64> {
        db.prepare_cached("UPDATE counters SET value = value + ?2 WHERE name = ?1 RETURNING value")?
            .query_row((self.name(), change), |row| {
                row.get(0).map(|Bits(value)| value)
            })
    }
}
