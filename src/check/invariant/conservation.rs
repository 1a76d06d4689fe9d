//! `counter-monotone`, `planner-conservation`, `image-conservation`, `delta-conservation`, and the
//! counting parts of `segment-once` and, for the extensions, of `applied-learned`: the counters of
//! an incarnation equal what it has learned, and what it learns is in itself consistent.

use crate::check::format::{findings, numbers};
use crate::check::instruments::{CounterSeries, DeltaKind, InstrumentReader};
use crate::check::invariant_name::InvariantName::{
    CounterMonotone, DeltaConservation, ImageConservation, PlannerConservation,
};
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::commit::outcome_of;
use crate::check::state::incarnation::IncarnationRecord;
use crate::check::state::{AcceptedCommit, RunChange};
use crate::model::commit::SegmentCommit;
use crate::model::{CommitStep, DeltaCounts, Mode, RunState};

/// Every counter.
pub(crate) const ALL_COUNTERS: u64 = (1 << CounterSeries::COUNT) - 1;

/// The contract's own.
pub(crate) const GIVEN_COUNTERS: u64 = (1 << CounterSeries::GIVEN) - 1;

/// Compares the counters named by `mask` with what the incarnation has learned.
pub(crate) fn compare(results: &mut CheckResults, incarnation: &mut IncarnationRecord, mask: u64) {
    let Some(instruments) = incarnation.instruments.take() else {
        return;
    };
    let mut left = mask;
    while left != 0 {
        let index = left.trailing_zeros() as usize;
        left &= left - 1;
        compare_one(
            results,
            incarnation,
            &*instruments,
            CounterSeries::at(index),
        );
    }
    for mode in Mode::ALL {
        let new = CounterSeries::Deltas(mode, DeltaKind::New);
        if mask >> new.index() & 1 == 1 {
            compare_severities(results, incarnation, mode);
        }
    }
    incarnation.instruments = Some(instruments);
}

fn compare_one(
    results: &mut CheckResults,
    incarnation: &mut IncarnationRecord,
    instruments: &dyn InstrumentReader,
    series: CounterSeries,
) {
    let shown = instruments.counter(series);
    let learned = incarnation.learned.counters[series.index()];
    let before = std::mem::replace(&mut incarnation.seen[series.index()], shown);
    let has_moved = shown != before && shown != 0;
    results.check(CounterMonotone, has_moved, shown >= before, || {
        ViolationDetail::new(
            format_args!("{series} of {}", incarnation.id),
            "the counter fell",
        )
        .expected(format_args!("at least {before}"), shown)
    });
    let bit = 1 << series.index();
    let was_told = incarnation.wrong & bit != 0 && shown == before;
    incarnation.wrong = if shown == learned {
        incarnation.wrong & !bit
    } else {
        incarnation.wrong | bit
    };
    let holds = shown == learned || was_told;
    results.check(series.keeper(), has_moved && learned != 0, holds, || {
        let what = format!(
            "it is not the {} that the process learned of",
            series.counts()
        );
        ViolationDetail::new(format_args!("{series} of {}", incarnation.id), what)
            .expected(learned, shown)
    });
}

fn compare_severities(results: &mut CheckResults, incarnation: &IncarnationRecord, mode: Mode) {
    let shown = |kind| incarnation.seen[CounterSeries::Deltas(mode, kind).index()];
    let (all, critical, high) = (
        shown(DeltaKind::New),
        shown(DeltaKind::Critical),
        shown(DeltaKind::High),
    );
    results.check(DeltaConservation, false, critical + high <= all, || {
        let series = CounterSeries::Deltas(mode, DeltaKind::New);
        let what = "critical and high findings are more than all findings";
        ViolationDetail::new(format_args!("{series} of {}", incarnation.id), what)
            .expected(format_args!("at least {critical} + {high}"), all)
    });
}

/// Looks whether a commit is consistent in itself: outcomes of planning with states, and the totals
/// of a segment with its parts.
pub(crate) fn judge(results: &mut CheckResults, taken: &AcceptedCommit<'_>) {
    for change in &taken.changes {
        judge_plan(results, taken, change);
    }
    if let (CommitStep::Segment(segment), Some(change)) =
        (&taken.commit.step, taken.changes.first())
    {
        judge_images(results, segment, change);
        judge_deltas(results, segment, change);
    }
}

