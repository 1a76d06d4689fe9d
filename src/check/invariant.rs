//! Invariants: what must hold of the world and of its metrics.
//!
//! An invariant implements [`Invariant`]: one method per observation kind, each empty by default.
//! It reads the [`WorldState`] and reports to the [`CheckResults`]. Memory that no other part needs
//! belongs to the invariant itself.
//!
//! The contract's invariants are grouped in families, one file each: names, meanings and code. All
//! are called through [`InvariantSet`], a struct with a field per family. Calls are resolved at
//! compile time, so an empty default costs nothing; a list of trait objects would cost an indirect
//! call per family and observation. Invariants of a library's user are trait objects.

pub(crate) mod active_truth;
pub(crate) mod applied_learned;
pub(crate) mod backlog_truth;
pub(crate) mod blame;
pub(crate) mod call_budget;
pub(crate) mod cardinality;
pub(crate) mod command_ack;
pub(crate) mod conservation;
pub(crate) mod cron_once;
pub(crate) mod delta_truth;
pub(crate) mod event_outbox;
pub(crate) mod fairness;
pub(crate) mod gauge_truth;
pub(crate) mod latency;
pub(crate) mod lease_discipline;
pub(crate) mod limits;
pub(crate) mod liveness;
pub(crate) mod no_leak;
pub(crate) mod no_loss;
pub(crate) mod notify_independent;
pub(crate) mod parallelism;
mod permits;
pub(crate) mod plan_truth;
mod registry;
pub(crate) mod repair_cause;
pub mod results;
pub(crate) mod run_content;
pub(crate) mod scanner_manners;
pub(crate) mod scrape_recorded;
pub(crate) mod segment_once;
pub(crate) mod stage_latency;
pub(crate) mod state_graph;
pub(crate) mod stopping;

pub use registry::{InvariantName, InvariantSet};

use self::results::{CheckResults, ViolationDetail};
use super::state::{
    AcceptedCommit, CommandAck, EventStatus, IncarnationExit, LearnedCommit, MessageStep,
    ObservedIncarnation, ObservedScanRequest, PendingInstruments, PlannedRun, PlannerRead,
    Publication, RecordedCommit, RunEnd, ScheduleEdit, SegmentLease, WorldState,
};
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, ScanAnswer};
use crate::model::{EventId, ImageDigest, IncarnationId, RunId, Timestamp};

/// When an invariant is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvaluationTime {
    /// At every observation that concerns it.
    Always,
    /// At quiescence: no open run, message, intent, outbox row or unanswered commit.
    Quiescence,
    /// Between two rehearsals of the same scenario.
    Rerun,
}

impl EvaluationTime {
    /// Letter of the contract's table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "A",
            Self::Quiescence => "Q",
            Self::Rerun => "–",
        }
    }
}

/// Name and documentation of one invariant of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvariantDefinition {
    /// Stable name in reports and scenarios.
    pub name: &'static str,
    /// When it is evaluated.
    pub evaluated: EvaluationTime,
    /// Meaning, in one line.
    pub meaning: &'static str,
    /// Method of the check.
    pub method: &'static str,
    /// Which checks count as exercised.
    pub exercised_by: &'static str,
}

/// Access of an invariant to the state and to the results, during one observation.
#[derive(Debug)]
pub struct CheckContext<'a> {
    pub(crate) state: &'a WorldState,
    pub(crate) results: &'a mut CheckResults,
}

impl<'a> CheckContext<'a> {
    /// Virtual time of the observation.
    pub const fn now(&self) -> Timestamp {
        self.state.now()
    }

    /// The reference state.
    pub const fn state(&self) -> &'a WorldState {
        self.state
    }

    /// Counts one check. `exercised`: it was against a nonzero state that had changed. The detail
    /// is only made if the check does not hold.
    #[inline]
    pub fn check(
        &mut self,
        name: InvariantName,
        exercised: bool,
        holds: bool,
        detail: impl FnOnce() -> ViolationDetail,
    ) {
        self.results.check(name, exercised, holds, detail);
    }

    /// Counts checks that held.
    #[inline]
    pub fn held(&mut self, name: InvariantName, checks: u64, exercised: u64) {
        self.results.held(name, checks, exercised);
    }

    /// Records a violation that a check, counted elsewhere, has found.
    #[cold]
    pub fn violate(&mut self, name: InvariantName, detail: ViolationDetail) {
        self.results.violate(name, detail);
    }
}

