//! Atomic commits of the store: everything that changes together, under one token.
//!
//! A commit names the versions and baselines that it expects, and its writes. The store applies all
//! of it or nothing. The token makes a repeat safe: the store answers a commit that it has applied
//! before with the first answer.
//!
//! One commit for all documents was chosen over a saga with compensations. Every metric of the
//! worker then moves with exactly one acknowledged commit.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Baseline, DeltaSummary, Event, Finding, ImageDigest, ImpactSet, IncarnationId, Mode,
    PlannerMessage, Run, RunId, RunState, ScheduleId, ScheduleState, Segment, SegmentKey,
    SegmentOutcome, TenantId, Timestamp,
};

/// Version of a stored document, which grows with each write.
pub type DocumentVersion = u64;

/// Identifier of a commit, the same in all its repeats.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CommitToken {
    /// Incarnation that commits.
    #[serde(rename = "life")]
    pub incarnation: IncarnationId,
    /// Number of the commit within that incarnation, from 1.
    pub sequence: u64,
    /// Delivery of the message under work; 0 if there is none.
    pub delivery: u64,
}

/// Outcome of a due cron fire. Each fire has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FireOutcome {
    /// It started a run.
    Run,
    /// Several fires were due at once; a later one replaces it.
    Coalesced,
    /// An earlier cron run blocked it.
    Skipped,
    /// It waits for an earlier cron run to end.
    Queued,
}

impl FireOutcome {
    /// Every outcome, in label order.
    pub const ALL: [Self; 4] = [Self::Run, Self::Coalesced, Self::Skipped, Self::Queued];

    /// Returns the label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Coalesced => "coalesced",
            Self::Skipped => "skipped",
            Self::Queued => "queued",
        }
    }

    /// Returns the position in [`FireOutcome::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Outcome of planning a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlanOutcome {
    /// Planning → Queued.
    Enqueued,
    /// Planning → Completed: nothing to do.
    NoWork,
    /// Planning → Error.
    Failed,
}

/// Reason for the end of an unfinished run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndReason {
    /// An operator cancelled it.
    Command,
    /// Its schedule was deleted.
    ScheduleDeleted,
    /// It was unfinished for longer than `runTimeout`.
    TimedOut,
    /// One of its messages was poison.
    Poisoned,
}

/// Step of the pipeline that a commit completes.
#[derive(Debug, Clone, PartialEq)]
pub enum CommitStep {
    /// Decides the cron fires of a schedule up to the new cursor.
    Fire {
        /// Schedule that fires.
        schedule: ScheduleId,
        /// Latest due fire, which gets `fate`; none if only a queued fire starts.
        latest: Option<Timestamp>,
        /// Number of earlier due fires, all coalesced into `latest`.
        coalesced: u32,
        /// Outcome of `latest`.
        fate: FireOutcome,
    },
    /// Creates the runs for an export, and moves the export cursor.
    Export,
    /// Creates a manual run, or a retry of a terminal one.
    Manual,
    /// Ends planning.
    Plan {
        /// Outcome of the planning.
        outcome: PlanOutcome,
        /// Store's time of the read of last reports on which the plan rests.
        as_of: Timestamp,
    },
    /// Counts a failed planning attempt.
    PlanRetry,
    /// Cuts a run into segments and releases the first of them.
    Dispatch,
    /// Commits a segment.
    Segment(SegmentCommit),
    /// Ends an unfinished run.
    End(EndReason),
    /// Marks work for another enqueue by repair.
    Requeue,
    /// Adopts the active-run count of an incarnation that has ended.
    AdoptOrphanedCount,
}

impl CommitStep {
    /// Returns the name in traces and messages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Fire { .. } => "fire",
            Self::Export => "export",
            Self::Manual => "manual",
            Self::Plan { .. } => "plan",
            Self::PlanRetry => "plan-retry",
            Self::Dispatch => "dispatch",
            Self::Segment(_) => "segment",
            Self::End(_) => "end",
            Self::Requeue => "requeue",
            Self::AdoptOrphanedCount => "take-over",
        }
    }
}

/// Writes of a segment's commit besides run and window.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentCommit {
    /// Segment that is completed.
    pub key: SegmentKey,
    /// Totals of the segment.
    pub outcome: SegmentOutcome,
    /// Reports, one for each image that has one.
    pub reports: Vec<ReportWrite>,
    /// Meaningful deltas, one for each changed image.
    pub deltas: Vec<Arc<DeltaSummary>>,
    /// Images that the Scanner refused permanently.
    pub failed: Vec<ImageDigest>,
}

/// Advance of an image's baseline by compare-and-set.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportWrite {
    /// Digest of the image.
    pub image: ImageDigest,
    /// Revision of the baseline that the delta was computed against; none without a baseline.
    pub expected: Option<u64>,
    /// Revision of the report. One that is older than the baseline's does not replace its findings.
    pub revision: u64,
    /// Findings of the report.
    pub findings: Arc<[Finding]>,
}

impl ReportWrite {
    /// Returns the baseline after a commit of this report at `now` over `previous`. A report older
    /// than that keeps revision and findings: a baseline never moves back.
    pub fn baseline(self, previous: Option<Baseline>, now: Timestamp) -> Baseline {
        let newer = previous.filter(|baseline| baseline.revision > self.revision);
        let (revision, findings) = newer.map_or((self.revision, self.findings), |newer| {
            (newer.revision, newer.findings)
        });
        Baseline {
            revision,
            findings,
            committed_at: now,
        }
    }
}

