//! The store's atomic commit: everything that changes together, under one token.
//!
//! A commit names what it expects (versions, baselines) and what it writes. The store applies all
//! of it or nothing. The token makes a repeat safe: the store answers a commit that it has applied
//! before with the first answer, whatever has happened since.

use std::sync::Arc;

use super::{
    Baseline, DeltaSummary, Event, Finding, ImageDigest, ImpactSet, IncarnationId, Mode,
    PlannerMessage, Run, RunId, RunState, ScheduleId, ScheduleState, Segment, SegmentKey,
    SegmentOutcome, TenantId, Timestamp,
};

/// The version of a stored document; grows with each write.
pub type Version = u64;

/// Identifies one commit of one incarnation, over all repeats of it.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct CommitToken {
    /// Who commits.
    #[serde(rename = "life")]
    pub incarnation: IncarnationId,
    /// Numbers the commits of that incarnation.
    pub sequence: u64,
    /// The delivery of the message that is worked; 0 if there is none.
    pub delivery: u64,
}

/// What a due cron fire became. Each fire has exactly one fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FireFate {
    /// It made a run.
    Run,
    /// Several were due at once; it gave way to a later one.
    Coalesced,
    /// An earlier cron run blocked it.
    Skipped,
    /// It waits for an earlier cron run to end.
    Queued,
}

impl FireFate {
    /// Every fate.
    pub const ALL: [Self; 4] = [Self::Run, Self::Coalesced, Self::Skipped, Self::Queued];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Coalesced => "coalesced",
            Self::Skipped => "skipped",
            Self::Queued => "queued",
        }
    }

    /// Position in [`FireFate::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// The outcome of planning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlanOutcome {
    /// Planning → Queued.
    Enqueued,
    /// Planning → Completed: nothing to do.
    NoWork,
    /// Planning → Error.
    Failed,
}

/// Why an unfinished run was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndReason {
    /// The cancel command.
    Command,
    /// Its schedule was deleted.
    ScheduleDeleted,
    /// It was open longer than `runTimeout`.
    TimedOut,
    /// One of its messages was delivered too often.
    Poisoned,
}

/// What a commit does.
#[derive(Debug, Clone, PartialEq)]
pub enum CommitStep {
    /// Decides the cron fires of a schedule up to the new cursor.
    Fire {
        /// The schedule.
        schedule: ScheduleId,
        /// The latest due fire: it gets `fate`; none if there was only a queued fire to start.
        latest: Option<Timestamp>,
        /// Earlier fires due at the same time; all coalesced into `latest`.
        coalesced: u32,
        /// What `latest` became.
        fate: FireFate,
    },
    /// Creates the runs that an export asks for, and moves the export cursor.
    Export,
    /// Creates a manual run, or a retry of a terminal one.
    Manual,
    /// Ends planning.
    Plan {
        /// How.
        outcome: PlanOutcome,
        /// The store's time of the read of last reports on which the plan rests.
        as_of: Timestamp,
    },
    /// Notes a failed planning attempt.
    PlanRetry,
    /// Cuts a run into segments and releases the first.
    Dispatch,
    /// Commits a segment.
    Segment(SegmentCommit),
    /// Ends an unfinished run.
    End(EndReason),
    /// Marks work for another enqueue by repair.
    Requeue,
    /// Takes over the balance of a dead incarnation.
    AdoptOrphanedCount,
}

impl CommitStep {
    /// A short name for traces and messages.
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

/// What committing a segment writes besides run and window.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentCommit {
    /// The segment.
    pub key: SegmentKey,
    /// The totals.
    pub outcome: SegmentOutcome,
    /// One report per image that has one.
    pub reports: Vec<ReportWrite>,
    /// The meaningful deltas.
    pub deltas: Vec<Arc<DeltaSummary>>,
    /// Images that the scanner refused for good.
    pub failed: Vec<ImageDigest>,
}

/// Advances the baseline of an image by compare-and-set.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportWrite {
    /// The image.
    pub image: ImageDigest,
    /// The revision of the baseline that the delta was computed against; none: no baseline yet.
    pub expected: Option<u64>,
    /// The report's revision. An older one than the baseline's leaves the baseline's findings be.
    pub revision: u64,
    /// The report's findings.
    pub findings: Arc<[Finding]>,
}

