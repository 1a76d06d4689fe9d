//! `segment-once`: a segment is committed once, and counted once over the fleet; no work is
//! enqueued that is done or known to be enqueued. (That each incarnation counts what it learned is
//! looked at with the other counters.)

use std::time::Duration;

use crate::check::instruments::{CounterSeries, SegmentFate};
use crate::check::invariant_name::InvariantName::SegmentOnce;
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::table::{IncarnationIndex, RunIndex};
use crate::check::state::{AcceptedCommit, WorldState};
use crate::model::fault::FaultKind;
use crate::model::{CommitStep, Mode, Timestamp};

/// A segment that was read longer ago than this is not enqueued, but for [`DELAYS`].
const READ_AGE_MAX: Duration = Duration::from_secs(10);

/// A call that is not answered is tried again for so long.
const RETRIES_MAX: Duration = Duration::from_secs(60);

/// What may come between a look at a segment and its enqueue, or between an enqueue and a note of
/// it.
const DELAYS: [FaultKind; 6] = [
    FaultKind::ProcessPause,
    FaultKind::ClockSkew,
    FaultKind::StoreOutage,
    FaultKind::CommitAnswerLost,
    FaultKind::QueueOutage,
    FaultKind::Partition,
];

/// Looks whether a segment commit is the first of its segment.
pub(crate) fn judge(results: &mut CheckResults, state: &WorldState, taken: &AcceptedCommit<'_>) {
    let CommitStep::Segment(segment) = &taken.commit.step else {
        return;
    };
    let Some(change) = taken.changes.first() else {
        return;
    };
    let work = state.runs[change.run].work.as_ref();
    let Some(record) = work.and_then(|work| work.segments.get(segment.key.index as usize)) else {
        return;
    };
    results.check(SegmentOnce, true, record.committed_by.is_none(), || {
        let first = record.committed_by.map_or_else(String::new, |incarnation| {
            state.incarnation_name(incarnation)
        });
        let second = &taken.commit.token.incarnation;
        ViolationDetail::new(
            format_args!("segment {}", segment.key),
            "the store took it twice",
        )
        .expected(
            format_args!("the commit of {first} only"),
            format_args!("another of {second}"),
        )
    });
}

/// Looks whether a segment that an incarnation enqueues still awaits work. What it has read of it
/// may be a little old.
pub(crate) fn judge_enqueue(
    results: &mut CheckResults,
    state: &WorldState,
    run: RunIndex,
    segment: u32,
) {
    let record = &state.runs[run];
    let work = record.work.as_ref();
    let segment_record = work.and_then(|work| work.segments.get(segment as usize));
    let committed_at = segment_record
        .filter(|segment| segment.committed_by.is_some())
        .map(|segment| segment.committed_at);
    let done_at = record.completed_at.or(committed_at);
    let is_new = |at: Timestamp| state.now.since(at) <= READ_AGE_MAX;
    let was_delayed = |at: Timestamp| state.faults.any_since(&DELAYS, at.before(RETRIES_MAX));
    let is_excused = |at: Timestamp| is_new(at) || was_delayed(at);
    let is_right = done_at.is_none_or(is_excused);
    results.check(SegmentOnce, true, is_right, || {
        let done_at = done_at.unwrap_or(state.now);
        ViolationDetail::new(
            format_args!("segment {}", state.segment_name(run, segment)),
            "it is enqueued though it awaits no work",
        )
        .expected(
            format_args!(
                "none later than {} s after {done_at}",
                READ_AGE_MAX.as_secs()
            ),
            format_args!("one at {}", state.now),
        )
    });
}

/// Looks whether an incarnation that enqueues a planner message once more may not know that it has
/// done so.
pub(crate) fn judge_relay(
    results: &mut CheckResults,
    state: &WorldState,
    run: RunIndex,
    incarnation: IncarnationIndex,
) {
    let work = state.runs[run].work.as_ref();
    let relayed = work.and_then(|work| work.relayed);
    let own = relayed.filter(|(by, _)| *by == incarnation);
    let is_right = own.is_none_or(|(_, at)| state.faults.any_since(&DELAYS, at));
    results.check(SegmentOnce, true, is_right, || {
        let at = own.map_or(state.now, |(_, at)| at);
        let what = format!(
            "{} enqueues its planner message again",
            state.incarnation_name(incarnation)
        );
        ViolationDetail::new(format_args!("run {}", state.run_name(run)), what).expected(
            format_args!("its intent ticked off after {at}"),
            format_args!("the same message at {}", state.now),
        )
    });
}

/// Compares the fleet's `Completed` counts with the segments committed.
pub(crate) fn finish(results: &mut CheckResults, state: &WorldState) {
    let counted: u64 = state
        .incarnations
        .incarnations
        .iter()
        .flat_map(|(_, incarnation)| {
            Mode::ALL.map(|mode| {
                incarnation.seen[CounterSeries::Segments(mode, SegmentFate::Completed).index()]
            })
        })
        .sum();
    let tally = &state.tally;
    let due = tally
        .segments
        .saturating_sub(tally.segments_lost_with_incarnation);
    if !state.incarnations.is_instrumented {
        return;
    }
    results.check(SegmentOnce, due > 0, counted == due, || {
        let what = format!(
            "all lives together did not count each committed segment once ({} committed, {} of \
             them by lives that ended before they learned of it)",
            tally.segments, tally.segments_lost_with_incarnation
        );
        ViolationDetail::new("scheduler_runner_segments_total over the fleet", what)
            .expected(due, counted)
    });
}
