//! `state-graph`: legal transitions only, terminal is final, statistics grow, attempts are counted.

use crate::check::invariant_name::InvariantName::StateGraph;
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::{AcceptedCommit, RunChange};
use crate::model::commit::PlanOutcome;
use crate::model::{CommitStep, RunState, RunStats};

/// Looks at every run that a commit writes.
pub(crate) fn judge(results: &mut CheckResults, taken: &AcceptedCommit<'_>) {
    for change in &taken.changes {
        judge_state(results, taken, change);
        judge_stats(results, change);
        judge_attempts(results, taken, change);
    }
}

fn judge_state(results: &mut CheckResults, taken: &AcceptedCommit<'_>, change: &RunChange<'_>) {
    let after = change.after.state;
    let is_legal = match change.before {
        None => after == RunState::Planning,
        Some(before) if before == after => {
            !before.is_terminal() || change.stats_before == change.after.stats
        }
        Some(before) => before.may_become(after),
    };
    results.check(StateGraph, change.before != Some(after), is_legal, || {
        let before = change
            .before
            .map_or("nothing".to_owned(), |before| before.to_string());
        let step = taken.commit.step.name();
        let what = format!(
            "a {step} commit of {} moved it illegally",
            taken.commit.token.incarnation
        );
        let allowed = match change.before {
            None => "a new run in Planning".to_owned(),
            Some(before) if before.is_terminal() => format!("it to stay {before} for good"),
            Some(before) => format!("a state that may follow {before}"),
        };
        ViolationDetail::new(format_args!("run {}", change.after.id), what)
            .expected(allowed, format_args!("{before} → {after}"))
    });
}

fn judge_stats(results: &mut CheckResults, change: &RunChange<'_>) {
    let (before, after) = (numbers(&change.stats_before), numbers(&change.after.stats));
    let fallen = before
        .iter()
        .zip(&after)
        .find(|((_, before), (_, after))| after < before);
    results.check(StateGraph, before != after, fallen.is_none(), || {
        let ((name, before), (_, after)) = fallen.unwrap_or((&before[0], &after[0]));
        ViolationDetail::new(
            format_args!("run {}", change.after.id),
            format_args!("its statistic `{name}` fell"),
        )
        .expected(format_args!("at least {before}"), after)
    });
    let stats = &change.after.stats;
    if change.after.state == RunState::Completed {
        let done = stats.completed + stats.failed;
        results.check(StateGraph, stats.queued > 0, done == stats.queued, || {
            let what = "it is Completed, but completed + failed is not queued";
            ViolationDetail::new(format_args!("run {}", change.after.id), what).expected(
                stats.queued,
                format_args!("{} + {}", stats.completed, stats.failed),
            )
        });
    }
}

/// Looks whether attempts to plan the run are counted.
fn judge_attempts(results: &mut CheckResults, taken: &AcceptedCommit<'_>, change: &RunChange<'_>) {
    let has_failed = match taken.commit.step {
        CommitStep::PlanRetry => true,
        CommitStep::Plan { outcome, .. } => outcome == PlanOutcome::Failed,
        _ => false,
    };
    let due = change.attempts_before + u32::from(has_failed);
    let found = change.after.planning_attempts;
    results.check(StateGraph, has_failed, found == due, || {
        let what = "its failed attempts at planning are not counted";
        ViolationDetail::new(format_args!("run {}", change.after.id), what).expected(due, found)
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
