//! Idempotency keys of the last messages: of the queues, and of the SBOM events.

use std::time::Duration;

use rehearsal_worker::model::Timestamp;
use tokio_rusqlite::rusqlite::{self, Connection, params};

use crate::clock::to_column;

/// Maximum number of old keys that one call removes. It is more than one, so that keys do not pile
/// up, and bounds the time of a call after a burst.
const PURGE_LIMIT: i64 = 64;

pub(crate) const SCHEMA: &str = "
    CREATE TABLE recent_key (
        scope TEXT NOT NULL,
        key TEXT NOT NULL,
        received_ns INTEGER NOT NULL,
        PRIMARY KEY (scope, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX recent_key_age ON recent_key (scope, received_ns);
";

/// Remembers a key for the length of the window, and returns whether it was new. Each scope has
/// keys of its own.
pub(crate) fn admit(
    connection: &Connection,
    scope: &str,
    key: &str,
    window: Duration,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let oldest = to_column(now.before(window));
    let mut purge = connection.prepare_cached(
        "DELETE FROM recent_key WHERE (scope, key) IN (
             SELECT scope, key FROM recent_key WHERE scope = ?1 AND received_ns <= ?2
             ORDER BY received_ns LIMIT ?3)",
    )?;
    purge.execute(params![scope, oldest, PURGE_LIMIT])?;
    let mut admit = connection.prepare_cached(
        "INSERT INTO recent_key (scope, key, received_ns) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET received_ns = ?3 WHERE received_ns <= ?4",
    )?;
    let changed = admit.execute(params![scope, key, to_column(now), oldest])?;
    Ok(changed == 1)
}
