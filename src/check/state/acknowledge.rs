//! Acknowledged answers, and the metrics that must follow from them.

use super::WorldState;
use super::apply_commit::outcome_of;
use super::known_backlog::CommittedBacklog;
use super::pending_commit::PendingCommit;
use super::table::{IncarnationIndex, RunIndex};
use crate::check::contract;
use crate::check::instruments::{
    CounterSeries, DeltaKind, ExtensionSeries, HistogramSeries, PlanAttempt, SegmentFate,
};
use crate::model::commit::{EndReason, FireOutcome, SegmentCommit};
use crate::model::time::nanos_of;
use crate::model::{
    Applied, Commit, CommitAnswer, CommitRefusal, CommitStep, Mode, RunState, SegmentKey,
};

/// Maximum number of version conflicts of one delivery that are retried in place.
pub(crate) const CONFLICT_RETRIES: u32 = 16;

impl WorldState {
    /// Records an answer that reached an incarnation. `call`: the commit as it was unanswered.
    pub(crate) fn acknowledge(
        &mut self,
        incarnation: IncarnationIndex,
        commit: &Commit,
        answer: &CommitAnswer,
        call: PendingCommit,
    ) {
        self.acknowledge_extensions(incarnation, commit, answer, call.fire_mode);
        match (answer, &commit.step) {
            (CommitAnswer::Applied(applied), _) => {
                self.acknowledge_applied(incarnation, commit, applied, call);
            }
            (CommitAnswer::Conflict, CommitStep::Segment(segment)) => {
                let delivery = commit.token.delivery;
                let record = self.messages.deliveries.get_mut(&delivery);
                let Some(record) = record.filter(|record| record.incarnation == incarnation) else {
                    return;
                };
                record.conflicts += 1;
                record.conflict_at = Some(self.now);
                if record.conflicts > CONFLICT_RETRIES {
                    record.conflicts = 0;
                    self.count_failed(
                        incarnation,
                        delivery,
                        &segment.key,
                        SegmentFate::PersistFailed,
                    );
                }
            }
            (CommitAnswer::Refused(refusal), CommitStep::Segment(segment)) => {
                let fate = match refusal {
                    CommitRefusal::Superseded => SegmentFate::PersistFailed,
                    CommitRefusal::RunMissing => SegmentFate::RunMissing,
                    CommitRefusal::RunTerminal => return,
                };
                self.count_failed(incarnation, commit.token.delivery, &segment.key, fate);
            }
            _ => {}
        }
    }

    /// Counts the answer in the counters of the extensions.
    fn acknowledge_extensions(
        &mut self,
        incarnation: IncarnationIndex,
        commit: &Commit,
        answer: &CommitAnswer,
        fire_mode: Option<Mode>,
    ) {
        use ExtensionSeries as Series;
        let is_applied = matches!(answer, CommitAnswer::Applied(_));
        let mode = commit.runs.first().map(|write| write.run.mode);
        let mut count = |series, amount| self.count_extension(incarnation, series, amount);
        match (&commit.step, mode.or(fire_mode)) {
            (CommitStep::Plan { .. } | CommitStep::PlanRetry, Some(mode)) => {
                let attempt = match commit.step {
                    _ if !is_applied => PlanAttempt::Conflict,
                    CommitStep::Plan { outcome, .. } => PlanAttempt::Planned(outcome),
                    _ => PlanAttempt::Retried,
                };
                count(Series::Attempts(mode, attempt), 1);
            }
            (CommitStep::End(EndReason::Command | EndReason::ScheduleDeleted), Some(mode)) => {
                count(Series::Cancelled(mode), u64::from(is_applied));
            }
            (CommitStep::Segment(segment), Some(mode)) => match answer {
                CommitAnswer::Applied(_) => {
                    count(Series::ImagesFailed(mode), segment.outcome.failed);
                }
                CommitAnswer::Refused(CommitRefusal::RunTerminal) => {
                    count(Series::Discarded(mode), 1);
                }
                _ => {}
            },
            (
                CommitStep::Fire {
                    latest,
                    coalesced,
                    fate,
                    ..
                },
                Some(mode),
            ) if is_applied => {
                let coalesced = u64::from(*coalesced);
                count(Series::Fires(mode, FireOutcome::Coalesced), coalesced);
                count(Series::Fires(mode, *fate), u64::from(latest.is_some()));
            }
            _ => {}
        }
    }

    /// Adds to a counter of the extensions.
    pub(crate) fn count_extension(
        &mut self,
        incarnation: IncarnationIndex,
        series: ExtensionSeries,
        amount: u64,
    ) {
        let learned = &mut self.incarnations[incarnation].expected;
        learned.count(CounterSeries::Extension(series), amount);
        self.incarnations.mark_dirty(incarnation);
    }

    /// Records that an incarnation knows that the run of its segment is gone.
    pub(crate) fn acknowledge_run_missing(
        &mut self,
        incarnation: IncarnationIndex,
        delivery: u64,
        key: &SegmentKey,
    ) {
        self.count_failed(incarnation, delivery, key, SegmentFate::RunMissing);
    }

