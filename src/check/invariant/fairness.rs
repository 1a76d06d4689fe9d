//! `fairness`: in a planner's batch tenants take turns.
//!
//! No tenant gets its (k+1)th run while another tenant with an eligible run has had fewer than k;
//! with more tenants than places the least recently served go first; within a tenant the oldest. A
//! batch has no more runs than it may.

use rustc_hash::FxHashMap;

use crate::check::invariant_name::InvariantName::Fairness;
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::WorldState;
use crate::check::state::table::{IncarnationIndex, RunIndex, TenantIndex};
use crate::model::{RunId, RunState, TenantId, Timestamp};

/// One waiting run of a batch.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    run: RunIndex,
    tenant: usize,
    created_at: Timestamp,
    is_taken: bool,
}

/// One tenant in a batch.
#[derive(Debug, Clone, Copy)]
struct Turn {
    tenant: TenantIndex,
    /// When it was last served before the batch, as a growing number; 0: never.
    served: u64,
    /// Runs taken in this batch.
    taken: u32,
}

/// One batch of one planner.
#[derive(Debug, Default)]
struct Batch {
    waiting: Vec<Waiting>,
    turns: Vec<Turn>,
}

/// Remembers batches and who was served.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    batches: FxHashMap<IncarnationIndex, Batch>,
    served: FxHashMap<TenantIndex, u64>,
    count: u64,
}

impl Turns {
    /// Planning has served a tenant.
    pub fn served(&mut self, tenant: TenantIndex) {
        self.count += 1;
        self.served.insert(tenant, self.count);
    }

    /// A planner read who waits: its last batch is over, a new one begins.
    pub fn read(
        &mut self,
        results: &mut CheckResults,
        state: &mut WorldState,
        incarnation: IncarnationIndex,
        waiting: &[(RunId, TenantId, Timestamp)],
    ) {
        let mut batch = self.batches.remove(&incarnation).unwrap_or_default();
        judge_batch(results, state, incarnation, &batch);
        batch.waiting.clear();
        batch.turns.clear();
        for (run, tenant, created_at) in waiting {
            let (run, tenant) = (state.runs.number(run), state.runs.tenant(tenant));
            let known = batch.turns.iter().position(|turn| turn.tenant == tenant);
            let tenant = known.unwrap_or_else(|| {
                let served = self.served.get(&tenant).copied().unwrap_or(0);
                batch.turns.push(Turn {
                    tenant,
                    served,
                    taken: 0,
                });
                batch.turns.len() - 1
            });
            batch.waiting.push(Waiting {
                run,
                tenant,
                created_at: *created_at,
                is_taken: false,
            });
        }
        self.batches.insert(incarnation, batch);
    }

    /// A planner took a run up.
    pub fn begun(
        &mut self,
        results: &mut CheckResults,
        state: &WorldState,
        incarnation: IncarnationIndex,
        run: RunIndex,
    ) {
        let Some(batch) = self.batches.get_mut(&incarnation) else {
            return;
        };
        let Some(position) = batch
            .waiting
            .iter()
            .position(|w| w.run == run && !w.is_taken)
        else {
            // The same run again after a conflict.
            return;
        };
        let taken = batch.waiting[position];
        let waits = |other: &Waiting| {
            !other.is_taken && state.runs[other.run].state == Some(RunState::Planning)
        };
        let had = batch.turns[taken.tenant].taken;
        // A run that another planner was quicker with was its tenant's turn all the same.
        let gone = |other: &Waiting| {
            !other.is_taken && state.runs[other.run].state != Some(RunState::Planning)
        };
        let turns = |tenant: usize| {
            let gone = batch
                .waiting
                .iter()
                .filter(|other| other.tenant == tenant && gone(other));
            batch.turns[tenant].taken + gone.count() as u32
        };
        let starved = batch
            .waiting
            .iter()
            .find(|other| waits(other) && turns(other.tenant) < had);
        let is_exercised = batch.turns.len() > 1;
        results.check(Fairness, is_exercised, starved.is_none(), || {
            let other = starved.map_or(taken.tenant, |other| other.tenant);
            let name = |turn: usize| state.runs.tenants[batch.turns[turn].tenant].clone();
            let what = format!(
                "tenant {} got run number {} of the batch before its turn",
                name(taken.tenant),
                had + 1
            );
            ViolationDetail::new(
                format_args!(
                    "run {}, planned by {}",
                    state.run_name(run),
                    state.incarnation_name(incarnation)
                ),
                what,
            )
            .expected(
                format_args!("a run of tenant {} first", name(other)),
                format_args!("{} had {}", name(other), batch.turns[other].taken),
            )
        });
        let older = batch.waiting.iter().find(|other| {
            waits(other) && other.tenant == taken.tenant && other.created_at < taken.created_at
        });
        results.check(Fairness, is_exercised, older.is_none(), || {
            let older = older.map_or(run, |older| older.run);
            let what = "an older run of the same tenant waits";
            ViolationDetail::new(
                format_args!(
                    "run {}, planned by {}",
                    state.run_name(run),
                    state.incarnation_name(incarnation)
                ),
                what,
            )
            .expected(
                format_args!("run {} first", state.run_name(older)),
                "it later",
            )
        });
        let room = state.options.planner_batch;
        let chosen: u32 = batch.turns.iter().map(|turn| turn.taken).sum();
        results.check(Fairness, is_exercised, chosen < room, || {
            let what = "it was taken up in a batch that is full";
            let place = format_args!(
                "run {}, planned by {}",
                state.run_name(run),
                state.incarnation_name(incarnation)
            );
            ViolationDetail::new(place, what).expected(
                format_args!("at most {room} runs at once"),
                format_args!("{}", chosen + 1),
            )
        });
        batch.waiting[position].is_taken = true;
        batch.turns[taken.tenant].taken += 1;
    }

    /// An incarnation is over, and its batch with it.
    pub fn ended(&mut self, incarnation: IncarnationIndex) {
        self.batches.remove(&incarnation);
    }
}

/// If somebody was left out, it must have been served later than everybody who was not.
fn judge_batch(
    results: &mut CheckResults,
    state: &WorldState,
    incarnation: IncarnationIndex,
    batch: &Batch,
) {
    // A tenant of which another planner was quicker with a run has had its turn.
    let is_left_out = |(index, turn): &(usize, &Turn)| {
        let mut of_tenant = batch
            .waiting
            .iter()
            .filter(|waiting| waiting.tenant == *index);
        turn.taken == 0
            && of_tenant.all(|waiting| state.runs[waiting.run].state == Some(RunState::Planning))
    };
    let left_out = batch
        .turns
        .iter()
        .enumerate()
        .filter(is_left_out)
        .min_by_key(|(_, turn)| turn.served);
    let Some((_, left_out)) = left_out else {
        return;
    };
    let latest = batch
        .turns
        .iter()
        .filter(|turn| turn.taken > 0)
        .max_by_key(|turn| turn.served);
    let Some(latest) = latest else { return };
    results.check(Fairness, true, latest.served <= left_out.served, || {
        let name = |turn: &Turn| state.runs.tenants[turn.tenant].clone();
        let what = format!(
            "tenant {} was served although {} had waited longer for its turn",
            name(latest),
            name(left_out)
        );
        ViolationDetail::new(
            format_args!("the last batch of {}", state.incarnation_name(incarnation)),
            what,
        )
        .expected(
            "the least recently served first",
            format_args!("turn {} before turn {}", latest.served, left_out.served),
        )
    });
}
