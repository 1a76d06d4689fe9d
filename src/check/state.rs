//! The reference state of the world: pure bookkeeping of what was observed.
//!
//! The state knows neither the invariants nor the results. An observation reaches it in two steps:
//! its names are resolved to records (`fact`), and the fact is recorded. The invariants run
//! between the two steps, against the state before the observation.

mod acknowledge;
pub(crate) mod apply_commit;
mod coverage;
mod digest_index;
mod drain;
pub(crate) mod export;
pub(crate) mod fact;
pub(crate) mod fault;
mod fault_interval;
pub(crate) mod gauge_truth;
pub(crate) mod image;
pub(crate) mod incarnation;
mod inventory;
pub(crate) mod known_backlog;
pub(crate) mod message;
mod observe;
pub mod options;
mod outbox;
pub(crate) mod pending_commit;
pub(crate) mod permit_grant;
mod queue;
pub(crate) mod recent_changes;
pub(crate) mod recent_values;
pub(crate) mod run;
mod run_totals;
mod scan;
pub(crate) mod schedule;
pub(crate) mod segment_work;
mod slo;
mod stuck;
pub(crate) mod table;
mod transition;

use std::time::Duration;

pub use drain::{DrainDeadline, WorkTimes};
pub use fact::{
    AcceptedCommit, CommandAck, IncarnationExit, LearnedCommit, ManualRunAck, MessageStep,
    ObservedIncarnation, ObservedScanRequest, PendingInstruments, PlannedRun, PlannerRead,
    RecordedCommit, RunEnd, ScheduleEdit, SegmentLease,
};
pub(crate) use fact::{ObservedWaitingRun, ScanAttempt};
pub use fault_interval::{EPISODES_MAX, FaultInterval};
pub use inventory::Inventory;
pub use message::MessageEndCounts;
pub use outbox::{EventStatus, Publication};
pub use run_totals::RunTotals;
pub use slo::{INCIDENT, Slo, SloBreach};
pub use stuck::StuckRun;

use self::options::OracleOptions;
use self::permit_grant::PermitGrants;
use crate::model::observation::PortName;
use crate::model::{IncarnationId, Mode, SegmentKey, Timestamp};
use export::Exports;
use fault::FaultHistory;
use fault_interval::FaultIntervals;
use gauge_truth::GaugeTruth;
use image::Images;
use incarnation::IncarnationTable;
use message::{MessageRecord, Messages};
use outbox::OutboxTable;
use pending_commit::PendingCommits;
use run::Runs;
use schedule::Schedules;
use segment_work::SegmentWorks;
use slo::SloTracker;
use table::{IncarnationIndex, RunIndex, ScheduleIndex};

/// A living incarnation asks again for a lost answer within this time.
const RESOLVE_PATIENCE: Duration = Duration::from_secs(300);

/// The reference state: what the store, the queues and the processes have done so far.
///
/// Tables hold one record per process incarnation, schedule, run, image, message and fault kind.
/// Records have small numbers, so that the hot paths hash a name once per observation at most.
#[derive(Debug)]
pub struct WorldState {
    pub(crate) now: Timestamp,
    pub(crate) options: OracleOptions,
    pub(crate) incarnations: IncarnationTable,
    pub(crate) schedules: Schedules,
    pub(crate) runs: Runs,
    pub(crate) images: Images,
    pub(crate) pending: PendingCommits,
    pub(crate) messages: Messages,
    pub(crate) permits: PermitGrants,
    pub(crate) works: SegmentWorks,
    pub(crate) gauges: GaugeTruth,
    pub(crate) faults: FaultHistory,
    pub(crate) episodes: FaultIntervals,
    pub(crate) exports: Exports,
    pub(crate) outbox: OutboxTable,
    pub(crate) slos: SloTracker,
    pub(crate) tally: RunTotals,
    pub(crate) drain: Option<DrainDeadline>,
}

impl WorldState {
    pub(crate) fn new(options: OracleOptions) -> Self {
        let mut runs = Runs::default();
        let images = Images::new(options.inventory.clone(), &mut runs.tenants);
        Self {
            now: Timestamp::ZERO,
            options,
            incarnations: IncarnationTable::default(),
            schedules: Schedules::default(),
            runs,
            images,
            pending: PendingCommits::default(),
            messages: Messages::default(),
            permits: PermitGrants::default(),
            works: SegmentWorks::default(),
            gauges: GaugeTruth::default(),
            faults: FaultHistory::default(),
            episodes: FaultIntervals::default(),
            exports: Exports::default(),
            outbox: OutboxTable::default(),
            slos: SloTracker::default(),
            tally: RunTotals::default(),
            drain: None,
        }
    }

    /// Virtual time of the observation.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Counts so far.
    pub const fn totals(&self) -> &RunTotals {
        &self.tally
    }

    /// Runs that are Queued or Running.
    pub const fn open_runs(&self, mode: Mode) -> u64 {
        self.runs.counts.open[mode.index()]
    }

    /// Whether a fault is or was active, or was triggered, at some instant since.
    pub fn had_faults_since(&self, since: Timestamp) -> bool {
        self.faults.trouble_since(since)
    }

    /// Number of an incarnation. One that was not announced counts as started now.
    pub(crate) fn number(&mut self, incarnation: &IncarnationId) -> IncarnationIndex {
        self.incarnations.number(incarnation, self.now)
    }

    /// Process name and number of an incarnation, as text.
    pub(crate) fn incarnation_name(&self, incarnation: IncarnationIndex) -> String {
        self.incarnations[incarnation].id.to_string()
    }

    /// The name of a run, for people.
    pub(crate) fn run_name(&self, run: RunIndex) -> String {
        self.runs[run].id.to_string()
    }

    /// The name of a segment, for people.
    pub(crate) fn segment_name(&self, run: RunIndex, index: u32) -> String {
        SegmentKey {
            run: self.runs[run].id.clone(),
            index,
        }
        .to_string()
    }

    /// Name of the work that a message asks for.
    pub(crate) fn message_name(&self, message: &MessageRecord) -> String {
        match message.segment {
            Some(index) => format!("segment {}", self.segment_name(message.run, index)),
            None => format!("planner message of run {}", self.run_name(message.run)),
        }
    }

    /// Identifier of a schedule, as text.
    pub(crate) fn schedule_name(&self, schedule: ScheduleIndex) -> String {
        self.schedules.ids[usize::from(schedule)].to_string()
    }

    /// Whether every commit is answered that can be: an incarnation without a way to the store asks
    /// for ever.
    fn are_calls_settled(&self) -> bool {
        let has_no_way = |incarnation| self.incarnations.is_cut_off(incarnation, PortName::Store);
        self.pending.is_settled(self.now, RESOLVE_PATIENCE)
            || (self.incarnations.cut_off > 0 && self.pending.incarnations().all(has_no_way))
    }

    /// Whether nothing is left to do: no unfinished run, message, intent, export or unanswered
    /// commit. Dead letters do not count.
    pub(crate) fn is_idle(&self) -> bool {
        self.runs.unfinished.is_empty()
            && self.runs.intents.is_empty()
            && self.outbox.is_empty()
            && self.messages.pending == [0, 0]
            && self.exports.is_settled()
            && self.are_calls_settled()
    }
}
