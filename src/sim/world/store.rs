//! The store: linearizable, and atomic over everything that one commit names.
//!
//! ```text
//!   commit --> decide: repeat? objection? --> applied as announced, all of it
//!                 |                              |
//!                 +--> answer (nothing changes)  +--> runs, schedule, segments, intents, outbox,
//!                                                     baselines, balances, token
//! ```
//!
//! This module is the state of the store and knows no network; [`port`] is the access over it.
//!
//! A commit is decided and applied within one kernel event, which is all that linearizability needs
//! here. Simulating a replicated store was rejected: its guarantee to the worker is the same.

mod active_runs;
mod apply;
mod baselines;
mod decision;
mod incarnation_numbers;
mod operator;
mod outbox;
mod port;
mod read;
mod runs;
mod schedules;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::rc::Rc;

use self::active_runs::ActiveRunCounts;
use self::baselines::Baselines;
use self::incarnation_numbers::IncarnationNumbers;
use self::outbox::Outbox;
pub use self::port::StorePort;
use self::runs::RunTable;
use self::schedules::ScheduleTable;
use crate::model::{
    Applied, Commit, CommitAnswer, CommitToken, DeliveryEpoch, TenantId, Timestamp,
};
#[cfg(any(test, debug_assertions))]
use crate::model::{Run, RunState};
use crate::sim::fleet::Fleet;
use crate::worker::ports::{CommitDecision, Export, stamp_runs};
use rustc_hash::FxHashMap;

/// State of the store. It has no clock: every call that needs the time states it, so that tests can
/// compare any other store with it.
#[derive(Debug)]
pub struct SimStore {
    runs: RunTable,
    schedules: ScheduleTable,
    /// Answers to all applied commits, for repeats.
    tokens: FxHashMap<CommitToken, Applied>,
    incarnation_numbers: IncarnationNumbers,
    /// Epoch of each queue, by its number.
    delivery_epochs: [DeliveryEpoch; 2],
    balances: ActiveRunCounts,
    baselines: Baselines,
    outbox: Outbox,
    exports: Vec<Export>,
    /// Number of the last handled export.
    export_cursor: u64,
    /// Growing number of the last planning of each tenant.
    served: BTreeMap<TenantId, u64>,
    served_last: u64,
}

impl SimStore {
    /// Creates an empty store; `fleet` numbers the images, and other images are stored, too.
    pub fn new(fleet: Rc<Fleet>) -> Self {
        Self {
            runs: RunTable::default(),
            schedules: ScheduleTable::default(),
            tokens: FxHashMap::default(),
            incarnation_numbers: IncarnationNumbers::default(),
            delivery_epochs: [DeliveryEpoch::FIRST; 2],
            balances: ActiveRunCounts::default(),
            baselines: Baselines::new(fleet),
            outbox: Outbox::default(),
            exports: Vec::new(),
            export_cursor: 0,
            served: BTreeMap::new(),
            served_last: 0,
        }
    }

    /// Decides on a commit, and changes nothing.
    pub(super) fn decide(&self, commit: &Commit, now: Timestamp) -> CommitDecision {
        let Ok(decision) = CommitDecision::of(self, commit, now);
        decision
    }

    /// Decides on a commit, applies it if there is no objection, and returns the answer.
    pub fn commit(&mut self, commit: &Commit, now: Timestamp) -> CommitAnswer {
        match self.decide(commit, now) {
            CommitDecision::Repeat(answer) | CommitDecision::Declined(answer) => answer,
            CommitDecision::Apply(applied) => {
                let stamped = self.stamped(commit, now);
                self.apply(stamped, applied.clone());
                CommitAnswer::Applied(applied)
            }
        }
    }

    /// Returns the commit with the times of its runs, as it is observed and applied.
    pub(super) fn stamped(&self, commit: &Commit, now: Timestamp) -> Commit {
        let mut stamped = commit.clone();
        let Ok(()) = stamp_runs(self, &mut stamped, now);
        stamped
    }

    /// Checks the incremental sums against the documents. *O*(unfinished runs + schedules).
    #[cfg(any(test, debug_assertions))]
    fn assert_consistent(&self) {
        let mut backlog: BTreeMap<_, [u64; 2]> = BTreeMap::new();
        for record in self.runs.unfinished() {
            let row = backlog.entry(&record.run.schedule).or_default();
            row[record.run.mode.index()] += record.run.awaiting();
        }
        for record in self.schedules.live() {
            let counted = backlog.get(&record.schedule.id).copied();
            let id = &record.schedule.id;
            assert_eq!(
                counted.unwrap_or_default(),
                record.backlog,
                "backlog of {id}"
            );
        }
        let is_planning = |run: &Run| run.state == RunState::Planning;
        assert!(self.runs.planning().all(|record| is_planning(&record.run)));
        for segment in self.runs.released() {
            assert!(segment.committed_by.is_none() && segment.released_at.is_some());
        }
    }
}
