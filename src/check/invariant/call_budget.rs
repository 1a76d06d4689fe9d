//! `call-budget`: a process calls its services for a reason.

use std::time::Duration;

use rustc_hash::FxHashMap;

use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::call_limit::{CALL_LIMITS, CallExcess, CallReasons, FleetWork, IncarnationWork};
use crate::check::invariant::InvariantName::CallBudget;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::table::IncarnationIndex;
use crate::check::state::{
    AcceptedCommit, CommandAck, IncarnationExit, LearnedCommit, MessageStep, PlannerRead,
};
use crate::model::commit::FireOutcome;
use crate::model::observation::{Observation, QueueName, QueueStep, ScanAnswer};
use crate::model::{CallCounts, CommitAnswer, CommitStep, IncarnationId};
use crate::worker::duration;

/// Name and documentation of `call-budget`.
pub(crate) const CALL_BUDGET: InvariantDefinition = InvariantDefinition {
    name: "call-budget",
    evaluated: EvaluationTime::Always,
    meaning: "A process calls a service because an interval has passed, because there is work, or \
              because an earlier call failed.",
    method: "`docs/calls.md` has the reasons for each call. With each scrape, the calls that an \
             incarnation has begun since its start are compared with the reasons that the \
             observations show. A process whose clock was wrong is left out.",
    exercised_by: "each living incarnation at each scrape, after it has leased a message",
};

/// Checks `call-budget`; counts the work of each incarnation.
#[derive(Debug, Default)]
pub(crate) struct CallBudgetCheck {
    incarnations: FxHashMap<IncarnationIndex, IncarnationWork>,
    fleet: FleetWork,
    /// Work of the fleet at the start of each living incarnation.
    fleet_before: FxHashMap<IncarnationId, FleetWork>,
}

impl CallBudgetCheck {
    fn work(&mut self, incarnation: IncarnationIndex) -> &mut IncarnationWork {
        self.incarnations.entry(incarnation).or_default()
    }

    fn work_of(
        &mut self,
        context: &CheckContext<'_>,
        id: &IncarnationId,
    ) -> Option<&mut IncarnationWork> {
        let index = context.state.incarnations.incarnations.find(id)?;
        Some(self.work(index))
    }

    fn compare(
        &mut self,
        context: &mut CheckContext<'_>,
        id: &IncarnationId,
        calls: (Duration, &CallCounts),
    ) {
        let state = context.state;
        let (elapsed, counts) = calls;
        if state.faults.clocks_wrong_since(state.now.before(elapsed)) {
            return;
        }
        let Some(index) = state.incarnations.incarnations.find(id) else {
            return;
        };
        let fleet_before = self.fleet_before.get(id).copied().unwrap_or_default();
        let fleet = self.fleet.since(&fleet_before);
        let own = &*self.work(index);
        let reasons = CallReasons {
            elapsed,
            options: &state.options.worker,
            counts,
            work: own,
            fleet,
        };
        let is_exercised = own.leased != [0, 0];
        let excess = CALL_LIMITS.iter().find_map(|limit| limit.excess(&reasons));
        context.held(CallBudget, 1, u64::from(is_exercised));
        if let Some(CallExcess {
            limit,
            begun,
            allowed,
        }) = excess
        {
            let detail = ViolationDetail::of(format_args!(
                "the number of calls `{}` by {id} in {}",
                limit.call.as_str(),
                duration::Duration::from(elapsed),
            ))
            .is(begun)
            .expected(format_args!("at most {allowed}"))
            .because(format_args!(
                "its reasons are: {}; repeated without an answer: {}",
                limit.reasons,
                limit.retries.as_str()
            ));
            context.violate(CallBudget, detail);
        }
    }
}

impl Invariant for CallBudgetCheck {
    fn names(&self) -> &[InvariantName] {
        &[CallBudget]
    }

    fn observed(&mut self, context: &mut CheckContext<'_>, observation: &Observation<'_>) {
        match *observation {
            Observation::CallsCounted {
                incarnation,
                elapsed,
                counts,
            } => self.compare(context, incarnation, (elapsed, counts)),
            Observation::ScanAnswered {
                incarnation,
                answer: ScanAnswer::Throttled(_),
                ..
            } => {
                if let Some(work) = self.work_of(context, incarnation) {
                    work.throttled += 1;
                }
            }
            Observation::IncarnationStarted { incarnation } => {
                self.fleet_before.insert(incarnation.clone(), self.fleet);
            }
            Observation::Exported { .. } => self.fleet.exports += 1,
            Observation::CancelRequested { .. } | Observation::ManualRunRequested { .. } => {
                self.fleet.commands += 1;
            }
            _ => {}
        }
    }

    fn incarnation_ended(&mut self, _: &mut CheckContext<'_>, ended: &IncarnationExit<'_>) {
        self.incarnations.remove(&ended.incarnation.index);
        self.fleet_before.remove(ended.incarnation.id);
        self.fleet.incarnations += 1;
    }

    fn command_acknowledged(&mut self, _: &mut CheckContext<'_>, _: &CommandAck<'_>) {
        self.fleet.commands += 1;
    }

    fn planner_read(&mut self, _: &mut CheckContext<'_>, read: &PlannerRead<'_>) {
        self.work(read.incarnation.index).heads += read.waiting.len() as u64;
    }

    fn message(&mut self, _: &mut CheckContext<'_>, step: &MessageStep) {
        if let (QueueStep::Leased { .. }, Some(incarnation)) = (step.step, step.incarnation) {
            self.work(incarnation).leased[step.queue as usize] += 1;
        }
    }

    fn commit_accepted(&mut self, _: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
        let commit = accepted.commit;
        match &commit.step {
            CommitStep::Fire { fate, .. } => {
                self.fleet.fires += 1;
                self.fleet.queued_fires += u64::from(*fate == FireOutcome::Queued);
            }
            CommitStep::End(_) => self.fleet.ends += 1,
            CommitStep::Dispatch => self.fleet.segments += commit.segments.len() as u64,
            _ => {}
        }
        let work = self.work(accepted.incarnation);
        work.applied += 1;
        work.released += commit.release.len() as u64;
        work.intents += u64::from(commit.intent.is_some() || !commit.intents_requeued.is_empty());
        match commit.step {
            CommitStep::Dispatch => work.settled[QueueName::Planner as usize] += 1,
            CommitStep::Segment { .. } => work.settled[QueueName::Runner as usize] += 1,
            _ => {}
        }
    }

    fn commit_learned(&mut self, context: &mut CheckContext<'_>, learned: &LearnedCommit<'_>) {
        if !matches!(learned.answer, CommitAnswer::Applied(_)) {
            let incarnation = &learned.commit.token.incarnation;
            if let Some(work) = self.work_of(context, incarnation) {
                work.declined += 1;
            }
        }
    }
}

impl FleetWork {
    /// Returns the work since an earlier count.
    fn since(&self, before: &Self) -> Self {
        Self {
            fires: self.fires - before.fires,
            // A fire that waits since before the start is examined at each poll, too.
            queued_fires: self.queued_fires,
            exports: self.exports - before.exports,
            ends: self.ends - before.ends,
            segments: self.segments,
            commands: self.commands - before.commands,
            incarnations: self.incarnations,
        }
    }
}
