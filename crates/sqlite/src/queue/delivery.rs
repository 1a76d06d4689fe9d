//! Delivery numbers: one growing counter for both queues, below an epoch.
//!
//! A delivery is `epoch << 40 | number`. The epoch belongs to the store, whose fences compare
//! deliveries; the counter belongs to the queues and names its epoch. If the counter is gone, the
//! queues were created anew: the epoch rises, so that new deliveries are higher than all before.

use tokio_rusqlite::rusqlite::{self, Connection, OptionalExtension};

/// Bits of a delivery below its epoch.
const NUMBER_BITS: i64 = 40;

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
    let delivery = match count(connection)? {
        Some(delivery) => delivery,
        None => {
            raise_epoch(connection)?;
            count(connection)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?
        }
    };
    Ok(delivery.cast_unsigned())
}

/// Counts in the store's epoch; none if the queues have no counter of that epoch.
fn count(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let mut count = connection.prepare_cached(
        "UPDATE delivery_counter SET last_number = last_number + 1
         WHERE epoch = (SELECT epoch FROM delivery_epoch)
         RETURNING epoch << ?1 | last_number",
    )?;
    let delivery = count.query_row([NUMBER_BITS], |row| row.get(0));
    delivery.optional()
}

fn raise_epoch(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "UPDATE delivery_epoch SET epoch = epoch + 1;
         DELETE FROM delivery_counter;
         INSERT INTO delivery_counter (epoch, last_number) SELECT epoch, 0 FROM delivery_epoch;",
    )
}
