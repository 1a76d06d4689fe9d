//! `applied-learned`: every commit that the store applied is acknowledged to its sender.

use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::invariant::InvariantName::AppliedLearned;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::{LearnedCommit, RunEnd};
use crate::model::observation::PortName;

/// Name and documentation of `applied-learned`.
pub(crate) const APPLIED_LEARNED: InvariantDefinition = InvariantDefinition {
    name: "applied-learned",
    evaluated: EvaluationTime::Always,
    meaning: "Every commit that the store applied is acknowledged to the incarnation that sent \
              it, unless that incarnation ends first.",
    method: "The oracle keeps every commit of a living incarnation from its first sending to its \
             answer. An answer must say what happened. At quiescence no applied commit may be \
             left whose answer is neither in flight nor asked for again. The families below \
             check that the contract's counters equal the acknowledged commits, each for its own \
             series. This family covers those of the extensions, which are compared when they \
             should have changed, and when the incarnation ends. Late permits lie between the \
             requests that were seen to be late and the permits that were granted.",
    exercised_by: "each acknowledged commit",
};

/// Checks `applied-learned`.
#[derive(Debug, Default)]
pub(crate) struct AppliedLearnedCheck;

impl Invariant for AppliedLearnedCheck {
    fn names(&self) -> &[InvariantName] {
        &[AppliedLearned]
    }

    fn commit_learned(&mut self, context: &mut CheckContext<'_>, learned: &LearnedCommit<'_>) {
        let (is_applied, says_applied) = (learned.was_accepted(), learned.says_accepted());
        let holds = is_applied == says_applied;
        context.check(AppliedLearned, is_applied, holds, || {
            let word = |is_applied| {
                if is_applied {
                    "\"applied\""
                } else {
                    "\"not applied\""
                }
            };
            let commit = learned.commit;
            ViolationDetail::of(format_args!(
                "the answer to {} commit {} of {}",
                commit.step.name(),
                commit.token.sequence,
                commit.token.incarnation
            ))
            .is(word(says_applied))
            .expected(word(is_applied))
            .because("an answer says what the store did, once")
        });
    }

    fn finished(&mut self, context: &mut CheckContext<'_>, end: &RunEnd<'_>) {
        if end.is_quiescent {
            check_unlearned(context);
        }
    }
}

/// Checks that no applied commit is left of a living incarnation that can reach the store.
fn check_unlearned(context: &mut CheckContext<'_>) {
    context.held(AppliedLearned, 1, 0);
    let state = context.state;
    for ((incarnation, sequence), pending) in state.pending.sorted() {
        let Some(applied_at) = pending.applied_at else {
            continue;
        };
        if state.incarnations.is_cut_off(incarnation, PortName::Store) {
            continue;
        }
        let run = pending
            .run
            .map_or_else(String::new, |run| format!(" (run {})", state.run_name(run)));
        let found = if pending.in_flight {
            "missing at quiescence"
        } else {
            "lost and not asked for again"
        };
        context.violate(
            AppliedLearned,
            ViolationDetail::of(format_args!(
                "the answer to {} commit {sequence} of {}{run}",
                pending.step,
                state.incarnation_name(incarnation)
            ))
            .is(found)
            .expected("acknowledged")
            .because(format_args!("the store applied the commit at {applied_at}")),
        );
    }
}
