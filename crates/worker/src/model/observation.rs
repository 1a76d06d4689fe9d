//! Observations: the input of checks. Services and processes report them, never the worker itself.
//!
//! An environment (simulated or live) reports each observation at the instant at which it happens,
//! in order. A commit is *applied* when the store accepts it. It is *learned* when its answer
//! reaches a live task of the incarnation that sent it, in the same step in which the worker acts
//! on it.
//!
//! Reports by the worker were rejected: a worker that forgets to count a commit would also forget
//! to report it.

use std::sync::Arc;
use std::time::Duration;

use super::commit::BacklogRow;
use super::{
    CallCounts, Commit, CommitAnswer, CommitToken, Event, EventId, FindingChange, ImageDigest,
    IncarnationId, Mode, ProcessName, Run, RunId, Schedule, ScheduleId, SegmentKey, SharedList,
    TenantId, Timestamp, fault::FaultKind,
};

/// Identity of a queue: the planner's or the runner's.
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

    /// Returns the label value.
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
    /// Endpoint of the process that the prober scrapes.
    Scrape,
}

/// Manner in which an incarnation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncarnationEnd {
    /// The process stopped gracefully.
    Stopped,
    /// The process was killed.
    Crashed,
}

/// Change of a schedule's definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it all")]
pub enum ScheduleChange {
    Created,
    Edited,
    Enabled,
    Disabled,
    Deleted,
}

/// Answer of the Scanner to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanAnswer {
    /// Report of this revision.
    Report(u64),
    /// Refused permanently (404, 422).
    Refused,
    /// 429, with the earliest time of the next request.
    Throttled(Timestamp),
    /// 5xx: the request failed.
    Failed,
    /// No answer within the timeout.
    TimedOut,
    /// The connection broke before the answer.
    Unreachable,
    /// The caller gave the request up before its timeout.
    Abandoned,
}

/// Answer that reached an incarnation, where no other observation says so.
#[derive(Debug, Clone, Copy)]
pub enum LearnedAnswer<'a> {
    /// A renewal was refused: the lease on a message of this queue is lost.
    LeaseLost(QueueName),
    /// No connection to the Scanner: a request of a run of this mode was not sent.
    ScannerUnreachable(Mode),
    /// Notify accepted these events.
    Published(&'a [Arc<Event>]),
    /// The store granted permits of a schedule.
    PermitsGranted {
        /// Schedule whose rate they keep.
        schedule: &'a ScheduleId,
        /// Time of the grant, on the store's clock.
        granted_at: Timestamp,
        /// Instant of the first permit.
        first: Timestamp,
        /// Time between two permits.
        interval: Duration,
        /// Number of permits.
        count: u32,
        /// Time after the permits in which no other grant has one.
        trail: Duration,
    },
}

/// State change of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueStep {
    /// The queue accepted the message.
    Enqueued,
    /// The queue dropped an enqueue with the key of a recent message as a duplicate.
    Deduplicated,
    /// An incarnation leased the message.
    Leased {
        /// End of the lease, on the queue's clock.
        until: Timestamp,
        /// Deliveries that count against the limit, including this one.
        attempt: u32,
    },
    /// The holder renewed its lease.
    Renewed {
        /// End of the lease, on the queue's clock.
        until: Timestamp,
    },
    /// The holder acknowledged the message, which is removed.
    Acknowledged,
    /// The holder released the message.
    Released {
        /// Whether the delivery counts against the limit.
        counted: bool,
        /// Delay before the message is ready again.
        delay: Duration,
    },
    /// The lease expired, and the message is ready again.
    Expired,
    /// The message became a dead letter.
    DeadLettered,
    /// The message was past the limit and dropped, since dead letters are off.
    Dropped,
    /// The dead letter was put back.
    Redriven,
    /// The queue failed over to a replica without the message.
    Lost,
    /// A call after the end of the lease was refused.
    RefusedLate,
}

