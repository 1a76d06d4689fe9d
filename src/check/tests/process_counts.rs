//! Metrics of the fixture's process: what it counts when it learns of a commit.

use super::fixture::Fixture;
use super::sample_data::MODE;
use crate::check::instruments::{
    CounterSeries, DeltaKind, ExtensionSeries, HistogramSeries, PlanAttempt, SegmentFate,
};
use crate::model::commit::{EndReason, FireOutcome, PlanOutcome};
use crate::model::{Commit, CommitAnswer, CommitStep, RunState, Timestamp};

impl Fixture {
    /// Counts what an applied commit has changed, and sets the backlog of its schedule.
    pub fn record(&mut self, commit: &Commit, answer: &CommitAnswer) {
        let CommitAnswer::Applied(_) = answer else {
            return;
        };
        let mut page = self.page.borrow_mut();
        if let Some(booking) = commit.active_runs_delta {
            page.active[booking.mode.index()] += booking.change;
        }
        if let CommitStep::Fire {
            latest,
            coalesced,
            fate,
            ..
        } = &commit.step
        {
            let mut fires = |fate, amount| page.extend(ExtensionSeries::Fires(MODE, fate), amount);
            fires(FireOutcome::Coalesced, u64::from(*coalesced));
            fires(*fate, u64::from(latest.is_some()));
        }
        let Some(run) = commit.runs.first().map(|write| &write.run) else {
            return;
        };
        let since_creation =
            |at: Option<Timestamp>| at.map_or(0.0, |at| at.since(run.created_at).as_secs_f64());
        match &commit.step {
            CommitStep::Plan { outcome, .. } => {
                page.count(CounterSeries::PlannerRuns(MODE, *outcome), 1);
                let attempt = PlanAttempt::Planned(*outcome);
                page.extend(ExtensionSeries::Attempts(MODE, attempt), 1);
                page.sample(
                    HistogramSeries::Latency(MODE, *outcome),
                    since_creation(run.planned_at),
                );
                if *outcome == PlanOutcome::NoWork {
                    page.sample(HistogramSeries::Duration(MODE), 0.0);
                }
            }
            CommitStep::Segment(segment) => {
                let outcome = &segment.outcome;
                page.count(CounterSeries::Segments(MODE, SegmentFate::Completed), 1);
                page.extend(ExtensionSeries::ImagesFailed(MODE), outcome.failed);
                page.count(
                    CounterSeries::Images(MODE, false),
                    outcome.unchanged + outcome.failed,
                );
                page.count(CounterSeries::Images(MODE, true), outcome.changed);
                page.count(
                    CounterSeries::Deltas(MODE, DeltaKind::New),
                    outcome.deltas.new_findings,
                );
                page.count(
                    CounterSeries::Deltas(MODE, DeltaKind::High),
                    outcome.deltas.new_high,
                );
                if run.state == RunState::Completed {
                    page.sample(
                        HistogramSeries::Duration(MODE),
                        since_creation(run.completed_at),
                    );
                }
            }
            CommitStep::PlanRetry => {
                page.extend(ExtensionSeries::Attempts(MODE, PlanAttempt::Retried), 1);
            }
            CommitStep::End(EndReason::Command | EndReason::ScheduleDeleted) => {
                page.extend(ExtensionSeries::Cancelled(MODE), 1);
            }
            _ => {}
        }
        let remaining = if run.state.is_open() {
            run.stats.remaining()
        } else {
            0
        };
        let schedule = run.schedule.clone();
        let key = (schedule.clone(), run.id.clone());
        self.waiting.insert(key, remaining);
        let all = self.waiting.iter().filter(|((of, _), _)| *of == schedule);
        let all = all.map(|(_, images)| images).sum();
        page.backlog.insert(schedule.to_string(), all);
    }
}
