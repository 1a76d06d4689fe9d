//! Limits on the number of calls: how many calls of each kind a process may have begun.
//!
//! A call is due for one of three reasons: an interval has passed, there is work, or an earlier
//! call failed. The limit of each call states the first two. Calls that are repeated until they are
//! answered may be repeated once per failure, within the backoff. A test compares this table with
//! the ports, so that a new call without a limit fails.

use std::time::Duration;

use rehearsal_convert::{Nearest, Saturating};

use super::contract;
use crate::model::observation::QueueName;
use crate::model::{CallCounts, PortCall};
use crate::worker::options::WorkerOptions;

/// Maximum number of times that a call to a queue is repeated.
const QUEUE_REPEATS: u64 = 3;

/// Maximum delay between two attempts of a call to a store that does not answer.
const STORE_DELAY_MAX: Duration = Duration::from_secs(10);

/// Number of backoff delays within the longest one, with a probability of less than 10⁻⁶ to
/// exceed it: delays are uniform from zero up to the longest.
const DELAYS_PER_LONGEST: u64 = 6;

/// Work of one incarnation since its start, as the observations show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct IncarnationWork {
    /// Runs that its planner read.
    pub heads: u64,
    /// Messages that it leased, by queue.
    pub leased: [u64; 2],
    /// Its commits that were declined.
    pub declined: u64,
    /// Its commits that were applied: all, and those of a dispatch or a segment.
    pub applied: u64,
    /// Its commits that released planner messages for a relay.
    pub intents: u64,
    /// Its commits of dispatched runs and of segments, by queue.
    pub settled: [u64; 2],
    /// Segments that its commits released.
    pub released: u64,
    /// Answers 429 that it received.
    pub throttled: u64,
}

/// Work of all processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FleetWork {
    /// Decisions on fires.
    pub fires: u64,
    /// Fires that were decided to wait.
    pub queued_fires: u64,
    /// Exports that were published.
    pub exports: u64,
    /// Runs that were ended.
    pub ends: u64,
    /// Segments of all runs.
    pub segments: u64,
    /// Commands of operators: requests, and answers to them.
    pub commands: u64,
    /// Incarnations that ended.
    pub incarnations: u64,
}

/// Reasons for the calls of an incarnation.
#[derive(Debug)]
pub(crate) struct CallReasons<'a> {
    pub elapsed: Duration,
    pub options: &'a WorkerOptions,
    pub counts: &'a CallCounts,
    pub work: &'a IncarnationWork,
    /// Work of all processes since the start of the incarnation.
    pub fleet: FleetWork,
}

impl CallReasons<'_> {
    /// Calls that an interval allows since the start: the first, and one at each end of it.
    fn polls(&self, interval: Duration) -> u64 {
        let polls = self.elapsed.as_secs_f64() / interval.as_secs_f64();
        polls.saturating_u64() + 2
    }

    fn begun(&self, call: PortCall) -> u64 {
        self.counts.of(call).begun
    }

    fn tasks(&self) -> u64 {
        u64::from(self.options.segments_at_once) + OTHER_TASKS
    }
}

/// Tasks of a process besides its runners, with those of commands.
const OTHER_TASKS: u64 = 12;

/// Manner in which a call without an answer is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryPolicy {
    /// Not before the next poll.
    Never,
    /// Three times at most.
    Bounded,
    /// Until it is answered, after a backoff.
    UntilAnswered,
    /// Like another poll, after `backoffInitial`.
    AfterInitialBackoff,
}

impl RetryPolicy {
    /// The words of the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "no",
            Self::Bounded => "three times",
            Self::UntilAnswered => "after a backoff, until answered",
            Self::AfterInitialBackoff => "after `backoffInitial`",
        }
    }

    /// Returns the number of repeats that `failed` calls for `units` of work explain.
    fn allowed(self, reasons: &CallReasons<'_>, units: u64, failed: u64) -> u64 {
        let options = reasons.options;
        let in_time = |longest: Duration| {
            let longest = reasons.elapsed.as_secs_f64() / longest.as_secs_f64();
            (longest * DELAYS_PER_LONGEST.nearest_f64()).saturating_u64() + 2 * DELAYS_PER_LONGEST
        };
        let most = match self {
            Self::Never => 0,
            Self::Bounded => units.saturating_mul(QUEUE_REPEATS),
            Self::UntilAnswered => {
                let longest = options.backoff_initial.min(STORE_DELAY_MAX);
                reasons.tasks() * in_time(longest)
            }
            Self::AfterInitialBackoff => reasons.tasks() * reasons.polls(options.backoff_initial),
        };
        failed.min(most)
    }
}

