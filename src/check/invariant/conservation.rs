//! `counter-monotone`, `planner-conservation`, `image-conservation`, `delta-conservation`, and the
//! counting parts of `segment-once` and, for extensions, of `applied-learned`.
//!
//! The counters of an incarnation equal the commits that it acknowledged, and each commit is
//! consistent in itself.

use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::contract;
use crate::check::format::{findings, numbers};
use crate::check::instruments::{
    CounterSeries, CounterTable, DeltaKind, InstrumentReader, SegmentFate,
};
use crate::check::invariant::InvariantName::{
    AppliedLearned, CounterMonotone, DeltaConservation, ImageConservation, PlannerConservation,
    SegmentOnce,
};
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::apply_commit::outcome_of;
use crate::check::state::fact::RunChange;
use crate::check::state::incarnation::IncarnationRecord;
use crate::check::state::{AcceptedCommit, PendingInstruments, RunEnd};
use crate::model::commit::SegmentCommit;
use crate::model::{CommitStep, Mode, RunState};

/// Name and documentation of `counter-monotone`.
pub(crate) const COUNTER_MONOTONE: InvariantDefinition = InvariantDefinition {
    name: "counter-monotone",
    evaluated: EvaluationTime::Always,
    meaning: "No counter falls within one incarnation of a process.",
    method: "Each of the 24 counter series of the contract, and each of 48 of the extensions, is \
             compared with its last value of the same incarnation whenever it is read.",
    exercised_by: "a counter that has moved",
};

/// Name and documentation of `planner-conservation`.
pub(crate) const PLANNER_CONSERVATION: InvariantDefinition = InvariantDefinition {
    name: "planner-conservation",
    evaluated: EvaluationTime::Always,
    meaning: "Planner counters equal the acknowledged outcomes; every run that leaves Planning has \
              exactly one outcome.",
    method: "`scheduler_planner_runs_total` is compared per incarnation, mode and status. The \
             outcome that a planning commit names must be the state that its run enters. A run \
             that is ended from Planning to Error (by its time-out) counts as `failed`; one that \
             is cancelled there counts nowhere.",
    exercised_by: "runs that leave Planning",
};

/// Name and documentation of `image-conservation`.
pub(crate) const IMAGE_CONSERVATION: InvariantDefinition = InvariantDefinition {
    name: "image-conservation",
    evaluated: EvaluationTime::Always,
    meaning: "Images counted equal the images of counted segments, split rightly by delta.",
    method: "`scheduler_runner_images_total` is compared per incarnation, mode and delta; an image \
             that the scanner refused counts as `false`. The totals of a segment must be those of \
             its reports, deltas and failures, and the statistics of its run must grow by just \
             these.",
    exercised_by: "segment commits",
};

/// Name and documentation of `delta-conservation`.
pub(crate) const DELTA_CONSERVATION: InvariantDefinition = InvariantDefinition {
    name: "delta-conservation",
    evaluated: EvaluationTime::Always,
    meaning: "Delta counters equal the acknowledged meaningful deltas, and severities add up.",
    method: "The four delta counters are compared per incarnation and mode; critical and high may \
             not exceed the total. Each delta must be meaningful (a new finding or a KEV hit), \
             its severities must add up, and totals must be sums.",
    exercised_by: "deltas",
};

/// Reason of every counter: one defect that touches several counters is one cause.
const ACKNOWLEDGED: &str = "the process has acknowledged that many";

/// Counters of one incarnation, as last read.
#[derive(Debug, Default)]
struct ReadCounters {
    values: CounterTable,
    /// Counters that differed from the acknowledged commits, one bit each: a difference that stays
    /// as it is counts once.
    wrong: u128,
}

/// Checks the counters; remembers them by number of the incarnation.
#[derive(Debug, Default)]
pub(crate) struct ConservationCheck {
    read: Vec<ReadCounters>,
}

impl Invariant for ConservationCheck {
    fn names(&self) -> &[InvariantName] {
        &[
            CounterMonotone,
            AppliedLearned,
            PlannerConservation,
            SegmentOnce,
            ImageConservation,
            DeltaConservation,
        ]
    }

    fn commit_accepted(&mut self, context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
        for change in &accepted.changes {
            check_outcome(context, accepted, change);
        }
        let step = &accepted.commit.step;
        if let (CommitStep::Segment(segment), Some(change)) = (step, accepted.changes.first()) {
            check_images(context, segment, change);
            check_deltas(context, segment, change);
        }
    }