fn judge_plan(results: &mut CheckResults, taken: &AcceptedCommit<'_>, change: &RunChange<'_>) {
    let leaves =
        change.before == Some(RunState::Planning) && change.after.state != RunState::Planning;
    let told = match taken.commit.step {
        CommitStep::Plan { outcome, .. } => Some(outcome),
        _ => None,
    };
    if !leaves && told.is_none() {
        return;
    }
    let happened = outcome_of(change.after.state).filter(|_| leaves);
    let is_end = matches!(taken.commit.step, CommitStep::End(_));
    results.check(
        PlannerConservation,
        leaves,
        told == happened || is_end,
        || {
            let what = "its planning ended in another way than its commit says";
            ViolationDetail::new(format_args!("run {}", change.after.id), what).expected(
                format_args!("{told:?}"),
                format_args!("{}", change.after.state),
            )
        },
    );
}

fn judge_images(results: &mut CheckResults, segment: &SegmentCommit, change: &RunChange<'_>) {
    let outcome = &segment.outcome;
    let (reports, changed, failed) = (
        segment.reports.len() as u64,
        segment.deltas.len() as u64,
        segment.failed.len() as u64,
    );
    let told = [outcome.unchanged, outcome.changed, outcome.failed];
    let counted = [reports.saturating_sub(changed), changed, failed];
    results.check(ImageConservation, true, told == counted, || {
        let names = ["unchanged", "changed", "failed"];
        ViolationDetail::new(
            format_args!("segment {}", segment.key),
            "its totals of images are not those of its parts",
        )
        .expected(numbers(counted, names), numbers(told, names))
    });
    let (before, after) = (&change.stats_before, &change.after.stats);
    let grown = [
        after.completed.wrapping_sub(before.completed),
        after.failed.wrapping_sub(before.failed),
        after.deltas.wrapping_sub(before.deltas),
        after
            .segments_completed
            .wrapping_sub(before.segments_completed),
    ];
    let due = [reports, failed, changed, 1];
    results.check(ImageConservation, true, grown == due, || {
        let names = ["completed", "failed", "deltas", "segmentsCompleted"];
        ViolationDetail::new(
            format_args!("segment {}", segment.key),
            "its run's statistics did not grow by its own",
        )
        .expected(numbers(due, names), numbers(grown, names))
    });
}

fn judge_deltas(results: &mut CheckResults, segment: &SegmentCommit, change: &RunChange<'_>) {
    let mut sum = DeltaCounts::default();
    for delta in &segment.deltas {
        let counts = &delta.counts;
        sum.add(counts);
        let severities =
            counts.new_criticals + counts.new_high + counts.new_medium + counts.new_low;
        let is_sound = counts.is_meaningful() && severities == counts.new_findings;
        results.check(DeltaConservation, true, is_sound, || {
            let place = format!("image {} in segment {}", delta.image_digest, segment.key);
            let what = "its delta says nothing new, or its severities don't add up";
            ViolationDetail::new(place, what).expected(
                format_args!("{} findings over all severities", counts.new_findings),
                severities,
            )
        });
    }
    results.check(
        DeltaConservation,
        !segment.deltas.is_empty(),
        sum == segment.outcome.deltas,
        || {
            ViolationDetail::new(
                format_args!("segment {}", segment.key),
                "its delta totals are not the sum of its deltas",
            )
            .expected(findings(&sum), findings(&segment.outcome.deltas))
        },
    );
    let (before, after) = (&change.stats_before, &change.after.stats);
    let grown = [
        after.new_findings.wrapping_sub(before.new_findings),
        after.new_criticals.wrapping_sub(before.new_criticals),
        after.new_high.wrapping_sub(before.new_high),
        after.kev_hits.wrapping_sub(before.kev_hits),
    ];
    let due = [
        sum.new_findings,
        sum.new_criticals,
        sum.new_high,
        sum.kev_hits,
    ];
    results.check(DeltaConservation, due != [0; 4], grown == due, || {
        let names = ["newFindings", "newCriticals", "newHigh", "kevHits"];
        ViolationDetail::new(
            format_args!("segment {}", segment.key),
            "its run's statistics of findings did not grow by its own",
        )
        .expected(numbers(due, names), numbers(grown, names))
    });
}
