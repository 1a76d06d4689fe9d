//! Row locks of the store: commits that write one row are served one after another.
//!
//! A commit locks its rows before it is served, in an order that all commits share: so no two wait
//! for each other. It unlocks them when it is done, whether or not it was applied.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::model::{Commit, RunId, ScheduleId};
use crate::sim::kernel::Handle;
use crate::sim::station::{ServerGuard, Station, WaitTimes};
use rustc_hash::FxHashMap;

/// Row that several commits may write.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum StoredRow {
    Schedule(ScheduleId),
    Run(RunId),
}

impl StoredRow {
    /// Returns the rows that a commit writes, in the order in which they are locked.
    pub fn of_commit(commit: &Commit) -> Vec<Self> {
        let schedule = commit.schedule.iter();
        let schedule = schedule.map(|write| Self::Schedule(write.id.clone()));
        let runs = commit.runs.iter();
        let runs = runs.map(|write| Self::Run(write.run.id.clone()));
        let mut rows: Vec<Self> = schedule.chain(runs).collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }
}

/// Locks of all rows that are locked or waited for.
pub(super) struct RowLocks {
    handle: Handle,
    /// A station of one server for each row.
    rows: RefCell<FxHashMap<StoredRow, Station>>,
    waits: Cell<WaitTimes>,
}

/// Locked row. Dropping it unlocks the row.
pub(super) struct RowLock {
    locks: Rc<RowLocks>,
    row: StoredRow,
    server: Option<ServerGuard>,
}

impl RowLocks {
    pub fn new(handle: Handle) -> Self {
        Self {
            handle,
            rows: RefCell::default(),
            waits: Cell::default(),
        }
    }

    /// Locks rows, which are those of a commit.
    pub async fn lock(self: &Rc<Self>, rows: Vec<StoredRow>) -> Vec<RowLock> {
        let since_ns = self.handle.now_ns();
        let has_rows = !rows.is_empty();
        let mut locked = Vec::with_capacity(rows.len());
        for row in rows {
            let station = self.station(&row);
            let server = Some(station.enter().await);
            locked.push(RowLock {
                locks: Rc::clone(self),
                row,
                server,
            });
        }
        if has_rows {
            let mut waits = self.waits.get();
            waits.add(self.handle.now_ns() - since_ns);
            self.waits.set(waits);
        }
        locked
    }

    /// Returns how long commits have waited for all of their rows.
    pub fn waits(&self) -> WaitTimes {
        self.waits.get()
    }

    fn station(&self, row: &StoredRow) -> Station {
        let mut rows = self.rows.borrow_mut();
        let new = || Station::new(self.handle.clone(), 1);
        rows.entry(row.clone()).or_insert_with(new).clone()
    }
}

impl Drop for RowLock {
    fn drop(&mut self) {
        drop(self.server.take());
        let mut rows = self.locks.rows.borrow_mut();
        if rows.get(&self.row).is_some_and(Station::is_idle) {
            rows.remove(&self.row);
        }
    }
}
