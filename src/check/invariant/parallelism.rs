//! `parallelism`: the segments of a schedule worked under a live lease never exceed its limit.
//!
//! Worked are the uncommitted segments of running runs with a live lease on some copy of their
//! message; several copies count once. Segments of a run that has ended don't count, and the
//! released window of the run closes with it. When an edit lowers the limit, segments that were
//! released before may be finished.

use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::contract;
use crate::check::invariant::InvariantName::Parallelism;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::{AcceptedCommit, SegmentLease};

/// Name and documentation of `parallelism`.
pub(crate) const PARALLELISM: InvariantDefinition = InvariantDefinition {
    name: "parallelism",
    evaluated: EvaluationTime::Always,
    meaning: "The segments of a schedule worked under a live lease never exceed its parallelism.",
    method: "Counted at each lease over uncommitted segments of running runs; copies of a message \
             count once. When an edit lowers the limit, segments released before may be finished. \
             A commit that ends a run must close its released window.",
    exercised_by: "schedules with more than one segment in work",
};

/// Checks `parallelism`.
#[derive(Debug, Default)]
pub(crate) struct ParallelismCheck;

impl Invariant for ParallelismCheck {
    fn names(&self) -> &[InvariantName] {
        &[Parallelism]
    }

    fn segment_leased(&mut self, context: &mut CheckContext<'_>, lease: &SegmentLease) {
        let state = context.state;
        let schedule = &state.schedules[lease.schedule];
        let Some(limit) = schedule.parallelism() else {
            return;
        };
        let worked = schedule.worked;
        context.check(Parallelism, worked > 1, worked <= limit, || {
            ViolationDetail::of(format_args!(
                "the number of leased segments of schedule {}",
                state.schedule_name(lease.schedule)
            ))
            .is(format_args!(
                "{worked} with segment {}",
                state.segment_name(lease.run, lease.segment)
            ))
            .expected(format_args!("at most {limit}"))
            .because("that is the schedule's parallelism")
        });
    }

    /// Checks that a commit that ends a run closes its released window.
    fn commit_accepted(&mut self, context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
        let Some(write) = &accepted.commit.schedule else {
            return;
        };
        let ended = accepted.changes.iter().map(|change| change.after);
        for run in ended.filter(|run| contract::is_terminal(run.state)) {
            let window = write.state.running.iter().find(|w| w.run == run.id);
            context.check(Parallelism, true, window.is_none(), || {
                let left = window.map_or(0, |window| window.released - window.committed);
                ViolationDetail::of(format_args!("the released window of run {}", run.id))
                    .is(format_args!("open with {left} segments"))
                    .expected("closed")
                    .because(format_args!("the commit leaves the run {}", run.state))
            });
        }
    }
}
