//! The oracle: feeds observations to the reference state and to the invariants.
//!
//! Each observation takes the same way: its names are resolved by the state, the invariants get it
//! while the state is as it was before, and the state records it. The files below hold one part of
//! the observation kinds each.

mod commits;
mod instruments;
mod messages;
mod processes;
mod report;

use std::time::Duration;

pub use report::OracleReport;

use super::instruments::InstrumentReaders;
use super::invariant::results::CheckResults;
use super::invariant::{CheckContext, Invariant, InvariantSet};
use super::state::options::OracleOptions;
use super::state::table::IncarnationIndex;
use super::state::{DrainDeadline, ObservedWaitingRun, RunEnd, RunTotals, StuckRun, WorldState};
use crate::model::observation::{Observation, Observer};
use crate::model::{IncarnationId, Timestamp};

/// Test oracle: keeps the reference state, and checks the invariants at each observation.
///
/// Feed it through [`Observer`], attach each incarnation's instruments when the incarnation starts,
/// and take the report with [`finish`](Self::finish).
#[derive(Debug)]
pub struct Oracle {
    state: WorldState,
    results: CheckResults,
    invariants: InvariantSet,
    /// Scratch memory for the runs that a planner reads.
    waiting: Vec<ObservedWaitingRun>,
    /// Scratch memory for the incarnations to compare.
    dirty: Vec<IncarnationIndex>,
}

impl Oracle {
    /// An oracle that has seen nothing, with the contract's invariants.
    pub fn new(options: OracleOptions) -> Self {
        let results = CheckResults::new(options.violations_kept);
        Self {
            state: WorldState::new(options),
            results,
            invariants: InvariantSet::default(),
            waiting: Vec::new(),
            dirty: Vec::new(),
        }
    }

    /// Adds an invariant of the library's user.
    pub fn add(&mut self, invariant: Box<dyn Invariant>) {
        for name in invariant.names() {
            self.results.register(*name);
        }
        self.invariants.add(invariant);
    }

    /// Attaches the instruments of an incarnation. They are dropped when the incarnation ends.
    pub fn attach_metrics(&mut self, incarnation: &IncarnationId, instruments: InstrumentReaders) {
        self.state.attach(incarnation, instruments);
    }

    /// Triggers have stopped and a core is healed at `at`: unfinished work must drain within `base`
    /// and the time that the amount of work needs, and there must be progress.
    pub fn expect_drain(&mut self, at: Timestamp, base: Duration) {
        self.state.begin_drain(at, base);
    }

    /// When the drain is over at the latest, by the progress until now; none before it.
    pub fn drain_ends_at(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.state.note_progress(now);
        self.state.drain.as_ref().map(DrainDeadline::ends_at)
    }

    /// Whether nothing is left to do: no unfinished run, message (dead letters aside), intent,
    /// outbox row or unanswered commit. Cheap enough to ask after every event.
    pub fn is_quiescent(&self) -> bool {
        self.state.is_idle()
    }

    /// Whether the world is quiescent and will also stay as it is: no active-run count of an ended
    /// incarnation awaits its adoption.
    pub fn is_at_rest(&self) -> bool {
        self.state.is_idle() && !self.state.incarnations.await_adoption()
    }

    /// Unfinished runs, oldest first, with the event that each waits for.
    pub fn explain_stuck(&self) -> Vec<StuckRun> {
        self.state.explain_stuck()
    }

    /// Counts so far.
    pub const fn tally(&self) -> &RunTotals {
        self.state.totals()
    }

    /// Results so far.
    pub const fn results(&self) -> &CheckResults {
        &self.results
    }

    /// Runs the last checks and returns the report. `is_quiescent`: the world has come to rest, so
    /// that the checks of quiescence apply.
    pub fn finish(mut self, at: Timestamp, is_quiescent: bool) -> OracleReport {
        self.set_time(at);
        for incarnation in self.state.incarnations.living.clone() {
            self.compare_all(incarnation);
        }
        self.compare_sums();
        let stuck = self.explain_stuck();
        let end = RunEnd {
            is_quiescent,
            drain: self.state.drain,
            stuck: &stuck,
        };
        self.check(|invariants, context| invariants.finished(context, &end));
        OracleReport::new(&mut self.state, &self.results, stuck)
    }

    fn set_time(&mut self, at: Timestamp) {
        debug_assert!(at >= self.state.now, "observations come in order of time");
        self.state.now = at;
        self.results.set_time(at);
    }

    /// Calls the invariants with the state as it is.
    #[inline]
    fn check(&mut self, call: impl FnOnce(&mut InvariantSet, &mut CheckContext<'_>)) {
        let mut context = CheckContext {
            state: &self.state,
            results: &mut self.results,
        };
        call(&mut self.invariants, &mut context);
    }
}

impl Observer for Oracle {
    fn observe(&mut self, at: Timestamp, observation: &Observation<'_>) {
        self.set_time(at);
        self.check(|invariants, context| invariants.observed(context, observation));
        match observation {
            Observation::ScanSent { .. }
            | Observation::ScanAnswered { .. }
            | Observation::PermitsSlow { .. }
            | Observation::ImageChanged { .. } => self.observe_scanner(observation),
            Observation::Message { .. }
            | Observation::LeaseHeld { .. }
            | Observation::GivenUp { .. }
            | Observation::MessageCorrupted { .. } => self.observe_queue(observation),
            Observation::CommitSent { .. }
            | Observation::CommitApplied { .. }
            | Observation::CommitDeclined { .. }
            | Observation::CommitAnswerLost { .. }
            | Observation::CommitLearned { .. }
            | Observation::AdoptionLearned { .. }
            | Observation::BacklogRead { .. } => self.observe_store(observation),
            Observation::PlanningRead { .. }
            | Observation::PlanningBegun { .. }
            | Observation::SegmentBegun { .. }
            | Observation::SegmentBegunLearned { .. } => self.observe_work(observation),
            Observation::ScheduleChanged { .. }
            | Observation::CancelRequested { .. }
            | Observation::ManualRunRequested { .. }
            | Observation::CancelDone { .. }
            | Observation::RedriveDone { .. }
            | Observation::CancelDeferred { .. }
            | Observation::CommandDeferred { .. }
            | Observation::ManualRunDone { .. }
            | Observation::Purged { .. }
            | Observation::Exported { .. } => self.observe_owner(observation),
            Observation::NotifyCalled { .. }
            | Observation::EventPublished { .. }
            | Observation::EventForgotten { .. } => self.observe_events(observation),
            Observation::AnswerLearned {
                incarnation,
                answer,
            } => self.state.record_learned(incarnation, answer),
            Observation::Scraped { .. } | Observation::Settled => {
                self.observe_metrics(observation);
            }
            _ => self.observe_process(observation),
        }
    }
}
