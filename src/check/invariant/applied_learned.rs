//! `applied-learned`: every commit that the store took is learned, or there is a reason why not.

use crate::check::board::{Board, Complaint};
use crate::check::ledger::call::Call;
use crate::check::ledger::truth::Truth;
use crate::check::name::InvariantName::AppliedLearned;
use crate::model::observation::PortName;
use crate::model::{Commit, CommitAnswer};

/// Looks whether a learned answer tells what happened. `call`: what was known of the commit.
pub(crate) fn learned(
    board: &mut Board,
    commit: &Commit,
    answer: &CommitAnswer,
    call: Option<Call>,
) {
    let is_applied = call.is_some_and(|call| call.applied_at.is_some());
    let says_applied = matches!(answer, CommitAnswer::Applied(_));
    board.check(
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
            Complaint::new(place, what).expected(word(is_applied), word(says_applied))
        },
    );
}

/// At quiescence: nothing that was applied may be left unlearned by a living incarnation that has a
/// way to the store.
pub(crate) fn finish(board: &mut Board, truth: &Truth) {
    board.held(AppliedLearned, 1, 0);
    for ((incarnation, sequence), call) in truth.calls.sorted() {
        let Some(applied_at) = call.applied_at else {
            continue;
        };
        if truth.incarnations.is_cut_off(incarnation, PortName::Store) {
            continue;
        }
        let run = call
            .run
            .map_or_else(String::new, |run| format!(" (run {})", truth.run_name(run)));
        let place = format!(
            "{} commit {sequence} of {}{run}",
            call.step,
            truth.incarnation_name(incarnation)
        );
        let what = format!("the store took it at {applied_at}, and its life never learned of it");
        let found = if call.in_flight {
            "no answer"
        } else {
            "its answer lost and not asked for again"
        };
        board.violate(
            AppliedLearned,
            Complaint::new(place, what).expected("its news to arrive", found),
        );
    }
}
