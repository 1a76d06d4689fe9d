//! `state-graph`: legal transitions only, terminal states are final, statistics grow, and attempts
//! are counted.

use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::contract;
use crate::check::invariant::InvariantName::StateGraph;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::AcceptedCommit;
use crate::check::state::fact::RunChange;
use crate::model::commit::PlanOutcome;
use crate::model::{CommitStep, RunId, RunState, RunStats};

/// Name and documentation of `state-graph`.
pub(crate) const STATE_GRAPH: InvariantDefinition = InvariantDefinition {
    name: "state-graph",
    evaluated: EvaluationTime::Always,
    meaning: "Runs begin with the content that their cause gives, follow the state graph, terminal \
              states are final, and statistics only grow.",
    method: "Checked with each run that a commit writes. A new run must equal, in every field, the \
             one that is derived from its schedule's definition and its cron fire, export or \
             command; a retry takes products and `usageOnly` from the retried run. Definitions \
             count that were in force since the cause. Later commits may change only what their \
             step changes: times are those of the transitions, the reason for Error is that of the \
             step, all else stays. At `Completed`, completed + failed = queued. Each failed \
             attempt to plan a run is counted, one by one. Retention may purge terminal runs only.",
    exercised_by: "new runs and transitions",
};

/// Checks `state-graph`.
#[derive(Debug, Default)]
pub(crate) struct StateGraphCheck;

impl Invariant for StateGraphCheck {
    fn names(&self) -> &[InvariantName] {
        &[StateGraph]
    }

    fn commit_accepted(&mut self, context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
        for change in &accepted.changes {
            check_state(context, accepted, change);
            check_statistics(context, change);
            check_attempts(context, accepted, change);
        }
    }

    fn run_purged(&mut self, context: &mut CheckContext<'_>, run: &RunId) {
        let state = context.state;
        let record = state.runs.table.find(run).map(|run| &state.runs[run]);
        let found = record.and_then(|record| record.state);
        let is_terminal = found.is_none_or(contract::is_terminal);
        context.check(StateGraph, true, is_terminal, || {
            let found = found.map_or(String::new(), |state| state.to_string());
            ViolationDetail::of(format_args!("run {run}"))
                .is(format_args!("{found} and purged"))
                .expected("kept until it is Completed, Error or Cancelled")
                .because("retention applies to terminal runs")
        });
    }
}

fn check_state(
    context: &mut CheckContext<'_>,
    accepted: &AcceptedCommit<'_>,
    change: &RunChange<'_>,
) {
    let after = change.after.state;
    let is_legal = match change.before {
        None => after == RunState::Planning,
        Some(before) if before == after => {
            !contract::is_terminal(before) || change.stats_before == change.after.stats
        }
        Some(before) => contract::successors(before).contains(&after),
    };
    context.check(StateGraph, change.before != Some(after), is_legal, || {
        let (expected, reason) = match change.before {
            None => ("Planning".to_owned(), "a run begins in Planning"),
            Some(before) if contract::is_terminal(before) => (
                format!("still {before} and unchanged"),
                "a terminal state is final",
            ),
            Some(before) => (
                format!("in a state that may follow {before}"),
                "the state graph has no such transition",
            ),
        };
        ViolationDetail::of(format_args!("run {}", change.after.id))
            .is(format_args!(
                "{after} by the {} commit of {}",
                accepted.commit.step.name(),
                accepted.commit.token.incarnation
            ))
            .expected(expected)
            .because(reason)
    });
}

fn check_statistics(context: &mut CheckContext<'_>, change: &RunChange<'_>) {
    let (before, after) = (numbers(&change.stats_before), numbers(&change.after.stats));
    let mut pairs = before.iter().zip(&after);
    let fallen = pairs.find(|((_, before), (_, after))| after < before);
    context.check(StateGraph, before != after, fallen.is_none(), || {
        let ((name, before), (_, after)) = fallen.unwrap_or((&before[0], &after[0]));
        ViolationDetail::of(format_args!("`{name}` of run {}", change.after.id))
            .is(after)
            .expected(format_args!("at least {before}"))
            .because("statistics only grow")
    });
    let stats = &change.after.stats;
    if change.after.state == RunState::Completed {
        let done = stats.completed + stats.failed;
        context.check(StateGraph, stats.queued > 0, done == stats.queued, || {
            ViolationDetail::of(format_args!(
                "completed + failed of run {}",
                change.after.id
            ))
            .is(format_args!("{} + {}", stats.completed, stats.failed))
            .expected(stats.queued)
            .because("the run is Completed and queued that many images")
        });
    }
}

/// Checks that failed attempts to plan the run are counted.
fn check_attempts(
    context: &mut CheckContext<'_>,
    accepted: &AcceptedCommit<'_>,
    change: &RunChange<'_>,
) {
    let has_failed = match accepted.commit.step {
        CommitStep::PlanRetry => true,
        CommitStep::Plan { outcome, .. } => outcome == PlanOutcome::Failed,
        _ => false,
    };
    let due = change.attempts_before + u32::from(has_failed);
    let found = change.after.planning_attempts;
    context.check(StateGraph, has_failed, found == due, || {
        ViolationDetail::of(format_args!("planningAttempts of run {}", change.after.id))
            .is(found)
            .expected(due)
            .because("each failed attempt at planning counts")
    });
}

fn numbers(stats: &RunStats) -> [(&'static str, u64); 12] {
    [
        ("candidates", stats.candidates),
        ("deduped", stats.deduped),
        ("queued", stats.queued),
        ("completed", stats.completed),
        ("failed", stats.failed),
        ("deltas", stats.deltas),
        ("newFindings", stats.new_findings),
        ("newCriticals", stats.new_criticals),
        ("newHigh", stats.new_high),
        ("kevHits", stats.kev_hits),
        ("segments", stats.segments),
        ("segmentsCompleted", stats.segments_completed),
    ]
}
