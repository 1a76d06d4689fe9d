//! What happens to commits.

use super::Oracle;
use crate::check::invariant::{
    active_truth, applied_learned, conservation, cron_once, delta_truth, lease_discipline, no_loss,
    parallelism, plan_truth, segment_once, state_graph,
};
use crate::model::{Applied, Commit, CommitAnswer, CommitStep};

impl Oracle {
    pub(super) fn commit_applied(&mut self, commit: &Commit, applied: &Applied) {
        let taken = self.state.take(commit, applied);
        let (results, state, memory) = (&mut self.results, &mut self.state, &mut self.memory);
        state_graph::judge(results, &taken);
        conservation::judge(results, &taken);
        active_truth::judge(results, &taken);
        parallelism::judge_end(results, &taken);
        memory.causes.judge(results, state, &taken);
        let mut slots = Vec::new();
        match &commit.step {
            CommitStep::Segment(segment) => {
                segment_once::judge(results, state, &taken);
                lease_discipline::judge_commit(results, state, &taken);
                no_loss::judge_completion(results, state, &taken);
                if let Some(change) = taken.changes.first() {
                    slots = no_loss::judge_segment(results, state, change.run, segment);
                    delta_truth::judge(results, state, segment, &slots);
                }
            }
            CommitStep::Plan { .. } => slots = memory.evaluator.judge(results, state, &taken),
            CommitStep::Dispatch => plan_truth::judge_cut(results, state, &taken),
            CommitStep::Fire { .. } => cron_once::judge(results, state, &taken),
            CommitStep::Export => no_loss::judge_exports(results, state, &taken),
            _ => {}
        }
        cron_once::judge_waiting(results, state, &taken);
        memory.outbox.written(results, state, &taken);
        if let Some(tenant) = &commit.served {
            memory.turns.served(state.runs.tenant(tenant));
        }
        state.book(&taken, slots);
        if !matches!(
            commit.step,
            CommitStep::Fire { .. }
                | CommitStep::Export
                | CommitStep::Manual
                | CommitStep::AdoptOrphanedCount
        ) {
            memory.notify.progressed(results, state);
        } else if !taken.changes.is_empty() {
            memory.notify.reset(state);
        }
    }

    pub(super) fn commit_learned(&mut self, commit: &Commit, answer: &CommitAnswer) {
        let incarnation = self.incarnation(&commit.token.incarnation);
        let call = self.state.calls.close(incarnation, commit.token.sequence);
        applied_learned::learned(&mut self.results, commit, answer, call);
        let is_told_rightly = matches!(answer, CommitAnswer::Applied(_))
            == call.is_some_and(|call| call.applied_at.is_some());
        if is_told_rightly && self.state.incarnations.incarnations[incarnation].is_alive {
            self.state
                .learn(incarnation, commit, answer, call.unwrap_or_default());
        }
    }
}
