//! What checks are fed with: things that the world saw happen, never what a worker claims.
//!
//! Whoever makes them (a simulated or a live world) reports each at the instant at which it
//! happens, in order. *Applied* is when the store took a commit; *learned* is when its answer
//! reached a live task of the incarnation that sent it, in the same step in which the worker acts
//! on it.

use std::sync::Arc;
use std::time::Duration;

use super::commit::BacklogRow;
use super::{
    Commit, CommitAnswer, CommitToken, DeltaCounts, EventId, ImageDigest, IncarnationId,
    ProcessName, Run, RunId, Schedule, ScheduleId, SegmentKey, TenantId, Timestamp,
    fault::FaultKind,
};

/// Which of the two queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueName {
    /// Planner messages.
    Planner,
    /// Runner segments.
    Runner,
}

impl QueueName {
    /// Both queues.
    pub const ALL: [Self; 2] = [Self::Planner, Self::Runner];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planner => "planner",
            Self::Runner => "runner",
        }
    }
}

/// A port of a process, as faults and reports name it.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it all")]
pub enum PortName {
    Store,
    Queue,
    Scanner,
    Notify,
    Impact,
    /// The prober's way in: the process can't be scraped.
    Scrape,
}

/// How an incarnation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncarnationEnd {
    /// It stopped in good order.
    Stopped,
    /// It was killed.
    Crashed,
}

/// What happened to a schedule's definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it all")]
pub enum ScheduleChange {
    Created,
    Edited,
    Enabled,
    Disabled,
    Deleted,
}

/// What the scanner answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanAnswer {
    /// A report of this revision.
    Report(u64),
    /// Refused for good (404, 422).
    Refused,
    /// 429, with the earliest instant for the next try.
    Throttled(Timestamp),
    /// 5xx.
    Failed,
    /// Nothing within the time-out, or the connection broke.
    Unanswered,
}

/// What happened to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueStep {
    /// It came onto the queue.
    Enqueued,
    /// An enqueue with a key of a recent message was taken for a repeat: nothing came on.
    Deduplicated,
    /// An incarnation holds it until then.
    Leased {
        /// The end of the lease, on the queue's clock.
        until: Timestamp,
        /// Failed deliveries that count against the limit, this one included.
        attempt: u32,
    },
    /// The lease goes on until then.
    Renewed {
        /// The end of the lease, on the queue's clock.
        until: Timestamp,
    },
    /// Done with; it is gone.
    Acknowledged,
    /// Handed back; `counted`: the delivery counts against the limit.
    Released {
        /// Whether the delivery consumed an attempt.
        counted: bool,
    },
    /// The lease ran out; it is ready again.
    Expired,
    /// Set aside.
    DeadLettered,
    /// Past the limit and dropped, since dead letters are off.
    Dropped,
    /// Put back from the dead letters.
    Redriven,
    /// The queue's server failed over to a replica that had not got it.
    Lost,
    /// A call came after the end of the lease and was refused.
    RefusedLate,
}

