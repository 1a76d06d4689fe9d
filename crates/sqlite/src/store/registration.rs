//! Numbers of incarnations, which the store assigns.

use rehearsal_worker::model::{IncarnationId, ProcessName};
use tokio_rusqlite::rusqlite::{self, Connection};

/// No purge removes a row: a number that is assigned twice would make new commits repeats.
pub(super) const SCHEMA: &str = "
    CREATE TABLE processes (
        name TEXT PRIMARY KEY,
        -- Number of its newest incarnation.
        newest INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// Registers a new incarnation of a process, with the next number.
pub(super) fn register(db: &Connection, process: &ProcessName) -> rusqlite::Result<IncarnationId> {
    let number = db
        .prepare_cached(
            "INSERT INTO processes (name, newest) VALUES (?1, 1)
             ON CONFLICT (name) DO UPDATE SET newest = newest + 1 RETURNING newest",
        )?
        .query_row([process.as_str()], |row| row.get(0))?;
    Ok(IncarnationId::new(process.clone(), number))
}
