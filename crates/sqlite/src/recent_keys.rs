//! Idempotency keys of the last messages.

use std::time::Duration;

use rehearsal_worker::model::Timestamp;
use rehearsal_worker::model::observation::QueueName;
use tokio_rusqlite::rusqlite::{self, Connection, params};

use crate::clock::to_column;

/// Maximum number of old keys that one call removes. It is more than one, so that keys do not pile
/// up, and bounds the time of a call after a burst.
const PURGE_LIMIT: i64 = 64;

pub(super) const SCHEMA: &str = "
    CREATE TABLE recent_key (
        queue TEXT NOT NULL,
        key TEXT NOT NULL,
        enqueued_ns INTEGER NOT NULL,
        PRIMARY KEY (queue, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX recent_key_age ON recent_key (queue, enqueued_ns);
";

/// Remembers a key for the length of the window, and returns whether it was new.
pub(super) fn admit(
    connection: &Connection,
    queue: QueueName,
    key: &str,
    window: Duration,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let oldest = to_column(now.before(window));
    let mut purge = connection.prepare_cached(
        "DELETE FROM recent_key WHERE (queue, key) IN (
             SELECT queue, key FROM recent_key WHERE queue = ?1 AND enqueued_ns <= ?2
             ORDER BY enqueued_ns LIMIT ?3)",
    )?;
    purge.execute(params![queue.as_str(), oldest, PURGE_LIMIT])?;
    let mut admit = connection.prepare_cached(
        "INSERT INTO recent_key (queue, key, enqueued_ns) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET enqueued_ns = ?3 WHERE enqueued_ns <= ?4",
    )?;
    let changed = admit.execute(params![queue.as_str(), key, to_column(now), oldest])?;
    Ok(changed == 1)
}