/// One thing that happened.
#[derive(Debug, Clone)]
#[allow(
    missing_docs,
    reason = "the fields' types and the variants' texts say it all"
)]
pub enum Observation<'a> {
    /// An incarnation began. `processes` names its roles' reach only through what it then does.
    IncarnationStarted { incarnation: &'a IncarnationId },
    /// An incarnation was asked to stop in good order.
    StopRequested { incarnation: &'a IncarnationId },
    /// An incarnation ended; its registry is gone right after this observation.
    IncarnationEnded {
        incarnation: &'a IncarnationId,
        end: IncarnationEnd,
    },
    /// A process stands still from now on.
    Paused { incarnation: &'a IncarnationId },
    /// It goes on.
    Resumed { incarnation: &'a IncarnationId },
    /// A process can't reach a port from now on (partition or outage of that port).
    CutOff {
        process: &'a ProcessName,
        port: PortName,
    },
    /// It can again.
    Reconnected {
        process: &'a ProcessName,
        port: PortName,
    },
    /// A fault begins; `subject` names its target for people.
    FaultBegan { kind: FaultKind, subject: &'a str },
    /// It ends.
    FaultEnded { kind: FaultKind, subject: &'a str },
    /// A fault of that kind has just bitten (an answer lost, a message doubled, an image refused).
    FaultTriggered { kind: FaultKind },

    /// A schedule's definition changed (by its owner, not by a worker). After `Created`, `Edited`
    /// and `Enabled` its cursor stands at this instant.
    ScheduleChanged {
        schedule: &'a Arc<Schedule>,
        change: ScheduleChange,
    },
    /// An owner asked for this run to be cancelled.
    CancelRequested { run: &'a RunId },
    /// An owner was told that the run that he wanted cancelled is over.
    CancelDone { run: &'a RunId },
    /// An owner was told that it could not be done now; he had asked this worker at `asked_at`.
    CancelDeferred { run: &'a RunId, asked_at: Timestamp },
    /// An owner was told that another command could not be carried out now.
    CommandDeferred {
        command: &'static str,
        asked_at: Timestamp,
    },
    /// An owner was told that the manual run that he asked for at `asked_at` is made; `retried`:
    /// the run that it repeats.
    ManualRunDone {
        schedule: &'a ScheduleId,
        occurrence: &'a str,
        retried: Option<&'a RunId>,
        asked_at: Timestamp,
    },
    /// Retention purged a terminal run.
    Purged { run: &'a RunId },
    /// An export was published, as number `sequence` from 1.
    Exported {
        sequence: u64,
        tenant: Option<&'a TenantId>,
        trigger: super::Trigger,
    },

    /// An incarnation began to send a commit (again, if the token was seen before).
    CommitSent { commit: &'a Commit },
    /// The store took a commit. Run times are stamped. Not repeated for a repeat.
    CommitApplied {
        commit: &'a Commit,
        answer: &'a CommitAnswer,
    },
    /// The store decided a commit otherwise.
    CommitDeclined {
        commit: &'a Commit,
        answer: &'a CommitAnswer,
    },
    /// The answer won't arrive: lost, late beyond the caller's patience, or the caller is gone.
    CommitAnswerLost { token: &'a CommitToken },
    /// The answer reached its incarnation.
    CommitLearned {
        commit: &'a Commit,
        answer: &'a CommitAnswer,
    },

    /// A planner read the runs that wait for it: the start of a batch.
    PlanningRead {
        incarnation: &'a IncarnationId,
        waiting: &'a [(RunId, TenantId, Timestamp)],
    },
    /// A planner took one of them up.
    PlanningBegun {
        incarnation: &'a IncarnationId,
        run: &'a Run,
    },
    /// A runner began (fenced) a delivery of a segment. `run_state`: none if the run is gone.
    SegmentBegun {
        incarnation: &'a IncarnationId,
        key: &'a SegmentKey,
        delivery: u64,
        run: Option<&'a Run>,
    },
    /// The answer to that reached its incarnation.
    SegmentBegunLearned {
        incarnation: &'a IncarnationId,
        key: &'a SegmentKey,
        delivery: u64,
        run: Option<&'a Run>,
    },
    /// An incarnation's read of the backlog was answered.
    BacklogRead {
        incarnation: &'a IncarnationId,
        rows: &'a [BacklogRow],
    },
    /// A heartbeat told an incarnation how much of its balance others have taken in all, by mode.
    AdoptionLearned {
        incarnation: &'a IncarnationId,
        surrendered: [i64; 2],
    },

    /// Something happened to a message. `incarnation`: who holds or did it; none for the queue
    /// itself.
    Message {
        queue: QueueName,
        step: QueueStep,
        run: &'a RunId,
        /// For the runner queue.
        segment: Option<&'a SegmentKey>,
        schedule: &'a ScheduleId,
        /// The lease's fencing number; 0 if it was never leased.
        delivery: u64,
        /// Names the copy of the message (duplicates have their own).
        message: u64,
        incarnation: Option<&'a IncarnationId>,
    },
    /// The body of a message can't be read by anyone from now on.
    MessageCorrupted { queue: QueueName, message: u64 },
    /// The answer to a step that gave a message up reached the incarnation that took it.
    GivenUp {
        incarnation: &'a IncarnationId,
        queue: QueueName,
        step: QueueStep,
    },
    /// A renewal was answered with yes: by its own count the holder may go on until `sent_at` plus
    /// the lease. Also made when a lease is first received, which is the `attempt`-th try that
    /// counts.
    LeaseHeld {
        incarnation: &'a IncarnationId,
        queue: QueueName,
        delivery: u64,
        attempt: Option<u32>,
        sent_at: Timestamp,
        lease: Duration,
    },

    /// A request went out to the scanner.
    ScanSent {
        incarnation: &'a IncarnationId,
        schedule: &'a ScheduleId,
        rate_per_second: Option<f64>,
        image: &'a ImageDigest,
        delivery: u64,
        attempt: u32,
        /// The instant that the permit was made out for; none: the schedule has no rate.
        permit: Option<Timestamp>,
        /// A pause or a slow answer of the store came between permit and request.
        late: bool,
    },
    /// The store took longer to hand out permits than one may be late.
    PermitsSlow { incarnation: &'a IncarnationId },
    /// Its answer reached its incarnation.
    ScanAnswered {
        incarnation: &'a IncarnationId,
        schedule: &'a ScheduleId,
        image: &'a ImageDigest,
        delivery: u64,
        answer: ScanAnswer,
    },
    /// The world changed an image: the findings of this revision have this much more than the
    /// findings of the revision before. Revision 0 is the first and starts from nothing.
    ImageChanged {
        image: &'a ImageDigest,
        revision: u64,
        added: &'a DeltaCounts,
    },

    /// Somebody called Notify; `role` is the calling task's.
    NotifyCalled {
        incarnation: &'a IncarnationId,
        role: &'static str,
    },
    /// Notify took an event (again, if it had it).
    EventPublished { id: EventId },
    /// The store has forgotten an event that was published.
    EventForgotten { id: EventId },

    /// The prober scraped a process, or failed to (`up` 0).
    Scraped {
        process: &'a ProcessName,
        incarnation: Option<&'a IncarnationId>,
        up: bool,
    },
    /// A step of the world is complete and nothing is half done: a good moment for sums over all.
    Settled,
}

/// Takes observations.
pub trait Observer {
    /// Takes one that happens at `at`. Observations come in order of time.
    fn observe(&mut self, at: Timestamp, observation: &Observation<'_>);
}