/// New content of a run, guarded by the version that it replaces.
#[derive(Debug, Clone, PartialEq)]
pub struct RunWrite {
    /// New content. The store stamps its times, see [`RunWrite::stamp`].
    pub run: Run,
    /// Version that it replaces; none if the run must not exist.
    pub expected: Option<DocumentVersion>,
}

impl RunWrite {
    /// Sets the times of a change from the state `previous` at `now`. Every store adapter calls it,
    /// so that run times come from the store's clock.
    pub fn stamp(&mut self, previous: Option<RunState>, now: Timestamp) {
        let run = &mut self.run;
        if previous.is_none() {
            run.created_at = now;
        }
        if previous == Some(run.state) {
            return;
        }
        if previous == Some(RunState::Planning) {
            run.planned_at = Some(now);
        }
        if run.state == RunState::Running {
            run.started_at = Some(now);
        }
        if run.state.is_terminal() {
            run.completed_at = Some(now);
        }
    }
}

/// New state of a schedule, guarded by the version that it replaces.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleStateWrite {
    /// Schedule whose state is written.
    pub id: ScheduleId,
    /// Version that it replaces.
    pub expected: DocumentVersion,
    /// New content of the state.
    pub state: ScheduleState,
}

/// A planner message that a relay has to enqueue. A run has at most one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// Message to enqueue.
    pub message: PlannerMessage,
    /// Time at which it was written, or last released again by repair, on the store's clock.
    pub since: Timestamp,
    /// Whether a relay has enqueued it. The dispatcher's commit removes the intent.
    pub enqueued: bool,
    /// Number of times that repair had it enqueued again; part of the idempotency key.
    pub requeued: u32,
}

/// Change of the committing incarnation's active-run count: a run enters or leaves {Queued,
/// Running}.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveRunsDelta {
    /// Mode of the run.
    pub mode: Mode,
    /// Change of the count, +1 or −1.
    pub change: i64,
}

/// Adoption of an active-run count by compare-and-set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdoptOrphanedCount {
    /// Incarnation that has ended.
    pub from: IncarnationId,
    /// Version of its count that the adopter has read.
    pub expected: DocumentVersion,
}

/// All changes that are applied together. Empty parts change nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// Identifier, the same in all repeats.
    pub token: CommitToken,
    /// Step that it completes.
    pub step: CommitStep,
    /// Runs that are created or changed.
    pub runs: Vec<RunWrite>,
    /// New state of the schedule.
    pub schedule: Option<ScheduleStateWrite>,
    /// Impact snapshot of the first run.
    pub impact: Option<ImpactSet>,
    /// Segments that are created.
    pub segments: Vec<Segment>,
    /// Segments that are released, or enqueued again.
    pub release: Vec<SegmentKey>,
    /// Intent to enqueue a planner message.
    pub intent: Option<PlannerMessage>,
    /// Run whose intent is removed.
    pub intent_done: Option<RunId>,
    /// Runs whose intents are to be enqueued again.
    pub intents_requeued: Vec<RunId>,
    /// Events for the outbox.
    pub events: Vec<Arc<Event>>,
    /// Change of the committing incarnation's active-run count.
    pub active_runs_delta: Option<ActiveRunsDelta>,
    /// Tenant that planning has just served.
    pub served: Option<TenantId>,
    /// Export cursor: the expected one and the new one.
    pub exports: Option<(u64, u64)>,
    /// Active-run count that is adopted.
    pub adoption: Option<AdoptOrphanedCount>,
}

impl Commit {
    /// Creates a commit that changes nothing yet.
    pub fn new(token: CommitToken, step: CommitStep) -> Self {
        Self {
            token,
            step,
            runs: Vec::new(),
            schedule: None,
            impact: None,
            segments: Vec::new(),
            release: Vec::new(),
            intent: None,
            intent_done: None,
            intents_requeued: Vec::new(),
            events: Vec::new(),
            active_runs_delta: None,
            served: None,
            exports: None,
            adoption: None,
        }
    }
}

/// Backlog of a schedule: the images of its open runs that await a runner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BacklogRow {
    /// Schedule of the row.
    pub schedule: ScheduleId,
    /// Mode of the schedule.
    pub mode: Mode,
    /// Number of planned images, less completed and failed ones.
    pub images: u64,
}

/// Answer to an applied commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// Time at which it was first applied, on the store's clock.
    pub at: Timestamp,
    /// Backlog of the commit's schedule right after it.
    pub backlog: Option<BacklogRow>,
    /// Active runs that were adopted, by mode index.
    pub adopted: [i64; 2],
}

/// Reason why a commit will never be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitRefusal {
    /// A newer delivery of the segment has begun.
    Superseded,
    /// The run does not exist, or was purged.
    RunMissing,
    /// The run is terminal.
    RunTerminal,
}

/// Answer of the store to a commit.
#[derive(Debug, Clone, PartialEq)]
pub enum CommitAnswer {
    /// Applied, now or in an earlier attempt.
    Applied(Applied),
    /// Another commit has completed this segment.
    AppliedByAnother,
    /// A version or a baseline has changed: read again and retry.
    Conflict,
    /// Not applied, now or later.
    Refused(CommitRefusal),
}
