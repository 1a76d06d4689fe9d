//! `fairness`: in a planner's batch tenants take turns.
//!
//! No tenant gets its (k+1)th run while another tenant with an eligible run has had fewer than k.
//! With more tenants than places, the least recently served tenants go first. Within a tenant the
//! oldest run goes first. A batch has at most `plannerBatch` runs.

use rustc_hash::FxHashMap;

use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::invariant::InvariantName::Fairness;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::fact::ObservedWaitingRun;
use crate::check::state::table::{IncarnationIndex, RunIndex, TenantIndex};
use crate::check::state::{AcceptedCommit, IncarnationExit, PlannedRun, PlannerRead, WorldState};
use crate::model::RunState;
use rehearsal_convert::Index;

/// Name and documentation of `fairness`.
pub(crate) const FAIRNESS: InvariantDefinition = InvariantDefinition {
    name: "fairness",
    evaluated: EvaluationTime::Always,
    meaning: "In a planner's batch tenants take turns, the least recently served first, each with \
              its oldest run.",
    method: "Whenever a planner takes a run up, no other tenant with an eligible run of the batch \
             may have had two fewer, and no older run of the same tenant may wait. When the next \
             batch begins, no tenant that was left out may have waited longer than one that was \
             served. A batch has at most `plannerBatch` runs.",
    exercised_by: "batches with more than one tenant",
};

/// One waiting run of a batch.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    waiting: ObservedWaitingRun,
    /// Position of its tenant among the turns.
    turn: usize,
    is_taken: bool,
}

/// One tenant in a batch.
#[derive(Debug, Clone, Copy)]
struct TenantTurn {
    tenant: TenantIndex,
    /// When it was last served before the batch, as a growing number; 0: never.
    served: u64,
    /// Runs taken in this batch.
    taken: u32,
}

/// One batch of one planner.
#[derive(Debug, Default)]
struct PlannerBatch {
    candidates: Vec<Candidate>,
    turns: Vec<TenantTurn>,
}

/// Checks `fairness`; remembers the batch of each planner, and which tenants were served.
#[derive(Debug, Default)]
pub(crate) struct FairnessCheck {
    batches: FxHashMap<IncarnationIndex, PlannerBatch>,
    served: FxHashMap<TenantIndex, u64>,
    count: u64,
}

impl Invariant for FairnessCheck {
    fn names(&self) -> &[InvariantName] {
        &[Fairness]
    }

    fn commit_accepted(&mut self, _: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
        if let Some(tenant) = accepted.served {
            self.count += 1;
            self.served.insert(tenant, self.count);
        }
    }

    fn planner_read(&mut self, context: &mut CheckContext<'_>, read: &PlannerRead<'_>) {
        let index = read.incarnation.index;
        let batch = self.batches.entry(index).or_default();
        batch.check_left_out(context, index);
        batch.restart(read.waiting, &self.served);
    }

    fn run_planned(&mut self, context: &mut CheckContext<'_>, planned: &PlannedRun<'_>) {
        if let Some(batch) = self.batches.get_mut(&planned.incarnation.index) {
            batch.take(context, planned);
        }
    }

    fn incarnation_ended(&mut self, _: &mut CheckContext<'_>, ended: &IncarnationExit<'_>) {
        self.batches.remove(&ended.incarnation.index);
    }
}

/// Whether a run still waits in `Planning`.
fn is_planning(state: &WorldState, run: RunIndex) -> bool {
    state.runs[run].state == Some(RunState::Planning)
}

impl PlannerBatch {
    fn restart(&mut self, waiting: &[ObservedWaitingRun], served: &FxHashMap<TenantIndex, u64>) {
        self.candidates.clear();
        self.turns.clear();
        for waiting in waiting {
            let tenant = waiting.tenant;
            let known = self.turns.iter().position(|turn| turn.tenant == tenant);
            let turn = known.unwrap_or_else(|| {
                self.turns.push(TenantTurn {
                    tenant,
                    served: served.get(&tenant).copied().unwrap_or(0),
                    taken: 0,
                });
                self.turns.len() - 1
            });
            self.candidates.push(Candidate {
                waiting: *waiting,
                turn,
                is_taken: false,
            });
        }
    }

    fn take(&mut self, context: &mut CheckContext<'_>, planned: &PlannedRun<'_>) {
        let run = planned.index;
        let is_it = |one: &Candidate| one.waiting.run == run && !one.is_taken;
        // A run that is not found is the same run again, after a conflict.
        let Some(position) = self.candidates.iter().position(is_it) else {
            return;
        };
        let taken = self.candidates[position];
        self.check_turn(context, planned, taken);
        self.check_age(context, planned, taken);
        self.check_size(context, planned);
        self.candidates[position].is_taken = true;
        self.turns[taken.turn].taken += 1;
    }

