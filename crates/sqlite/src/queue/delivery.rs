//! Delivery numbers: one growing counter for both queues, below an epoch.
//!
//! The epoch belongs to the store, whose fences compare deliveries; the counter belongs to the
//! queues and names its epoch. If the counter is gone, the queues were created anew: the epoch
//! rises, so that new deliveries are higher than all before.

use rehearsal_worker::model::DeliveryEpoch;
use tokio_rusqlite::rusqlite::{self, Connection, OptionalExtension};

pub(super) const SCHEMA: &str = "
    -- Belongs to the store.
    CREATE TABLE delivery_epoch (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        epoch INTEGER NOT NULL
    ) STRICT;
    INSERT INTO delivery_epoch (id, epoch) VALUES (1, 0);

    -- Belongs to the queues.
    CREATE TABLE delivery_counter (
        epoch INTEGER PRIMARY KEY,
        last_number INTEGER NOT NULL
    ) STRICT;
    INSERT INTO delivery_counter (epoch, last_number) VALUES (0, 0);
";

/// Returns the next delivery.
pub(super) fn next(connection: &Connection) -> rusqlite::Result<u64> {
    if let Some(delivery) = count(connection)? {
        return Ok(delivery);
    }
    raise_epoch(connection)?;
    count(connection)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

/// Counts in the store's epoch; none if the queues have no counter of that epoch.
fn count(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    let mut count = connection.prepare_cached(
        "UPDATE delivery_counter SET last_number = last_number + 1
         WHERE epoch = (SELECT epoch FROM delivery_epoch)
         RETURNING epoch, last_number",
    )?;
    let delivery = count.query_row([], |row| {
        let (epoch, number) = (row.get(0)?, row.get::<_, i64>(1)?);
        Ok(DeliveryEpoch::new(epoch).delivery(number.cast_unsigned()))
    });
    delivery.optional()
}

fn raise_epoch(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "UPDATE delivery_epoch SET epoch = epoch + 1;
         DELETE FROM delivery_counter;
         INSERT INTO delivery_counter (epoch, last_number) SELECT epoch, 0 FROM delivery_epoch;",
    )
}
