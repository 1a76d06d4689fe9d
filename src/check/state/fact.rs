//! Facts: observations with their names resolved to records of the tables.
//!
//! The state makes a fact of an observation before the invariants get it, so that no invariant
//! looks up a name twice, and so that invariants need no mutable access to the state.

use std::sync::Arc;

use super::coverage::ImageCoverage;
use super::drain::DrainDeadline;
use super::pending_commit::PendingCommit;
use super::stuck::StuckRun;
use super::table::{IncarnationIndex, RunIndex, ScheduleIndex, TenantIndex};
use crate::check::instruments::InstrumentSource;
use crate::model::commit::Applied;
use crate::model::observation::{IncarnationEnd, QueueName, QueueStep, ScheduleChange};
use crate::model::{
    Commit, CommitAnswer, EventId, ImageDigest, IncarnationId, Run, RunId, RunState, RunStats,
    Schedule, ScheduleId, Timestamp,
};

/// An incarnation of a process, by name and by record.
#[derive(Debug, Clone, Copy)]
pub struct ObservedIncarnation<'a> {
    /// Its name.
    pub id: &'a IncarnationId,
    pub(crate) index: IncarnationIndex,
}

/// An incarnation that ends.
#[derive(Debug, Clone, Copy)]
pub struct IncarnationExit<'a> {
    /// Incarnation that ended.
    pub incarnation: ObservedIncarnation<'a>,
    /// Whether it stopped in good order.
    pub end: IncarnationEnd,
}

/// A commit that the store accepted.
#[derive(Debug)]
pub struct AcceptedCommit<'a> {
    /// The commit. Times of runs are stamped.
    pub commit: &'a Commit,
    /// The store's answer.
    pub applied: &'a Applied,
    pub(crate) incarnation: IncarnationIndex,
    /// Runs that it writes.
    pub(crate) changes: Vec<RunChange<'a>>,
    /// Slots of the images that it plans, or that its reports are of.
    pub(crate) slots: Vec<u32>,
    /// Coverage of the segment by a segment commit; none for other commits and unknown segments.
    pub(crate) coverage: Option<ImageCoverage>,
    /// Schedule of the fires that it decides.
    pub(crate) fired: Option<ScheduleIndex>,
    /// Schedule of which it writes the state.
    pub(crate) written: Option<ScheduleIndex>,
    /// Tenant that planning has served with it.
    pub(crate) served: Option<TenantIndex>,
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

/// A commit that the state has just recorded.
#[derive(Debug)]
pub struct RecordedCommit<'a> {
    /// Acknowledged commit.
    pub accepted: &'a AcceptedCommit<'a>,
    /// Events that it wrote although they were in the outbox.
    pub rewritten: Vec<EventId>,
}

/// An answer to a commit that reached the incarnation that sent it.
#[derive(Debug)]
pub struct LearnedCommit<'a> {
    /// Acknowledged commit.
    pub commit: &'a Commit,
    /// Answer of the store.
    pub answer: &'a CommitAnswer,
    /// The unanswered commit; none if the answer was learned before.
    pub(crate) pending: Option<PendingCommit>,
}

impl LearnedCommit<'_> {
    /// Whether the store has accepted the commit, and the answer had not arrived yet.
    pub fn was_accepted(&self) -> bool {
        let pending = self.pending.as_ref();
        pending.is_some_and(|pending| pending.applied_at.is_some())
    }

    /// Whether the answer says that the store accepted the commit.
    pub const fn says_accepted(&self) -> bool {
        matches!(self.answer, CommitAnswer::Applied(_))
    }
}

/// Runs that a planner reads at the start of a batch.
#[derive(Debug)]
pub struct PlannerRead<'a> {
    /// The planner's incarnation.
    pub incarnation: ObservedIncarnation<'a>,
    pub(crate) waiting: &'a [ObservedWaitingRun],
}

/// One run that waits for a planner.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ObservedWaitingRun {
    pub run: RunIndex,
    pub tenant: TenantIndex,
    pub created_at: Timestamp,
}

/// A run that a planner takes up.
#[derive(Debug, Clone, Copy)]
pub struct PlannedRun<'a> {
    /// The planner's incarnation.
    pub incarnation: ObservedIncarnation<'a>,
    /// Run as the store has it.
    pub run: &'a Run,
    pub(crate) index: RunIndex,
}

/// One transition of one copy of a message.
#[derive(Debug, Clone, Copy)]
pub struct MessageStep {
    /// Queue of the message.
    pub queue: QueueName,
    /// The transition.
    pub step: QueueStep,
    /// Fencing number of the lease; 0 if the message was never leased.
    pub delivery: u64,
    /// Number of the copy.
    pub message: u64,
    /// Index of the segment; none on the planner queue.
    pub segment: Option<u32>,
    /// The run; none if no record knows it.
    pub(crate) run: Option<RunIndex>,
    /// Incarnation that holds or moves the message; none for the queue itself.
    pub(crate) incarnation: Option<IncarnationIndex>,
}

