//! `parallelism`: the segments of a schedule worked under a live lease never exceed its limit.
//!
//! Worked are the uncommitted segments of running runs with a live lease on some copy of their
//! message; several copies count once. Segments of a run that has ended are worked for nothing, and
//! don't count, and their released window closes with them. When an edit lowers the limit, what was
//! released then may be finished.

use crate::check::invariant_name::InvariantName::Parallelism;
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::table::{RunIndex, ScheduleIndex};
use crate::check::state::{AcceptedCommit, WorldState};

/// Looks at a schedule of which one more segment is worked now.
pub(crate) fn judge(
    results: &mut CheckResults,
    state: &mut WorldState,
    index: ScheduleIndex,
    run: RunIndex,
    segment: u32,
) {
    let schedule = &state.schedules[index];
    let Some(limit) = schedule.parallelism() else {
        return;
    };
    let worked = schedule.worked;
    results.check(Parallelism, worked > 1, worked <= limit, || {
        let what = "with this segment it has more segments under a live lease than it allows";
        let place = format!(
            "schedule {}, segment {}",
            state.schedule_name(index),
            state.segment_name(run, segment)
        );
        ViolationDetail::new(place, what).expected(format_args!("at most {limit}"), worked)
    });
}

/// Looks whether a commit that ends a run gives its places to others.
pub(crate) fn judge_end(results: &mut CheckResults, taken: &AcceptedCommit<'_>) {
    let Some(write) = &taken.commit.schedule else {
        return;
    };
    let ended = taken.changes.iter().map(|change| change.after);
    for run in ended.filter(|run| run.state.is_terminal()) {
        let window = write.state.running.iter().find(|w| w.run == run.id);
        results.check(Parallelism, true, window.is_none(), || {
            let left = window.map_or(0, |window| window.released - window.committed);
            ViolationDetail::new(
                format_args!("run {}", run.id),
                "it ends, and its released window stays open",
            )
            .expected(
                "its places free for others",
                format_args!("{left} of its segments in flight for ever"),
            )
        });
    }
}
