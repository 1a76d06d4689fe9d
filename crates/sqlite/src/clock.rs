//! The store's clock: the machine's, but never back, so that times grow with the order of commits.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rehearsal_worker::model::Timestamp;
use tokio_rusqlite::rusqlite::{self, Connection};

/// Least time between two writing transactions.
const TICK: Duration = Duration::from_micros(1);

/// Creates the table of the clock.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS clock (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        -- Time of the last writing transaction, in nanoseconds since the Unix epoch.
        last_ns INTEGER NOT NULL
    ) STRICT;
    INSERT OR IGNORE INTO clock (id, last_ns) VALUES (1, 0);
";

/// Returns the time of a reading transaction.
pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Timestamp> {
    Ok(machine_time().max(last(connection)?))
}

/// Returns the time of a writing transaction, which is later than that of the one before.
pub(crate) fn advance(connection: &Connection) -> rusqlite::Result<Timestamp> {
    let next = last(connection)?.after(TICK);
    let now = machine_time().max(next);
    connection
        .prepare_cached("UPDATE clock SET last_ns = ?1")?
        .execute([to_column(now)])?;
    Ok(now)
}

/// Returns the time of the last writing transaction.
fn last(connection: &Connection) -> rusqlite::Result<Timestamp> {
    let mut select = connection.prepare_cached("SELECT last_ns FROM clock")?;
    select.query_row([], |row| row.get(0).map(from_column))
}

/// Returns the value of a column of times. The column ends in the year 2262.
pub(crate) fn to_column(at: Timestamp) -> i64 {
    i64::try_from(at.nanos()).unwrap_or(i64::MAX)
}

/// Returns the time in a column.
pub(crate) const fn from_column(nanos: i64) -> Timestamp {
    Timestamp::from_nanos(nanos.cast_unsigned())
}

fn machine_time() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::ZERO.after(elapsed.unwrap_or_default())
}