/// An event of the environment, at one instant.
#[derive(Debug, Clone)]
#[allow(
    missing_docs,
    reason = "the fields' types and the variants' texts say it all"
)]
pub enum Observation<'a> {
    /// An incarnation began.
    IncarnationStarted { incarnation: &'a IncarnationId },
    /// An incarnation was requested to stop gracefully.
    StopRequested { incarnation: &'a IncarnationId },
    /// An incarnation ended; its registry is gone right after this observation.
    IncarnationEnded {
        incarnation: &'a IncarnationId,
        end: IncarnationEnd,
    },
    /// A process is paused from now on.
    Paused { incarnation: &'a IncarnationId },
    /// The paused process continues.
    Resumed { incarnation: &'a IncarnationId },
    /// A process cannot reach a port from now on (partition or outage of that port).
    CutOff {
        process: &'a ProcessName,
        port: PortName,
    },
    /// The process can reach the port again.
    Reconnected {
        process: &'a ProcessName,
        port: PortName,
    },
    /// A fault begins. `subject` is the display name of its target.
    FaultBegan { kind: FaultKind, subject: &'a str },
    /// The fault ends.
    FaultEnded { kind: FaultKind, subject: &'a str },
    /// A fault of that kind took effect (an answer lost, a message duplicated, an image refused).
    FaultTriggered { kind: FaultKind },

    /// A schedule's owner changed its definition. After `Created`, `Edited` and `Enabled` its
    /// cursor is at this instant.
    ScheduleChanged {
        schedule: &'a Arc<Schedule>,
        change: ScheduleChange,
    },
    /// An operator requested the cancellation of this run.
    CancelRequested { run: &'a RunId },
    /// An operator requested a manual run. `retried` is the run that it repeats.
    ManualRunRequested {
        schedule: &'a ScheduleId,
        occurrence: &'a str,
        retried: Option<&'a RunId>,
    },
    /// A worker acknowledged to the operator that the run to cancel is terminal.
    CancelDone { run: &'a RunId },
    /// A worker answered that a cancellation requested at `asked_at` is not possible now.
    CancelDeferred { run: &'a RunId, asked_at: Timestamp },
    /// A worker answered that another command is not possible now.
    CommandDeferred {
        command: &'static str,
        asked_at: Timestamp,
    },
    /// A worker acknowledged the creation of a manual run that was requested at `asked_at`.
    /// `retried` is the run that it repeats.
    ManualRunDone {
        schedule: &'a ScheduleId,
        occurrence: &'a str,
        retried: Option<&'a RunId>,
        asked_at: Timestamp,
    },
    /// A worker acknowledged that the dead letters of a queue are put back, as requested at
    /// `asked_at`.
    RedriveDone {
        queue: QueueName,
        asked_at: Timestamp,
    },
    /// Retention purged a terminal run.
    Purged { run: &'a RunId },
    /// An export was published, as number `sequence` from 1.
    Exported {
        sequence: u64,
        id: &'a Arc<str>,
        tenant: Option<&'a TenantId>,
        trigger: super::Trigger,
        product_keys: &'a [Arc<str>],
        usage_only: bool,
    },

    /// An incarnation began to send a commit, or to repeat it if the token was seen before.
    CommitSent { commit: &'a Commit },
    /// The store applied a commit and stamped its run times. Not observed for a repeat.
    CommitApplied {
        commit: &'a Commit,
        answer: &'a CommitAnswer,
    },
    /// The store answered a commit without applying it.
    CommitDeclined {
        commit: &'a Commit,
        answer: &'a CommitAnswer,
    },
    /// The answer will not arrive: it was lost, the caller timed out, or the caller has ended.
    CommitAnswerLost { token: &'a CommitToken },
    /// The answer reached the incarnation.
    CommitLearned {
        commit: &'a Commit,
        answer: &'a CommitAnswer,
    },

    /// A planner read the waiting runs, which starts a batch.
    PlanningRead {
        incarnation: &'a IncarnationId,
        waiting: &'a [(RunId, TenantId, Timestamp)],
    },
    /// A planner began to plan one of them.
    PlanningBegun {
        incarnation: &'a IncarnationId,
        run: &'a Run,
    },
    /// A runner began a delivery of a segment, which raised the fence. `run` is none if it was
    /// purged.
    SegmentBegun {
        incarnation: &'a IncarnationId,
        key: &'a SegmentKey,
        delivery: u64,
        run: Option<&'a Run>,
    },
    /// The answer to `SegmentBegun` reached the incarnation.
    SegmentBegunLearned {
        incarnation: &'a IncarnationId,
        key: &'a SegmentKey,
        delivery: u64,
        run: Option<&'a Run>,
    },
    /// The answer to a read of the backlog reached the incarnation; `images` is the sum of the
    /// rows.
    BacklogRead {
        incarnation: &'a IncarnationId,
        rows: &'a SharedList<BacklogRow>,
        images: u64,
    },
    /// The answer to a heartbeat reached the incarnation: others have adopted `surrendered` of its
    /// active runs so far, by mode.
    AdoptionLearned {
        incarnation: &'a IncarnationId,
        surrendered: [i64; 2],
    },

    /// A message changed its state. `incarnation` is its holder or the caller; none for the queue
    /// itself.
    Message {
        queue: QueueName,
        step: QueueStep,
        run: &'a RunId,
        /// Segment, for the runner queue.
        segment: Option<&'a SegmentKey>,
        schedule: &'a ScheduleId,
        /// Fencing token of the lease; 0 if the message was never leased.
        delivery: u64,
        /// Number of the copy of the message. Duplicates have their own.
        message: u64,
        incarnation: Option<&'a IncarnationId>,
    },
    /// The body of a message is unreadable from now on.
    MessageCorrupted { queue: QueueName, message: u64 },
    /// The answer to a call that settled a message reached the incarnation.
    GivenUp {
        incarnation: &'a IncarnationId,
        queue: QueueName,
        step: QueueStep,
    },
    /// A lease was acquired or renewed. On its own clock the holder owns it until `sent_at +
    /// lease`. `attempt` is set when the lease is acquired: the number of deliveries that count.
    LeaseHeld {
        incarnation: &'a IncarnationId,
        queue: QueueName,
        delivery: u64,
        attempt: Option<u32>,
        sent_at: Timestamp,
        lease: Duration,
    },

    /// An incarnation sent a request to the Scanner.
    ScanSent {
        incarnation: &'a IncarnationId,
        schedule: &'a ScheduleId,
        rate_per_second: Option<f64>,
        image: &'a ImageDigest,
        delivery: u64,
        attempt: u32,
        /// Instant of the permit; none without a rate limit.
        permit: Option<Timestamp>,
    },
    /// The store took longer to grant permits than the permit tolerance.
    PermitsSlow { incarnation: &'a IncarnationId },
    /// A call was sent that is answered, or given up, only at `until`. It takes a third of a lease
    /// or the client's timeout, so a lease may be lost over it.
    CallSlow {
        incarnation: &'a IncarnationId,
        port: PortName,
        until: Timestamp,
    },
    /// The Scanner's answer reached the incarnation.
    ScanAnswered {
        incarnation: &'a IncarnationId,
        schedule: &'a ScheduleId,
        image: &'a ImageDigest,
        delivery: u64,
        answer: ScanAnswer,
    },
    /// An image's findings changed from the previous revision to this one. Revision 0 is the first,
    /// and follows an empty one.
    ImageChanged {
        image: &'a ImageDigest,
        revision: u64,
        changes: &'a [FindingChange],
    },

    /// A task called Notify with this number of events. `role` is the role of the task.
    NotifyCalled {
        incarnation: &'a IncarnationId,
        role: &'static str,
        events: usize,
    },
    /// Notify accepted an event, perhaps not for the first time.
    EventPublished { event: &'a Event },
    /// The store removed a published event from the outbox.
    EventForgotten { id: EventId },

    /// An answer reached the incarnation. Not part of the trace, which has the call.
    AnswerLearned {
        incarnation: &'a IncarnationId,
        answer: LearnedAnswer<'a>,
    },

    /// Calls that an incarnation has begun since its start, `elapsed` ago. Reported regularly while
    /// it lives. Not part of the trace.
    CallsCounted {
        incarnation: &'a IncarnationId,
        elapsed: Duration,
        counts: &'a CallCounts,
    },

    /// Resources that an incarnation holds when the world has come to rest. Not part of the trace.
    ResourcesCounted {
        incarnation: &'a IncarnationId,
        /// Tasks that it was launched with.
        launched: usize,
        /// Tasks and pending timers that it has now.
        tasks: usize,
        timers: usize,
    },

    /// The prober scraped a process, or failed to (`up` is false).
    Scraped {
        process: &'a ProcessName,
        incarnation: Option<&'a IncarnationId>,
        up: bool,
    },
    /// A step of the environment is complete, so sums over all processes are consistent.
    Settled,
}

/// Receiver of observations.
pub trait Observer {
    /// Receives an observation at `at`. Observations arrive in order of time.
    fn observe(&mut self, at: Timestamp, observation: &Observation<'_>);
}