/// Limit on the calls of one kind.
#[derive(Clone, Copy)]
pub(crate) struct CallLimit {
    pub call: PortCall,
    pub retries: RetryPolicy,
    /// Reasons for a call, in words.
    pub reasons: &'static str,
    pub most: fn(&CallReasons<'_>) -> u64,
}

/// Number of calls above their limit.
pub(crate) struct CallExcess<'a> {
    pub limit: &'a CallLimit,
    pub begun: u64,
    pub allowed: u64,
}

impl CallLimit {
    /// Returns the number of calls if it is above the limit.
    pub fn excess(&self, reasons: &CallReasons<'_>) -> Option<CallExcess<'_>> {
        let begun = reasons.begun(self.call);
        // Most calls never happen: their limits need not be computed.
        if begun == 0 {
            return None;
        }
        let allowed = self.allowed(reasons);
        (begun > allowed).then_some(CallExcess {
            limit: self,
            begun,
            allowed,
        })
    }

    /// Maximum number of calls that may have begun.
    pub fn allowed(&self, reasons: &CallReasons<'_>) -> u64 {
        // Each task may have begun a call whose reason is not observed yet.
        let units = (self.most)(reasons).saturating_add(reasons.tasks());
        let failed = reasons.counts.of(self.call).failed;
        units.saturating_add(self.retries.allowed(reasons, units, failed))
    }
}

macro_rules! call_limits {
    ($($call:ident, $retries:ident, $reasons:literal, |$observed:pat_param| $most:expr;)*) => {
        /// The limit of each call, in the order of the calls.
        pub(crate) const CALL_LIMITS: &[CallLimit] = &[$(CallLimit {
            call: PortCall::$call,
            retries: RetryPolicy::$retries,
            reasons: $reasons,
            most: |$observed| $most,
        }),*];
    };
}

const PLANNER: usize = QueueName::Planner as usize;
const RUNNER: usize = QueueName::Runner as usize;

call_limits! {
    Schedules, Never, "`triggerPoll`; a decided fire, an export",
        |e| e.polls(e.options.trigger_poll) + e.fleet.fires + e.fleet.exports + e.work.declined;
    Schedule, Never, "a decided fire; each poll, for a fire that waits; a conflict, a command",
        |e| e.fleet.fires + e.fleet.queued_fires * e.begun(PortCall::Schedules)
            + e.work.declined + e.fleet.commands + e.counts.of(PortCall::Schedule).failed;
    Exports, Never, "`triggerPoll`; an export, a conflict",
        |e| e.polls(e.options.trigger_poll) + e.fleet.exports + e.work.declined;
    PlanningRuns, Never, "`plannerPoll`; a run to be planned",
        |e| e.polls(e.options.planner_poll) + e.work.heads;
    BeginPlanning, Never, "a run to be planned, a conflict",
        |e| e.work.heads + e.work.declined;
    Run, UntilAnswered,
        "a leased planner message, an end of a run, a released segment, a conflict, a command",
        |e| e.work.leased[PLANNER] + e.work.leased[RUNNER] + e.fleet.ends + e.work.released
            + e.work.declined + e.fleet.commands;
    LastReports, Never, "begun planning", |e| e.begun(PortCall::BeginPlanning);
    BeginSegment, UntilAnswered, "a leased segment, a renewal, a commit of a segment, a conflict",
        |e| e.work.leased[RUNNER] * 2 + e.begun(PortCall::RunnerRenew) + e.work.declined;
    Segment, UntilAnswered, "a released segment; each segment, for a repeated message",
        |e| e.work.released + e.fleet.segments * (
            e.work.leased[PLANNER].saturating_sub(e.work.settled[PLANNER])
            + e.work.leased[RUNNER].saturating_sub(e.work.settled[RUNNER]));
    Baselines, UntilAnswered, "a begun segment", |e| e.begun(PortCall::BeginSegment);
    Commit, UntilAnswered,
        "a read schedule, export, plan, run, segment, repair or heartbeat; a conflict",
        |e| e.begun(PortCall::Schedule) + e.fleet.exports + e.begun(PortCall::BeginPlanning)
            + e.begun(PortCall::Run) + e.begun(PortCall::BeginSegment)
            + 2 * e.begun(PortCall::StaleWork) + e.fleet.incarnations + e.work.declined;
    Intents, Never, "`relayPoll`; a planned or repaired run, a full batch",
        |e| e.polls(e.options.relay_poll) + e.work.intents + e.begun(PortCall::IntentsEnqueued);
    IntentsEnqueued, Never, "a read of the intents", |e| e.begun(PortCall::Intents);
    Outbox, Never, "`relayPoll`; an applied commit, a full batch",
        |e| e.polls(e.options.relay_poll) + e.work.applied + e.begun(PortCall::Publish);
    ForgetEvents, Never, "a publication", |e| e.begun(PortCall::Publish);
    ReservePermits, Never, "three times each request to the Scanner and each 429",
        |e| 3 * (e.begun(PortCall::Report) + e.work.leased[RUNNER]
            + e.tasks() * (e.work.throttled + 1));
    Backlog, Never, "two thirds of `backlogRefresh`; a leased segment",
        |e| e.polls(e.options.backlog_refresh * 2 / 3) + e.work.leased[RUNNER];
    Heartbeat, Never, "a third of `lease`", |e| e.polls(contract::renewal_interval(e.options));
    Register, Never, "none: a process registers before it starts", |_| 0;
    StaleWork, Never, "`sweepInterval`", |e| e.polls(e.options.sweep_interval);
    PlannerEnqueue, Bounded, "`relayBatch` for a read of the intents",
        |e| e.begun(PortCall::Intents) * u64::from(e.options.relay_batch);
    PlannerLease, AfterInitialBackoff, "`leasePatience`; a leased message",
        |e| e.polls(e.options.receive_wait_time) + e.work.leased[PLANNER];
    PlannerRenew, Never, "a third of `lease`; a leased message",
        |e| e.polls(contract::renewal_interval(e.options)) + e.work.leased[PLANNER];
    PlannerAcknowledge, Bounded, "a leased message", |e| e.work.leased[PLANNER];
    PlannerRelease, Bounded, "a leased message, twice", |e| 2 * e.work.leased[PLANNER];
    PlannerDeadLetter, Bounded, "a leased message", |e| e.work.leased[PLANNER];
    PlannerDiscard, Bounded, "a leased message", |e| e.work.leased[PLANNER];
    PlannerRedrive, Never, "a command", |e| e.fleet.commands;
    PlannerDepth, Never, "two thirds of `backlogRefresh`; a repair",
        |e| e.polls(e.options.backlog_refresh * 2 / 3) + e.begun(PortCall::StaleWork);
    RunnerEnqueue, Bounded, "a released segment, a read segment or run",
        |e| e.work.released + e.begun(PortCall::Segment) + e.begun(PortCall::Run);
    RunnerLease, AfterInitialBackoff, "`leasePatience`; a leased message",
        |e| e.polls(e.options.receive_wait_time) + e.work.leased[RUNNER];
    RunnerRenew, Never, "a third of `lease` per runner; a leased message",
        |e| e.polls(contract::renewal_interval(e.options)) * u64::from(e.options.segments_at_once)
            + e.work.leased[RUNNER];
    RunnerAcknowledge, Bounded, "a leased message", |e| e.work.leased[RUNNER];
    RunnerRelease, Bounded, "a leased message, twice", |e| 2 * e.work.leased[RUNNER];
    RunnerDeadLetter, Bounded, "a leased message", |e| e.work.leased[RUNNER];
    RunnerDiscard, Bounded, "a leased message", |e| e.work.leased[RUNNER];
    RunnerRedrive, Never, "a command", |e| e.fleet.commands;
    RunnerDepth, Never, "two thirds of `backlogRefresh`; a repair",
        |e| e.polls(e.options.backlog_refresh * 2 / 3) + e.begun(PortCall::StaleWork);
    Report, Never, "`scannerAttempts` for each image of a leased segment",
        |e| e.work.leased[RUNNER] * u64::from(e.options.segment_size)
            * u64::from(e.options.scanner_attempts);
    Resolve, Never, "begun planning", |e| e.begun(PortCall::BeginPlanning);
    Publish, Never, "a read of the outbox", |e| e.begun(PortCall::Outbox);
}
