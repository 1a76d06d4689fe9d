//! Everything that the oracle knows, in tables.

pub(crate) mod commit;
mod digest_index;
mod episode;
pub(crate) mod export;
pub(crate) mod fault;
pub(crate) mod image;
pub(crate) mod incarnation;
mod inventory;
mod learn;
pub(crate) mod message;
pub(crate) mod pending_commit;
pub(crate) mod run;
pub(crate) mod schedule;
mod slo;
mod stuck;
pub(crate) mod table;
mod tally;

use std::time::Duration;

pub use episode::{EPISODES_MAX, Episode};
pub use inventory::Inventory;
pub use message::MessageEndCounts;
pub use slo::{INCIDENT, Slo, SloBreach};
pub use stuck::StuckRun;
pub use tally::RunTotals;

use super::options::OracleOptions;
use crate::model::commit::Applied;
use crate::model::observation::PortName;
use crate::model::{Commit, Run, RunState, RunStats, SegmentKey, Timestamp};
use episode::Episodes;
use export::Exports;
use fault::FaultHistory;
use image::Images;
use incarnation::IncarnationTable;
use message::{MessageRecord, Messages};
use pending_commit::PendingCommits;
use run::Runs;
use schedule::Schedules;
use slo::SloTracker;
use table::{IncarnationIndex, RunIndex, ScheduleIndex};

/// A living incarnation asks again for a lost answer within this time.
const RESOLVE_PATIENCE: Duration = Duration::from_secs(300);

/// Everything that the oracle knows.
#[derive(Debug)]
pub(crate) struct WorldState {
    pub now: Timestamp,
    pub options: OracleOptions,
    pub incarnations: IncarnationTable,
    pub schedules: Schedules,
    pub runs: Runs,
    pub images: Images,
    pub calls: PendingCommits,
    pub messages: Messages,
    pub faults: FaultHistory,
    pub episodes: Episodes,
    pub exports: Exports,
    pub slos: SloTracker,
    pub tally: RunTotals,
}

/// A commit that the store has just taken, before it is booked.
#[derive(Debug)]
pub(crate) struct AcceptedCommit<'a> {
    pub commit: &'a Commit,
    pub applied: &'a Applied,
    pub incarnation: IncarnationIndex,
    /// The runs that it writes.
    pub changes: Vec<RunChange<'a>>,
}

/// One run that a commit writes.
#[derive(Debug)]
pub(crate) struct RunChange<'a> {
    pub run: RunIndex,
    pub before: Option<RunState>,
    pub stats_before: RunStats,
    /// Failed attempts to plan it.
    pub attempts_before: u32,
    pub after: &'a Run,
}

impl WorldState {
    pub fn new(options: OracleOptions) -> Self {
        let mut runs = Runs::default();
        let images = Images::new(options.inventory.clone(), &mut runs.tenants);
        Self {
            now: Timestamp::ZERO,
            options,
            incarnations: IncarnationTable::default(),
            schedules: Schedules::default(),
            runs,
            images,
            calls: PendingCommits::default(),
            messages: Messages::default(),
            faults: FaultHistory::default(),
            episodes: Episodes::default(),
            exports: Exports::default(),
            slos: SloTracker::default(),
            tally: RunTotals::default(),
        }
    }

    /// The name of an incarnation.
    pub fn incarnation_name(&self, incarnation: IncarnationIndex) -> String {
        self.incarnations.incarnations[incarnation].id.to_string()
    }

    /// The name of a run, for people.
    pub fn run_name(&self, run: RunIndex) -> String {
        self.runs[run].id.to_string()
    }

    /// The name of a segment, for people.
    pub fn segment_name(&self, run: RunIndex, index: u32) -> String {
        SegmentKey {
            run: self.runs[run].id.clone(),
            index,
        }
        .to_string()
    }

    /// What a message is about, for people.
    pub fn message_name(&self, message: &MessageRecord) -> String {
        match message.segment {
            Some(index) => format!("segment {}", self.segment_name(message.run, index)),
            None => format!("planner message of run {}", self.run_name(message.run)),
        }
    }

    /// The name of a schedule.
    pub fn schedule_name(&self, schedule: ScheduleIndex) -> String {
        self.schedules.ids[usize::from(schedule)].to_string()
    }

    /// Whether every commit is answered that can be: an incarnation without a way to the store asks
    /// for ever.
    fn are_calls_settled(&self) -> bool {
        let has_no_way = |incarnation| self.incarnations.is_cut_off(incarnation, PortName::Store);
        self.calls.is_settled(self.now, RESOLVE_PATIENCE)
            || (self.incarnations.cut_off > 0 && self.calls.incarnations().all(has_no_way))
    }

    /// Whether nothing is left to do: no unfinished run, message, intent, export or unanswered
    /// commit. Dead letters don't count, and the outbox is not looked at.
    pub fn is_idle(&self) -> bool {
        self.runs.unfinished.is_empty()
            && self.messages.pending == [0, 0]
            && self.exports.is_settled()
            && self.are_calls_settled()
    }
}
