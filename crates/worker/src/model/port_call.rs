//! Calls of a process to its services, by name, and their counts.

use super::observation::QueueName;

macro_rules! port_calls {
    ($($name:ident = $text:literal),* $(,)?) => {
        /// Method of a port through which a process calls a service.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "the ports document their methods")]
        pub enum PortCall {
            $($name,)*
        }

        impl PortCall {
            /// Every call.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the name in reports: that of the port and that of the method.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

port_calls! {
    Schedules = "store.schedules",
    Schedule = "store.schedule",
    Exports = "store.exports",
    PlanningRuns = "store.planning_runs",
    BeginPlanning = "store.begin_planning",
    Run = "store.run",
    LastReports = "store.last_reports",
    BeginSegment = "store.begin_segment",
    Segment = "store.segment",
    Baselines = "store.baselines",
    Commit = "store.commit",
    Intents = "store.intents",
    IntentsEnqueued = "store.intents_enqueued",
    Outbox = "store.outbox",
    ForgetEvents = "store.forget_events",
    ReservePermits = "store.reserve_permits",
    Backlog = "store.backlog",
    Heartbeat = "store.heartbeat",
    Register = "store.register",
    StaleWork = "store.stale_work",
    PlannerEnqueue = "planner_queue.enqueue",
    PlannerLease = "planner_queue.lease",
    PlannerRenew = "planner_queue.renew",
    PlannerAcknowledge = "planner_queue.acknowledge",
    PlannerRelease = "planner_queue.release",
    PlannerDeadLetter = "planner_queue.dead_letter",
    PlannerDiscard = "planner_queue.discard",
    PlannerRedrive = "planner_queue.redrive",
    PlannerDepth = "planner_queue.depth",
    RunnerEnqueue = "runner_queue.enqueue",
    RunnerLease = "runner_queue.lease",
    RunnerRenew = "runner_queue.renew",
    RunnerAcknowledge = "runner_queue.acknowledge",
    RunnerRelease = "runner_queue.release",
    RunnerDeadLetter = "runner_queue.dead_letter",
    RunnerDiscard = "runner_queue.discard",
    RunnerRedrive = "runner_queue.redrive",
    RunnerDepth = "runner_queue.depth",
    Report = "scanner.report",
    Resolve = "impact_index.resolve",
    Publish = "notify.publish",
}

impl PortCall {
    /// Returns the call of a queue, given the planner queue's and the runner queue's.
    pub const fn of_queue(queue: QueueName, calls: [Self; 2]) -> Self {
        calls[queue as usize]
    }
}

/// Number of calls of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallCount {
    /// Calls that were begun.
    pub begun: u64,
    /// Calls that ended without an answer.
    pub failed: u64,
}

/// Numbers of calls, by kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallCounts([CallCount; PortCall::ALL.len()]);

impl Default for CallCounts {
    fn default() -> Self {
        Self([CallCount::default(); PortCall::ALL.len()])
    }
}

impl CallCounts {
    /// Returns the count of one call.
    pub fn of(&self, call: PortCall) -> CallCount {
        self.0[call as usize]
    }

    /// Returns the count of one call for an update.
    pub fn of_mut(&mut self, call: PortCall) -> &mut CallCount {
        &mut self.0[call as usize]
    }

    /// Adds other counts.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(&other.0) {
            count.begun += more.begun;
            count.failed += more.failed;
        }
    }
}
