//! The outbox: committed events that no relay has published yet.

use std::sync::Arc;

use rehearsal_convert::Index;
use rehearsal_worker::model::{Event, EventId};
use tokio_rusqlite::rusqlite::{self, Connection};

use super::counters::StoreCounter;
use crate::value::{Json, limit};

pub(super) const SCHEMA: &str = "
    CREATE TABLE outbox (
        position INTEGER PRIMARY KEY,
        id BLOB NOT NULL UNIQUE,
        tenant TEXT NOT NULL,
        event TEXT NOT NULL
    ) STRICT;
";

/// Appends an event. Two writes of one identifier are one event.
pub(super) fn push(db: &Connection, event: &Event) -> rusqlite::Result<()> {
    forget(db, event.event_id)?;
    db.prepare_cached("INSERT INTO outbox (id, tenant, event) VALUES (?1, ?2, ?3)")?
        .execute((
            event.event_id.0.to_be_bytes(),
            event.tenant.as_str(),
            Json(event),
        ))?;
    StoreCounter::Outbox.add(db, 1)?;
    Ok(())
}

/// Removes an event, unless it is gone already.
pub(super) fn forget(db: &Connection, id: EventId) -> rusqlite::Result<()> {
    let removed = db
        .prepare_cached("DELETE FROM outbox WHERE id = ?1")?
        .execute([id.0.to_be_bytes()])?;
    if removed > 0 {
        StoreCounter::Outbox.add(db, -removed.index_i64())?;
    }
    Ok(())
}

/// Lists the oldest events.
pub(super) fn oldest(db: &Connection, count: usize) -> rusqlite::Result<Vec<Arc<Event>>> {
    let mut select = db.prepare_cached("SELECT event FROM outbox ORDER BY position LIMIT ?1")?;
    let events = select.query_map([limit(count)], |row| {
        row.get(0).map(|Json(event)| Arc::new(event))
    })?;
    events.collect()
}