impl ReportWrite {
    /// The baseline after this report is committed at `now` over `previous`. An older report than
    /// that leaves revision and findings be.
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

/// A run to write.
#[derive(Debug, Clone, PartialEq)]
pub struct RunWrite {
    /// The new content; the store stamps its times (see [`RunWrite::stamp`]).
    pub run: Run,
    /// The version that it replaces; none: the run must not exist.
    pub expected: Option<Version>,
}

impl RunWrite {
    /// Sets the times that go with entering the run's state from `previous` at `now`. Every store
    /// adapter calls it, so that run times come from the store's clock.
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

/// A schedule's state to write.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleStateWrite {
    /// The schedule.
    pub id: ScheduleId,
    /// The version that it replaces.
    pub expected: Version,
    /// The new content.
    pub state: ScheduleState,
}

/// A planner message that a relay still has to enqueue. There is one at most per run.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    /// The message.
    pub message: PlannerMessage,
    /// When it was written or last enqueued again by repair, on the store's clock.
    pub since: Timestamp,
    /// Set once a relay has enqueued it; it goes when the dispatcher has cut the run.
    pub enqueued: bool,
    /// How often repair asked for another enqueue; part of the idempotency key.
    pub requeued: u32,
}

/// An entry or exit of a run into or out of {Queued, Running}, booked to the committing
/// incarnation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveRunsDelta {
    /// The run's mode.
    pub mode: Mode,
    /// +1 or −1.
    pub change: i64,
}

/// The balance to take over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdoptOrphanedCount {
    /// The dead incarnation.
    pub from: IncarnationId,
    /// The version of its balance that the taker has seen.
    pub expected: Version,
}

/// Everything that changes together. Empty parts change nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// Its identity.
    pub token: CommitToken,
    /// What it does.
    pub step: CommitStep,
    /// Runs created or changed.
    pub runs: Vec<RunWrite>,
    /// The schedule's state.
    pub schedule: Option<ScheduleStateWrite>,
    /// The impact snapshot of the (first) run.
    pub impact: Option<ImpactSet>,
    /// Segments cut.
    pub segments: Vec<Segment>,
    /// Segments whose release (or another enqueue) this commit decides.
    pub release: Vec<SegmentKey>,
    /// An enqueue intent written.
    pub intent: Option<PlannerMessage>,
    /// The run whose enqueue intent goes.
    pub intent_done: Option<RunId>,
    /// Runs whose enqueue intents are to be enqueued again.
    pub intents_requeued: Vec<RunId>,
    /// Events for the outbox.
    pub events: Vec<Arc<Event>>,
    /// Change of the active balance of the committing incarnation.
    pub active_runs_delta: Option<ActiveRunsDelta>,
    /// The tenant that planning has just served.
    pub served: Option<TenantId>,
    /// The export up to which all are handled: (expected, new).
    pub exports: Option<(u64, u64)>,
    /// The balance that is taken over.
    pub adoption: Option<AdoptOrphanedCount>,
}

impl Commit {
    /// A commit that changes nothing yet.
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

/// One row of the backlog: the images of a schedule's open runs that still await a runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BacklogRow {
    /// The schedule.
    pub schedule: ScheduleId,
    /// Its mode.
    pub mode: Mode,
    /// Planned, less completed and failed.
    pub images: u64,
}

/// What an applied commit tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// When it was applied, on the store's clock; a repeat gets the first time.
    pub at: Timestamp,
    /// The backlog of the commit's schedule right after it.
    pub backlog: Option<BacklogRow>,
    /// The balance taken over, by mode index.
    pub adopted: [i64; 2],
}

/// Why a commit will never be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitRefusal {
    /// A newer delivery of the segment has begun.
    Superseded,
    /// There is no such run.
    RunMissing,
    /// The run is terminal.
    RunTerminal,
}

/// The store's answer to a commit.
#[derive(Debug, Clone, PartialEq)]
pub enum CommitAnswer {
    /// Applied, now or at an earlier try.
    Applied(Applied),
    /// Another commit has done this step of this segment.
    AppliedByAnother,
    /// A version or a baseline has moved; read again and retry.
    Conflict,
    /// Not applied, for good.
    Refused(CommitRefusal),
}
