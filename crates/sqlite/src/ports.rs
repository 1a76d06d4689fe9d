//! Ports of a process that reaches nothing but a file.

use rehearsal_worker::model::{PlannerMessage, SegmentMessage};
use rehearsal_worker::ports::{PortSet, Unavailable};

use crate::{Database, SqliteQueue, SqliteStore, SystemRandom};

/// Store and queues of a file. Scanner, impact index and Notify are down.
pub type SqlitePorts<C> = PortSet<
    C,
    SystemRandom,
    SqliteStore,
    SqliteQueue<PlannerMessage>,
    SqliteQueue<SegmentMessage>,
    Unavailable,
    Unavailable,
    Unavailable,
>;

impl Database {
    /// Returns the ports of a process with this clock.
    pub fn ports<C>(&self, clock: C) -> SqlitePorts<C> {
        PortSet {
            clock,
            random: SystemRandom::default(),
            store: SqliteStore::new(self.clone()),
            planner_queue: SqliteQueue::new(self.clone()),
            runner_queue: SqliteQueue::new(self.clone()),
            scanner: Unavailable,
            impact_index: Unavailable,
            notify: Unavailable,
        }
    }
}
