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
use self::schedules::{ScheduleTable, awaiting};
use crate::model::commit::BacklogRow;
use crate::model::{
    Applied, Commit, CommitAnswer, CommitRefusal, CommitStep, CommitToken, TenantId, Timestamp,
};
#[cfg(any(test, debug_assertions))]
use crate::model::{Run, RunState};
use crate::sim::fleet::Fleet;
use crate::worker::ports::Export;
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

/// Decision of the store on a commit.
#[derive(Debug, PartialEq)]
pub(super) enum CommitDecision {
    /// The commit was applied before; its first answer is repeated.
    Repeat(CommitAnswer),
    /// The commit is not applied.
    Declined(CommitAnswer),
    /// The commit may be applied with this answer.
    Apply(Applied),
}

impl SimStore {
    /// Creates an empty store; `fleet` numbers the images, and other images are stored, too.
    pub fn new(fleet: Rc<Fleet>) -> Self {
        Self {
            runs: RunTable::default(),
            schedules: ScheduleTable::default(),
            tokens: FxHashMap::default(),
            incarnation_numbers: IncarnationNumbers::default(),
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
        if let Some(applied) = self.tokens.get(&commit.token) {
            return CommitDecision::Repeat(CommitAnswer::Applied(applied.clone()));
        }
        let objection = self
            .segment_objection(commit)
            .or_else(|| self.version_objection(commit))
            .or_else(|| self.baseline_objection(commit));
        match objection {
            Some(answer) => CommitDecision::Declined(answer),
            None => CommitDecision::Apply(Applied {
                at: now,
                backlog: self.backlog_after(commit),
                adopted: self.taken(commit).unwrap_or_default(),
            }),
        }
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

    /// Returns the objection to a commit whose segment is gone, committed or superseded.
    fn segment_objection(&self, commit: &Commit) -> Option<CommitAnswer> {
        let CommitStep::Segment(step) = &commit.step else {
            return None;
        };
        let Some(record) = self.runs.get(&step.key.run) else {
            return Some(CommitAnswer::Refused(CommitRefusal::RunMissing));
        };
        let Some(segment) = record.segment(step.key.index) else {
            return Some(CommitAnswer::Conflict);
        };
        // A repeat of the commit would have been found by its token.
        if segment.committed_by.is_some() {
            Some(CommitAnswer::AppliedByAnother)
        } else if record.run.state.is_terminal() {
            Some(CommitAnswer::Refused(CommitRefusal::RunTerminal))
        } else if segment.delivery > commit.token.delivery {
            Some(CommitAnswer::Refused(CommitRefusal::Superseded))
        } else {
            None
        }
    }

    /// Returns the objection to a commit that has read an older version of a document.
    fn version_objection(&self, commit: &Commit) -> Option<CommitAnswer> {
        for write in &commit.runs {
            let record = self.runs.get(&write.run.id);
            if record.is_none() && write.expected.is_some() {
                return Some(CommitAnswer::Refused(CommitRefusal::RunMissing));
            }
            if record.map(|record| record.version) != write.expected {
                return Some(CommitAnswer::Conflict);
            }
        }
        let has_moved = commit.schedule.as_ref().is_some_and(|write| {
            let record = self.schedules.get(&write.id);
            record.is_none_or(|record| record.version != write.expected)
        });
        let exports_moved = commit
            .exports
            .is_some_and(|(expected, _)| expected != self.export_cursor);
        let balance_moved = commit.adoption.is_some() && self.taken(commit).is_none();
        (has_moved || exports_moved || balance_moved).then_some(CommitAnswer::Conflict)
    }

    /// Returns the objection to a commit whose deltas were computed against other baselines.
    fn baseline_objection(&self, commit: &Commit) -> Option<CommitAnswer> {
        let CommitStep::Segment(step) = &commit.step else {
            return None;
        };
        let tenant = &self.runs.get(&step.key.run)?.run.tenant;
        let baseline = self.baselines.of(tenant);
        let has_moved = step.reports.iter().any(|report| {
            let present = baseline(&report.image);
            present.map(|baseline| baseline.revision) != report.expected
        });
        has_moved.then_some(CommitAnswer::Conflict)
    }

    fn taken(&self, commit: &Commit) -> Option<[i64; 2]> {
        self.balances.to_take(commit.adoption.as_ref()?)
    }

    /// Returns the backlog of the first run's schedule after the commit.
    fn backlog_after(&self, commit: &Commit) -> Option<BacklogRow> {
        let run = &commit.runs.first()?.run;
        let schedule = self.schedules.get(&run.schedule)?;
        if schedule.deleted {
            return None;
        }
        let mut images = schedule.backlog[run.mode.index()];
        let same_row = commit
            .runs
            .iter()
            .filter(|write| write.run.schedule == run.schedule && write.run.mode == run.mode);
        for write in same_row {
            let before = self.runs.get(&write.run.id);
            images += awaiting(&write.run);
            images -= before.map_or(0, |before| awaiting(&before.run));
        }
        Some(BacklogRow {
            schedule: run.schedule.clone(),
            mode: run.mode,
            images,
        })
    }

    /// Returns the commit with the times of its runs, as it is observed and applied.
    pub(super) fn stamped(&self, commit: &Commit, now: Timestamp) -> Commit {
        let mut stamped = commit.clone();
        for write in &mut stamped.runs {
            let previous = self.runs.get(&write.run.id);
            write.stamp(previous.map(|record| record.run.state), now);
        }
        stamped
    }

    /// Checks the incremental sums against the documents. *O*(unfinished runs + schedules).
    #[cfg(any(test, debug_assertions))]
    fn assert_consistent(&self) {
        let mut backlog: BTreeMap<_, [u64; 2]> = BTreeMap::new();
        for record in self.runs.unfinished() {
            let row = backlog.entry(&record.run.schedule).or_default();
            row[record.run.mode.index()] += awaiting(&record.run);
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