/// Declares [`Invariant`], and its implementation by [`InvariantSet`], which calls the method of
/// every family and of every invariant of the library's user.
macro_rules! observation_methods {
    ($($(#[$doc:meta])* fn $method:ident($argument:ident: $type:ty);)*) => {
        /// A check of the world, by observations.
        ///
        /// The state does not contain an observation yet when its method is called, except where
        /// the method says so. Observations come in order of time.
        pub trait Invariant {
            /// Names under which the invariant reports.
            fn names(&self) -> &[InvariantName];

            $(
                $(#[$doc])*
                #[inline]
                fn $method(&mut self, context: &mut CheckContext<'_>, $argument: $type) {
                    let _ = (context, $argument);
                }
            )*
        }

        impl InvariantSet {
            $(
                $(#[$doc])*
                #[inline]
                pub(crate) fn $method(&mut self, context: &mut CheckContext<'_>, $argument: $type) {
                    registry::each_family!(self, family => family.$method(context, $argument));
                    for invariant in &mut self.user {
                        invariant.$method(context, $argument);
                    }
                }
            )*
        }
    };
}

observation_methods! {
    /// Any observation, before the method of its kind. Observations without a method of their own
    /// (pauses, cut-off ports, lease deadlines, ..) only come here.
    fn observed(observation: &Observation<'_>);

    /// An incarnation ends. Its instruments are compared once more after that.
    fn incarnation_ended(ended: &IncarnationExit<'_>);
    /// A fault begins or ends.
    fn fault_changing(fault: FaultChange);
    /// A fault began or ended. The state contains it.
    fn fault_changed(fault: FaultChange);

    /// An owner changes the definition of a schedule.
    fn schedule_changed(edit: &ScheduleEdit<'_>);
    /// A command is acknowledged to its owner.
    fn command_acknowledged(ack: &CommandAck<'_>);
    /// Retention removes a run.
    fn run_purged(run: &RunId);

    /// The store accepts a commit.
    fn commit_accepted(commit: &AcceptedCommit<'_>);
    /// The store accepted a commit. The state contains it.
    fn commit_recorded(commit: &RecordedCommit<'_>);
    /// The answer to a commit reaches its incarnation.
    fn commit_learned(commit: &LearnedCommit<'_>);

    /// A planner reads the runs that wait for it.
    fn planner_read(read: &PlannerRead<'_>);
    /// A planner takes a run up.
    fn run_planned(run: &PlannedRun<'_>);

    /// A message makes a transition.
    fn message(step: &MessageStep);
    /// A segment is worked under a live lease. The state contains the lease.
    fn segment_leased(lease: &SegmentLease);

    /// A request goes out to the scanner. The state contains the attempt.
    fn scan_sent(request: &ObservedScanRequest<'_>);
    /// The scanner's answer reaches its incarnation.
    fn scan_answered(answer: (&ImageDigest, ScanAnswer));

    /// A task calls Notify.
    fn notify_called(call: (&IncarnationId, &'static str));
    /// Notify takes an event. The state contains the publication.
    fn event_published(event: (EventId, Publication));
    /// The store forgets an event, of which the stage was this; none if it is not in the outbox.
    fn event_forgotten(event: (EventId, Option<EventStatus>));

    /// Instruments are due for a comparison with the acknowledged commits.
    fn instruments_due(due: &PendingInstruments);
    /// All instruments that were due have been compared.
    fn instruments_compared(at: Timestamp);
    /// The prober scrapes an incarnation. Its counters and gauges have been compared.
    fn scraped(incarnation: &ObservedIncarnation<'_>);

    /// The rehearsal is over.
    fn finished(end: &RunEnd<'_>);
}

/// A fault that begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultChange {
    /// Kind of the fault.
    pub kind: FaultKind,
    /// Whether it begins.
    pub begins: bool,
}
