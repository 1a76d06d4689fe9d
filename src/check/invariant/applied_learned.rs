//! `applied-learned`: every commit that the store took is learned, or there is a reason why not.

use crate::check::invariant_name::InvariantName::AppliedLearned;
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::WorldState;
use crate::check::state::pending_commit::PendingCommit;
use crate::model::observation::PortName;
use crate::model::{Commit, CommitAnswer};

/// Looks whether a learned answer tells what happened. `call`: what was known of the commit.
pub(crate) fn learned(
    results: &mut CheckResults,
    commit: &Commit,
    answer: &CommitAnswer,
    call: Option<PendingCommit>,
) {
    let is_applied = call.is_some_and(|call| call.applied_at.is_some());
    let says_applied = matches!(answer, CommitAnswer::Applied(_));
    results.check(
        AppliedLearned,
        is_applied,
        is_applied == says_applied,
        || {
            let place = format!(
                "{} commit {} of {}",
                commit.step.name(),
                commit.token.sequence,
                commit.token.incarnation
            );
            let what = "its life learned something else than what happened";
            let word = |applied| {
                if applied {
                    "applied"
                } else {
                    "not applied (or learned before)"
                }
            };
            ViolationDetail::new(place, what).expected(word(is_applied), word(says_applied))
        },
    );
}

/// At quiescence: nothing that was applied may be left unlearned by a living incarnation that has a
/// way to the store.
pub(crate) fn finish(results: &mut CheckResults, state: &WorldState) {
    results.held(AppliedLearned, 1, 0);
    for ((incarnation, sequence), call) in state.calls.sorted() {
        let Some(applied_at) = call.applied_at else {
            continue;
        };
        if state.incarnations.is_cut_off(incarnation, PortName::Store) {
            continue;
        }
        let run = call
            .run
            .map_or_else(String::new, |run| format!(" (run {})", state.run_name(run)));
        let place = format!(
            "{} commit {sequence} of {}{run}",
            call.step,
            state.incarnation_name(incarnation)
        );
        let what = format!("the store took it at {applied_at}, and its life never learned of it");
        let found = if call.in_flight {
            "no answer"
        } else {
            "its answer lost and not asked for again"
        };
        results.violate(
            AppliedLearned,
            ViolationDetail::new(place, what).expected("its news to arrive", found),
        );
    }
}