    /// Records that an incarnation knows how much of its count others have adopted in all.
    pub(crate) fn acknowledge_surrender(
        &mut self,
        incarnation: IncarnationIndex,
        surrendered: [i64; 2],
    ) {
        self.incarnations[incarnation].heartbeat_at = Some(self.now);
        self.incarnations.learn_surrender(incarnation, surrendered);
        self.incarnations.mark_dirty(incarnation);
    }

    /// Counts a failed delivery of a segment, once.
    fn count_failed(
        &mut self,
        incarnation: IncarnationIndex,
        delivery: u64,
        key: &SegmentKey,
        fate: SegmentFate,
    ) {
        let Some(run) = self.runs.table.find(&key.run) else {
            return;
        };
        if let Some(record) = self.messages.deliveries.get_mut(&delivery)
            && record.incarnation == incarnation
            && std::mem::replace(&mut record.is_counted_failed, true)
        {
            return;
        }
        let (mode, now) = (self.runs[run].mode, self.now);
        let learned = &mut self.incarnations[incarnation].expected;
        learned.count(CounterSeries::Segments(mode, fate), 1);
        learned.backlog.miss(delivery, now);
        self.incarnations.mark_dirty(incarnation);
    }

    fn acknowledge_applied(
        &mut self,
        incarnation: IncarnationIndex,
        commit: &Commit,
        applied: &Applied,
        call: PendingCommit,
    ) {
        let learned = &mut self.incarnations[incarnation].expected;
        if let Some(booking) = commit.active_runs_delta {
            learned.add_active(booking.mode.index(), booking.change);
        }
        for (mode, amount) in applied.adopted.into_iter().enumerate() {
            learned.add_active(mode, amount);
        }
        if let (Some((schedule, mode, images)), Some(as_of)) = (call.backlog, call.applied_at) {
            learned.backlog.learn(CommittedBacklog {
                schedule,
                mode,
                images,
                as_of,
                sent_at: call.sent_at.unwrap_or(as_of),
            });
        }
        if let (Some(run), Some(write)) = (call.run, commit.runs.first()) {
            if let CommitStep::Segment(segment) = &commit.step {
                self.acknowledge_segment(incarnation, run, segment, write.run.state);
            }
            if call.leaves_planning {
                self.acknowledge_planned(incarnation, run, write.run.state);
            }
        }
        self.incarnations.mark_dirty(incarnation);
    }

    /// Counts a run that a commit moved out of `Planning`.
    fn acknowledge_planned(
        &mut self,
        incarnation: IncarnationIndex,
        run: RunIndex,
        after: RunState,
    ) {
        let record = &self.runs[run];
        let (mode, created_at) = (record.mode, record.created_at);
        let (Some(planned_at), Some(outcome)) = (record.planned_at, outcome_of(after)) else {
            return;
        };
        let learned = &mut self.incarnations[incarnation].expected;
        learned.count(CounterSeries::PlannerRuns(mode, outcome), 1);
        let latency = nanos_of(planned_at.since(created_at));
        learned.sample(HistogramSeries::Latency(mode, outcome), latency);
        if after == RunState::Completed {
            learned.sample(HistogramSeries::Duration(mode), 0);
        }
    }

    fn acknowledge_segment(
        &mut self,
        incarnation: IncarnationIndex,
        run: RunIndex,
        commit: &SegmentCommit,
        after: RunState,
    ) {
        let record = &self.runs[run];
        let (mode, created_at) = (record.mode, record.created_at);
        let duration = record.completed_at.filter(|_| after == RunState::Completed);
        let learned = &mut self.incarnations[incarnation].expected;
        learned.count(CounterSeries::Segments(mode, SegmentFate::Completed), 1);
        let unchanged = commit.outcome.unchanged + commit.outcome.failed;
        learned.count(CounterSeries::Images(mode, false), unchanged);
        learned.count(CounterSeries::Images(mode, true), commit.outcome.changed);
        for (kind, amount) in delta_counts(commit) {
            learned.count(CounterSeries::Deltas(mode, kind), amount);
        }
        if let Some(completed_at) = duration {
            let duration = nanos_of(completed_at.since(created_at));
            learned.sample(HistogramSeries::Duration(mode), duration);
        }
        self.tally.segments_counted += 1;
    }
}

/// Sum of the deltas of a segment, by counter.
fn delta_counts(commit: &SegmentCommit) -> [(DeltaKind, u64); 4] {
    let deltas = commit.deltas.iter().map(|delta| &delta.counts);
    let sum = contract::sum(deltas.filter(|delta| contract::is_meaningful(delta)));
    [
        (DeltaKind::New, sum.new_findings),
        (DeltaKind::Critical, sum.new_criticals),
        (DeltaKind::High, sum.new_high),
        (DeltaKind::Kev, sum.kev_hits),
    ]
}
