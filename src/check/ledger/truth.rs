//! Everything that the ledger knows, in tables.

use std::time::Duration;

use super::call::Calls;
use super::episode::Episodes;
use super::export::Exports;
use super::fault::Faults;
use super::image::Images;
use super::incarnation::Incarnations;
use super::message::{MessageRecord, Messages};
use super::options::LedgerOptions;
use super::promise::Promises;
use super::run::Runs;
use super::schedule::Schedules;
use super::table::{IncarnationIndex, RunIndex, ScheduleIndex};
use super::tally::Tally;
use crate::model::commit::Applied;
use crate::model::observation::PortName;
use crate::model::{Commit, Run, RunState, RunStats, SegmentKey, Timestamp};

/// A living incarnation asks again for a lost answer within this time.
const RESOLVE_PATIENCE: Duration = Duration::from_secs(300);

/// Everything that the ledger knows.
#[derive(Debug)]
pub(crate) struct Truth {
    pub now: Timestamp,
    pub options: LedgerOptions,
    pub incarnations: Incarnations,
    pub schedules: Schedules,
    pub runs: Runs,
    pub images: Images,
    pub calls: Calls,
    pub messages: Messages,
    pub faults: Faults,
    pub episodes: Episodes,
    pub exports: Exports,
    pub promises: Promises,
    pub tally: Tally,
}

/// A commit that the store has just taken, before it is booked.
#[derive(Debug)]
pub(crate) struct Taken<'a> {
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

impl Truth {
    pub fn new(options: LedgerOptions) -> Self {
        let mut runs = Runs::default();
        let images = Images::new(options.inventory.clone(), &mut runs.tenants);
        Self {
            now: Timestamp::ZERO,
            options,
            incarnations: Incarnations::default(),
            schedules: Schedules::default(),
            runs,
            images,
            calls: Calls::default(),
            messages: Messages::default(),
            faults: Faults::default(),
            episodes: Episodes::default(),
            exports: Exports::default(),
            promises: Promises::default(),
            tally: Tally::default(),
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
