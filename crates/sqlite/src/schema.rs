//! The tables, and the version of their definition.

use std::thread::sleep;
use std::time::{Duration, Instant};

use tokio_rusqlite::rusqlite::{self, Connection, TransactionBehavior};

use crate::{DatabaseOptions, clock, inventory, queue, recent_keys, store};

/// Version of the tables, in SQLite's `user_version`.
pub(crate) const VERSION: i64 = 2;

/// Sets the modes of the connection and creates the tables of an empty file. Returns the version
/// of the file.
pub(crate) fn prepare(
    connection: &mut Connection,
    options: DatabaseOptions,
) -> rusqlite::Result<i64> {
    // Readers do not wait for the writer.
    use_write_ahead_log(connection, options.busy_timeout)?;
    let synchronous = if options.is_durable { "FULL" } else { "NORMAL" };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    if let Some(bytes) = options.max_bytes {
        limit_pages(connection, bytes)?;
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found != 0 {
        return Ok(found);
    }
    for tables in [
        &[clock::SCHEMA, inventory::SCHEMA, recent_keys::SCHEMA][..],
        &store::SCHEMA,
        &queue::SCHEMA,
    ]
    .concat()
    {
        transaction.execute_batch(tables)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(VERSION)
}

/// Waits up to `patience` for other connections: SQLite itself does not while a new file changes to
/// the write-ahead log.
fn use_write_ahead_log(connection: &Connection, patience: Duration) -> rusqlite::Result<()> {
    let began = Instant::now();
    loop {
        let changed = connection.pragma_update(None, "journal_mode", "WAL");
        let is_busy = changed.as_ref().is_err_and(|error| {
            error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
        });
        if !is_busy || began.elapsed() >= patience {
            return changed;
        }
        sleep(Duration::from_millis(5));
    }
}

/// Sets the maximum size of the file. SQLite raises it to the size that the file has.
fn limit_pages(connection: &Connection, bytes: u64) -> rusqlite::Result<()> {
    let page: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    // SQLite takes 0 for a query.
    let pages = (bytes / u64::from(page)).max(1);
    let pages = i64::try_from(pages).unwrap_or(i64::MAX);
    connection.pragma_update(None, "max_page_count", pages)
}