    fn instruments_due(&mut self, context: &mut CheckContext<'_>, due: &PendingInstruments) {
        let incarnation = &context.state.incarnations[due.incarnation];
        let Some(instruments) = incarnation.read(due.view) else {
            return;
        };
        let index = usize::from(due.incarnation);
        if self.read.len() <= index {
            self.read.resize_with(index + 1, ReadCounters::default);
        }
        let read = &mut self.read[index];
        let mut left = due.counters;
        while left != 0 {
            read.compare(
                context,
                incarnation,
                instruments,
                left.trailing_zeros() as usize,
            );
            left &= left - 1;
        }
        if due.is_final {
            check_late_permits(context, incarnation, instruments);
        }
        for mode in Mode::ALL {
            let new = CounterSeries::Deltas(mode, DeltaKind::New);
            if due.counters >> new.index() & 1 == 1 {
                read.check_severities(context, incarnation, mode);
            }
        }
    }

    fn finished(&mut self, context: &mut CheckContext<'_>, end: &RunEnd<'_>) {
        if end.is_quiescent && context.state.incarnations.is_instrumented {
            self.check_segments(context);
        }
    }
}

/// The invariant that demands that a series equals the acknowledged commits.
const fn keeper(series: CounterSeries) -> InvariantName {
    match series {
        CounterSeries::PlannerRuns(..) => PlannerConservation,
        CounterSeries::Segments(..) => SegmentOnce,
        CounterSeries::Images(..) => ImageConservation,
        CounterSeries::Deltas(..) => DeltaConservation,
        CounterSeries::Extension(_) => AppliedLearned,
    }
}

impl ReadCounters {
    fn compare(
        &mut self,
        context: &mut CheckContext<'_>,
        incarnation: &IncarnationRecord,
        instruments: &dyn InstrumentReader,
        index: usize,
    ) {
        let series = CounterSeries::at(index);
        let shown = instruments.counter(series);
        let expected = incarnation.expected.counters[index];
        let before = std::mem::replace(&mut self.values[index], shown);
        let has_moved = shown != before && shown != 0;
        context.check(CounterMonotone, has_moved, shown >= before, || {
            ViolationDetail::of(format_args!("{series} of {}", incarnation.id))
                .is(shown)
                .expected(format_args!("at least {before}"))
                .because("a counter does not fall within one incarnation")
        });
        let bit = 1 << index;
        let was_reported = self.wrong & bit != 0 && shown == before;
        self.wrong = if shown == expected {
            self.wrong & !bit
        } else {
            self.wrong | bit
        };
        let holds = shown == expected || was_reported;
        context.check(keeper(series), has_moved && expected != 0, holds, || {
            ViolationDetail::of(format_args!("{series} of {}", incarnation.id))
                .is(shown)
                .expected(expected)
                .because(ACKNOWLEDGED)
        });
    }

    fn check_severities(
        &self,
        context: &mut CheckContext<'_>,
        incarnation: &IncarnationRecord,
        mode: Mode,
    ) {
        let shown = |kind| self.values[CounterSeries::Deltas(mode, kind).index()];
        let (all, critical, high) = (
            shown(DeltaKind::New),
            shown(DeltaKind::Critical),
            shown(DeltaKind::High),
        );
        context.check(DeltaConservation, false, critical + high <= all, || {
            let series = CounterSeries::Deltas(mode, DeltaKind::New);
            ViolationDetail::of(format_args!("{series} of {}", incarnation.id))
                .is(all)
                .expected(format_args!("at least {critical} + {high}"))
                .because("critical and high findings are among all findings")
        });
    }
}

impl ConservationCheck {
    /// Checks the `Completed` counts of the fleet against the committed segments.
    fn check_segments(&self, context: &mut CheckContext<'_>) {
        let completed = |read: &ReadCounters| -> u64 {
            let series =
                Mode::ALL.map(|mode| CounterSeries::Segments(mode, SegmentFate::Completed));
            series
                .iter()
                .map(|series| read.values[series.index()])
                .sum()
        };
        let counted: u64 = self.read.iter().map(completed).sum();
        let totals = &context.state.tally;
        let (segments, lost) = (totals.segments, totals.segments_lost_with_incarnation);
        let due = segments.saturating_sub(lost);
        context.check(SegmentOnce, due > 0, counted == due, || {
            ViolationDetail::of("scheduler_runner_segments_total over the fleet")
                .is(counted)
                .expected(due)
                .because(format_args!(
                    "{segments} segments were committed, {lost} of them by incarnations that \
                     ended before the acknowledgement"
                ))
        });
    }
}

