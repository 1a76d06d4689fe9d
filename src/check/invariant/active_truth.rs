//! `active-truth`: the active counters of live processes add up to the open runs.
//!
//! Each incarnation's counter is what it has learned: its bookings, what it took over, less what it
//! knows to have been taken from it. The store's balances add up to the open runs at every instant.
//! So the two sums differ by exactly what is applied and not learned, the balances of incarnations
//! that are over, and what was taken from an incarnation without its knowing yet. At a quiet
//! instant there is none.

use crate::check::format::balances;
use crate::check::invariant_name::InvariantName::ActiveTruth;
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::incarnation::IncarnationRecord;
use crate::check::state::{AcceptedCommit, WorldState};
use crate::model::{Mode, RunState};

/// Within so many leases somebody takes over what an incarnation has left.
const LEASES_UNTIL_TAKEN: u32 = 4;

/// Remembers whether the sums may have changed.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    seen: [(i64, u64); 2],
}

/// Looks whether a commit books the entry or exit of its run. To be called before it is booked.
pub(crate) fn judge(results: &mut CheckResults, taken: &AcceptedCommit<'_>) {
    let mut due = [0; 2];
    for change in &taken.changes {
        let was_open = change.before.is_some_and(RunState::is_open);
        due[change.after.mode.index()] +=
            i64::from(change.after.state.is_open()) - i64::from(was_open);
    }
    let mut booked = [0; 2];
    if let Some(booking) = taken.commit.active_runs_delta {
        booked[booking.mode.index()] += booking.change;
    }
    if due == [0; 2] && booked == [0; 2] {
        return;
    }
    results.check(ActiveTruth, true, due == booked, || {
        let commit = taken.commit;
        let runs: Vec<_> = taken
            .changes
            .iter()
            .map(|change| change.after.id.to_string())
            .collect();
        let place = format!(
            "{} commit of {} for {}",
            commit.step.name(),
            commit.token.incarnation,
            runs.join(", ")
        );
        ViolationDetail::new(
            place,
            "it does not book what enters or leaves {Queued, Running}",
        )
        .expected(balances(due), balances(booked))
    });
}

/// Compares an incarnation's own counter with what it has learned.
pub(crate) fn compare(results: &mut CheckResults, incarnation: &IncarnationRecord) {
    let Some(instruments) = &incarnation.instruments else {
        return;
    };
    for mode in Mode::ALL {
        let (shown, learned) = (
            instruments.runs_active(mode),
            incarnation.learned.active[mode.index()],
        );
        results.check(
            ActiveTruth,
            incarnation.learned.dirty_active && learned != 0,
            shown == learned,
            || {
                let place = format!(
                    "scheduler_runs_active{{mode=\"{}\"}} of {}",
                    mode.as_str(),
                    incarnation.id
                );
                ViolationDetail::new(place, "it is not the balance that the process has learned")
                    .expected(learned, shown)
            },
        );
    }
}

/// Looks whether the balance of an incarnation that is over waits for its taker longer than it
/// takes to miss it and to beat once more, with nothing wrong in the world.
pub(crate) fn judge_abandoned(results: &mut CheckResults, state: &WorldState) {
    let patience = state.options.lease * LEASES_UNTIL_TAKEN;
    if state.faults.trouble_since(state.now.before(patience)) {
        return;
    }
    let incarnations = state.incarnations.orphaned.iter();
    for incarnation in
        incarnations.map(|incarnation| &state.incarnations.incarnations[*incarnation])
    {
        let waits = incarnation.ended_at.map(|ended| state.now.since(ended));
        let is_overdue = waits.is_some_and(|waits| waits > patience);
        results.check(ActiveTruth, true, !is_overdue, || {
            let place = format!("the balance of {}", incarnation.id);
            ViolationDetail::new(place, "its life is over, and nobody takes it over").expected(
                format_args!("another life to have it within {} s", patience.as_secs()),
                format_args!(
                    "{} after {} s",
                    balances(incarnation.balance),
                    waits.unwrap_or_default().as_secs()
                ),
            )
        });
    }
}

impl Sums {
    /// Compares the sum over live processes with the open runs.
    pub fn compare(&mut self, results: &mut CheckResults, state: &WorldState) {
        for mode in Mode::ALL {
            self.compare_mode(results, state, mode);
        }
    }

    fn compare_mode(&mut self, results: &mut CheckResults, state: &WorldState, mode: Mode) {
        let incarnations = &state.incarnations.incarnations;
        let mut sum = 0;
        for incarnation in &state.incarnations.living {
            let Some(instruments) = &incarnations[*incarnation].instruments else {
                return;
            };
            sum += instruments.runs_active(mode);
        }
        let open = state.runs.counts.open[mode.index()];
        let has_changed =
            std::mem::replace(&mut self.seen[mode.index()], (sum, open)) != (sum, open);
        let unlearned = state.calls.weight;
        let orphaned = state
            .incarnations
            .orphaned
            .iter()
            .map(|incarnation| incarnations[*incarnation].balance[mode.index()].unsigned_abs());
        let unknown = state.incarnations.living.iter().map(|incarnation| {
            incarnations[*incarnation]
                .unknown_surrender()
                .unsigned_abs()
        });
        let slack = unlearned + orphaned.sum::<u64>() + unknown.sum::<u64>();
        let difference = (sum - open as i64).unsigned_abs();
        let is_exercised = has_changed && open > 0 && slack == 0;
        results.check(ActiveTruth, is_exercised, difference <= slack, || {
            let place = format!(
                "scheduler_runs_active{{mode=\"{}\"}} over the fleet",
                mode.as_str()
            );
            let instant = if slack == 0 {
                "a quiet instant"
            } else {
                "an instant with news under way"
            };
            ViolationDetail::new(place, format_args!("at {instant} it is not the open runs"))
                .expected(format_args!("{open} (± {slack})"), sum)
        });
    }
}
