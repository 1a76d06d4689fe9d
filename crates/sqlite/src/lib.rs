//! Store, queues and inventory of the Scheduler Worker in one SQLite file.
//!
//! ```text
//!   SqliteStore ──────┐
//!   SqliteQueue ──────┤
//!   SqliteInventory ──┴─> Database ── closure ──> thread of the connection ── transaction ──> file
//! ```
//!
//! Every call of a port is one transaction on the thread of the connection. A caller that no
//! longer waits interrupts nothing: the transaction still ends. Several processes may share the
//! file; SQLite lets one of them write at a time.

#![forbid(unsafe_code)]

mod clock;
mod database;
mod health;
mod inventory;
mod ports;
mod queue;
mod recent_keys;
mod schema;
mod store;
mod system;
mod value;

pub use database::{Database, DatabaseOptions, OpenError};
pub use health::{DatabaseErrorClass, DatabaseErrorCount, PermanentDatabaseError};
pub use inventory::{
    ImageFileError, ImageLineError, ImportError, SbomEvent, SqliteInventory, read_images,
};
pub use ports::SqlitePorts;
pub use queue::{DeadLetter, DeadLetterFilter, SqliteQueue, SqliteQueueMessage};
pub use store::{IncarnationEntry, PurgeLimits, Purged, SqliteStore};
pub use system::{SystemClock, SystemRandom};