/// Checks that late permits lie between the requests that were seen to be late, and the permits.
/// The process alone knows which of its permits it dropped as late.
fn check_late_permits(
    context: &mut CheckContext<'_>,
    incarnation: &IncarnationRecord,
    instruments: &dyn InstrumentReader,
) {
    let permits = &incarnation.expected.permits;
    for mode in Mode::ALL {
        let shown = instruments.late_permits(mode);
        let least = permits.late[mode.index()];
        let most = permits.granted.max(least);
        let holds = (least..=most).contains(&shown);
        context.check(AppliedLearned, least > 0, holds, || {
            ViolationDetail::of(format_args!(
                "scheduler_scanner_late_permits_total{{mode=\"{}\"}} of {}",
                mode.as_str(),
                incarnation.id
            ))
            .is(shown)
            .expected(format_args!("{least} to {most}"))
            .because("that many late requests were seen, and that many permits granted")
        });
    }
}

/// Checks that the outcome of planning is the state that the run enters.
fn check_outcome(
    context: &mut CheckContext<'_>,
    accepted: &AcceptedCommit<'_>,
    change: &RunChange<'_>,
) {
    let leaves =
        change.before == Some(RunState::Planning) && change.after.state != RunState::Planning;
    let named = match accepted.commit.step {
        CommitStep::Plan { outcome, .. } => Some(outcome),
        _ => None,
    };
    if !leaves && named.is_none() {
        return;
    }
    let happened = outcome_of(change.after.state).filter(|_| leaves);
    let is_end = matches!(accepted.commit.step, CommitStep::End(_));
    let holds = named == happened || is_end;
    context.check(PlannerConservation, leaves, holds, || {
        let name = |outcome: Option<_>| match outcome {
            Some(outcome) => format!("{outcome:?}"),
            None => "none".to_owned(),
        };
        ViolationDetail::of(format_args!(
            "the planning outcome of run {}",
            change.after.id
        ))
        .is(name(named))
        .expected(name(happened))
        .because(format_args!("its commit leaves it {}", change.after.state))
    });
}

/// Checks the totals of a segment commit, and the growth of its run's statistics.
fn check_images(context: &mut CheckContext<'_>, segment: &SegmentCommit, change: &RunChange<'_>) {
    let outcome = &segment.outcome;
    let (reports, changed, failed) = (
        segment.reports.len() as u64,
        segment.deltas.len() as u64,
        segment.failed.len() as u64,
    );
    let found = [outcome.unchanged, outcome.changed, outcome.failed];
    let due = [reports.saturating_sub(changed), changed, failed];
    context.check(ImageConservation, true, found == due, || {
        let names = ["unchanged", "changed", "failed"];
        ViolationDetail::of(format_args!("the outcome of segment {}", segment.key))
            .is(numbers(found, names))
            .expected(numbers(due, names))
            .because("the commit carries that many reports, deltas and failures")
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
    context.check(ImageConservation, true, grown == due, || {
        let names = ["completed", "failed", "deltas", "segmentsCompleted"];
        ViolationDetail::of(format_args!(
            "the growth of the run's statistics by segment {}",
            segment.key
        ))
        .is(numbers(grown, names))
        .expected(numbers(due, names))
        .because("the commit carries that many reports, failures and deltas")
    });
}

/// Checks the deltas of a segment commit, and the growth of its run's statistics.
fn check_deltas(context: &mut CheckContext<'_>, segment: &SegmentCommit, change: &RunChange<'_>) {
    let sum = contract::sum(segment.deltas.iter().map(|delta| &delta.counts));
    for delta in &segment.deltas {
        let counts = &delta.counts;
        let severities =
            counts.new_criticals + counts.new_high + counts.new_medium + counts.new_low;
        let is_sound = contract::is_meaningful(counts) && severities == counts.new_findings;
        context.check(DeltaConservation, true, is_sound, || {
            ViolationDetail::of(format_args!(
                "the delta of image {} in segment {}",
                delta.image_digest, segment.key
            ))
            .is(findings(counts))
            .expected("at least one new finding or KEV hit, and severities that add up")
            .because("a delta without them has no meaning")
        });
    }
    let (has_deltas, total) = (!segment.deltas.is_empty(), &segment.outcome.deltas);
    context.check(DeltaConservation, has_deltas, sum == *total, || {
        ViolationDetail::of(format_args!("the delta total of segment {}", segment.key))
            .is(findings(total))
            .expected(findings(&sum))
            .because("that is the sum of its deltas")
    });
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
    context.check(DeltaConservation, due != [0; 4], grown == due, || {
        let names = ["newFindings", "newCriticals", "newHigh", "kevHits"];
        ViolationDetail::of(format_args!(
            "the growth of the run's findings by segment {}",
            segment.key
        ))
        .is(numbers(grown, names))
        .expected(numbers(due, names))
        .because("that is the sum of the segment's deltas")
    });
}