    /// Checks that no other tenant with a waiting run has had fewer turns.
    fn check_turn(
        &self,
        context: &mut CheckContext<'_>,
        planned: &PlannedRun<'_>,
        taken: Candidate,
    ) {
        let state = context.state;
        let had = self.turns[taken.turn].taken;
        // A run that another planner was faster to take was a turn of its tenant all the same.
        let turns = |turn: usize| {
            let gone = self.candidates.iter().filter(|other| {
                other.turn == turn && !other.is_taken && !is_planning(state, other.waiting.run)
            });
            self.turns[turn].taken + (gone.count() as u64).index_u32()
        };
        let starved = self.candidates.iter().find(|other| {
            !other.is_taken && is_planning(state, other.waiting.run) && turns(other.turn) < had
        });
        let is_exercised = self.turns.len() > 1;
        context.check(Fairness, is_exercised, starved.is_none(), || {
            let other = starved.map_or(taken.turn, |other| other.turn);
            let name = |turn: usize| state.runs.tenants[self.turns[turn].tenant].clone();
            ViolationDetail::of(format_args!(
                "the tenant of run {}, planned by {}",
                planned.run.id, planned.incarnation.id
            ))
            .is(format_args!(
                "{} with run number {} of the batch",
                name(taken.turn),
                had + 1
            ))
            .expected(name(other))
            .because(format_args!(
                "{} has had {} and a run of it waits",
                name(other),
                self.turns[other].taken
            ))
        });
    }

    /// Checks that no older run of the same tenant waits.
    fn check_age(
        &self,
        context: &mut CheckContext<'_>,
        planned: &PlannedRun<'_>,
        taken: Candidate,
    ) {
        let state = context.state;
        let older = self.candidates.iter().find(|other| {
            !other.is_taken
                && is_planning(state, other.waiting.run)
                && other.turn == taken.turn
                && other.waiting.created_at < taken.waiting.created_at
        });
        let is_exercised = self.turns.len() > 1;
        context.check(Fairness, is_exercised, older.is_none(), || {
            let older = older.map_or(planned.index, |older| older.waiting.run);
            ViolationDetail::of(format_args!(
                "the run planned by {}",
                planned.incarnation.id
            ))
            .is(&planned.run.id)
            .expected(state.run_name(older))
            .because("that one is older, of the same tenant, and waits")
        });
    }

    /// Checks that the batch has room.
    fn check_size(&self, context: &mut CheckContext<'_>, planned: &PlannedRun<'_>) {
        let room = context.state.options.worker.planner_batch;
        let taken: u32 = self.turns.iter().map(|turn| turn.taken).sum();
        let is_exercised = self.turns.len() > 1;
        context.check(Fairness, is_exercised, taken < room, || {
            ViolationDetail::of(format_args!(
                "the batch of {} with run {}",
                planned.incarnation.id, planned.run.id
            ))
            .is(format_args!("{} runs", taken + 1))
            .expected(format_args!("at most {room} runs"))
            .because(format_args!("plannerBatch is {room}"))
        });
    }

    /// Checks that a tenant that was left out was served later than every tenant that was not.
    fn check_left_out(&self, context: &mut CheckContext<'_>, planner: IncarnationIndex) {
        let state = context.state;
        // A tenant of which another planner was faster to take a run has had its turn.
        let is_left_out = |(index, turn): &(usize, &TenantTurn)| {
            let mut of_tenant = self.candidates.iter().filter(|one| one.turn == *index);
            turn.taken == 0 && of_tenant.all(|one| is_planning(state, one.waiting.run))
        };
        let left_out = self.turns.iter().enumerate().filter(is_left_out);
        let Some((_, left_out)) = left_out.min_by_key(|(_, turn)| turn.served) else {
            return;
        };
        let served = self.turns.iter().filter(|turn| turn.taken > 0);
        let Some(latest) = served.max_by_key(|turn| turn.served) else {
            return;
        };
        let holds = latest.served <= left_out.served;
        context.check(Fairness, true, holds, || {
            let name = |turn: &TenantTurn| state.runs.tenants[turn.tenant].clone();
            ViolationDetail::of(format_args!(
                "a tenant of the last batch of {}",
                state.incarnation_name(planner)
            ))
            .is(name(latest))
            .expected(name(left_out))
            .because(format_args!(
                "that one was served less recently (turn {} against {}) and was left out",
                left_out.served, latest.served
            ))
        });
    }
}