/// A lease that makes one more segment of a schedule a worked one.
#[derive(Debug, Clone, Copy)]
pub struct SegmentLease {
    /// Index of the segment in its run.
    pub segment: u32,
    pub(crate) schedule: ScheduleIndex,
    pub(crate) run: RunIndex,
}

/// A request to the scanner.
#[derive(Debug, Clone, Copy)]
pub struct ObservedScanRequest<'a> {
    /// Incarnation that sends it.
    pub incarnation: &'a IncarnationId,
    /// Rate of the schedule, requests per second; none: unlimited.
    pub rate_per_second: Option<f64>,
    /// Digest of the requested image.
    pub image: &'a ImageDigest,
    /// Delivery under which the sender works.
    pub delivery: u64,
    /// Instant of the permit; none: the schedule has no rate.
    pub permit: Option<Timestamp>,
    /// The permit is one that the store granted to the sender, or too old to tell.
    pub is_granted: bool,
    /// A pause or a slow answer of the store came between permit and request.
    pub is_late: bool,
    pub(crate) schedule: ScheduleIndex,
    /// Deadline of the sender's lease by its own clock; none if no such lease is known.
    pub(crate) deadline: Option<Timestamp>,
    /// When the store last took too long to grant the sender permits.
    pub(crate) permits_slow_at: Option<Timestamp>,
    /// Retry-After of the sender: earliest instant of a request, and when it was received.
    pub(crate) held_back: Option<(Timestamp, Timestamp)>,
    /// When the run of the delivery ended.
    pub(crate) run_ended_at: Option<Timestamp>,
    /// When the delivery began.
    pub(crate) worked_since: Timestamp,
    /// The attempt for the image; none if the delivery or the image is not known.
    pub(crate) attempt: Option<ScanAttempt>,
}

/// One attempt for one image under one delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScanAttempt {
    /// Requests for the image under the delivery, this one included.
    pub requests: u32,
    /// The delivery has nothing to work on, or its holder knows so.
    pub is_needless: bool,
    /// The scanner refused the image before.
    pub is_refused: bool,
    /// Requests under the delivery that were repeated in the instant in which they failed.
    pub hasty_requests: u8,
    /// When the request before for the same image failed.
    pub failed_at: Option<Timestamp>,
    /// Retry-After of the image, if the scanner answered 429 since the last request.
    pub throttled_until: Option<Timestamp>,
}

/// A change of a schedule's definition by its owner.
#[derive(Debug, Clone, Copy)]
pub struct ScheduleEdit<'a> {
    /// The new definition.
    pub schedule: &'a Arc<Schedule>,
    /// The kind of change.
    pub change: ScheduleChange,
    pub(crate) index: ScheduleIndex,
}

/// Acknowledgement of a command to the owner who gave it.
#[derive(Debug, Clone, Copy)]
pub enum CommandAck<'a> {
    /// The run to be cancelled is over.
    CancelDone {
        /// Run to be cancelled.
        run: &'a RunId,
    },
    /// The run can't be cancelled now.
    CancelDeferred {
        /// Run to be cancelled.
        run: &'a RunId,
        /// When the owner gave the command.
        asked_at: Timestamp,
    },
    /// The dead letters of a queue are put back.
    RedriveDone {
        /// Queue whose dead letters are put back.
        queue: QueueName,
        /// When the owner gave the command.
        asked_at: Timestamp,
    },
    /// Another command can't be carried out now.
    CommandDeferred {
        /// Name of the command.
        command: &'static str,
        /// When the owner gave it.
        asked_at: Timestamp,
    },
    /// A manual run is made.
    ManualRunDone(ManualRunAck<'a>),
}

/// Acknowledgement of a manual run.
#[derive(Debug, Clone, Copy)]
pub struct ManualRunAck<'a> {
    /// Schedule of the manual run.
    pub schedule: &'a ScheduleId,
    /// Name of the run among the schedule's manual runs.
    pub occurrence: &'a str,
    /// The run that it repeats.
    pub retried: Option<&'a RunId>,
    /// When the owner asked for it.
    pub asked_at: Timestamp,
}

/// Instruments of one incarnation that are due for a comparison with the acknowledged commits.
#[derive(Debug, Clone, Copy)]
pub struct PendingInstruments {
    pub(crate) incarnation: IncarnationIndex,
    /// Where the values come from.
    pub(crate) view: InstrumentSource,
    /// Counters, one bit each.
    pub(crate) counters: u128,
    /// Histograms, one bit each.
    pub(crate) histograms: u8,
    /// Whether the active-run gauges are due.
    pub(crate) active_runs: bool,
    /// Whether this is the last comparison of the incarnation.
    pub(crate) is_final: bool,
}

/// The end of a rehearsal.
#[derive(Debug, Clone, Copy)]
pub struct RunEnd<'a> {
    /// Whether the world has come to rest: no open run, message, intent, outbox row or unanswered
    /// commit.
    pub is_quiescent: bool,
    /// The drain that was to be met, if there was one.
    pub drain: Option<DrainDeadline>,
    /// Unfinished runs, with the event that each waits for.
    pub stuck: &'a [StuckRun],
}
