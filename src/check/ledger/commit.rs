//! What happens to commits.

use super::Ledger;
use crate::check::invariant::{
    active_truth, applied_learned, conservation, cron_once, delta_truth, lease_discipline, no_loss,
    parallelism, plan_truth, segment_once, state_graph,
};
use crate::model::{Applied, Commit, CommitAnswer, CommitStep};

impl Ledger {
    pub(super) fn commit_applied(&mut self, commit: &Commit, applied: &Applied) {
        let taken = self.truth.take(commit, applied);
        let (board, truth, memory) = (&mut self.board, &mut self.truth, &mut self.memory);
        state_graph::judge(board, &taken);
        conservation::judge(board, &taken);
        active_truth::judge(board, &taken);
        parallelism::judge_end(board, &taken);
        memory.causes.judge(board, truth, &taken);
        let mut slots = Vec::new();
        match &commit.step {
            CommitStep::Segment(segment) => {
                segment_once::judge(board, truth, &taken);
                lease_discipline::judge_commit(board, truth, &taken);
                no_loss::judge_completion(board, truth, &taken);
                if let Some(change) = taken.changes.first() {
                    slots = no_loss::judge_segment(board, truth, change.run, segment);
                    delta_truth::judge(board, truth, segment, &slots);
                }
            }
            CommitStep::Plan { .. } => slots = memory.evaluator.judge(board, truth, &taken),
            CommitStep::Dispatch => plan_truth::judge_cut(board, truth, &taken),
            CommitStep::Fire { .. } => cron_once::judge(board, truth, &taken),
            CommitStep::Export => no_loss::judge_exports(board, truth, &taken),
            _ => {}
        }
        cron_once::judge_waiting(board, truth, &taken);
        memory.outbox.written(board, truth, &taken);
        if let Some(tenant) = &commit.served {
            memory.turns.served(truth.runs.tenant(tenant));
        }
        truth.book(&taken, slots);
        if !matches!(
            commit.step,
            CommitStep::Fire { .. }
                | CommitStep::Export
                | CommitStep::Manual
                | CommitStep::AdoptOrphanedCount
        ) {
            memory.notify.progressed(board, truth);
        } else if !taken.changes.is_empty() {
            memory.notify.reset(truth);
        }
    }

    pub(super) fn commit_learned(&mut self, commit: &Commit, answer: &CommitAnswer) {
        let incarnation = self.incarnation(&commit.token.incarnation);
        let call = self.truth.calls.close(incarnation, commit.token.sequence);
        applied_learned::learned(&mut self.board, commit, answer, call);
        let is_told_rightly = matches!(answer, CommitAnswer::Applied(_))
            == call.is_some_and(|call| call.applied_at.is_some());
        if is_told_rightly && self.truth.incarnations.incarnations[incarnation].is_alive {
            self.truth
                .learn(incarnation, commit, answer, call.unwrap_or_default());
        }
    }
}
