//! Defects in the metrics of a worker whose actions are correct.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use rehearsal::check::{CounterSeries, InstrumentReader, SegmentFate};
use rehearsal::model::commit::{EndReason, PlanOutcome};
use rehearsal::model::{
    Applied, Commit, CommitAnswer, CommitStep, IncarnationId, Mode, Run, RunId, Timestamp,
};
use rehearsal::worker::ports::{PortError, PortResult, Ports, RunDocument, Store};

use super::per_incarnation::PerIncarnation;
use crate::plant::{Defect, Incarnation};

fn is_segment(commit: &Commit) -> bool {
    matches!(commit.step, CommitStep::Segment(_))
}

/// Answer of a store that applied the commit immediately.
fn taken(commit: &Commit) -> CommitAnswer {
    CommitAnswer::Applied(Applied {
        at: commit.runs[0].run.created_at,
        backlog: None,
        adopted: [0; 2],
    })
}

/// Counts a segment as completed when its commit is sent.
#[derive(Default)]
pub struct CountsWhenSent(PerIncarnation<[u64; 2]>);

#[async_trait(?Send)]
impl Defect for CountsWhenSent {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        if !is_segment(commit) {
            return incarnation.world.store().commit(commit).await;
        }
        let mode = commit.runs[0].run.mode.index();
        self.0.with(&incarnation.id, |sent| sent[mode] += 1);
        let answer = incarnation.world.store().commit(commit).await;
        self.0.with(&incarnation.id, |sent| sent[mode] -= 1);
        answer
    }

    fn counter(
        &self,
        incarnation: &IncarnationId,
        plain: &dyn InstrumentReader,
        series: CounterSeries,
    ) -> u64 {
        let sent = match series {
            CounterSeries::Segments(mode, SegmentFate::Completed) => {
                self.0.with(incarnation, |sent| sent[mode.index()])
            }
            _ => 0,
        };
        plain.counter(series) + sent
    }
}

/// Counts a segment that another delivery has committed.
pub struct CountsAnothers;

#[async_trait(?Send)]
impl Defect for CountsAnothers {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        match incarnation.world.store().commit(commit).await {
            Ok(CommitAnswer::AppliedByAnother) => Ok(taken(commit)),
            answer => answer,
        }
    }
}

/// Counts a segment commit whose answer was lost.
pub struct UnknownIsDone;

#[async_trait(?Send)]
impl Defect for UnknownIsDone {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        match incarnation.world.store().commit(commit).await {
            Err(PortError::Unknown) if is_segment(commit) => Ok(taken(commit)),
            answer => answer,
        }
    }
}

/// Repeats a commit whose answer was lost, and treats any second answer as success.
#[derive(Default)]
pub struct RepeatIsDone(RefCell<BTreeSet<(IncarnationId, u64)>>);

#[async_trait(?Send)]
impl Defect for RepeatIsDone {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let answer = incarnation.world.store().commit(commit).await;
        let token = (incarnation.id.clone(), commit.token.sequence);
        match answer {
            Err(PortError::Unknown) if is_segment(commit) => {
                self.0.borrow_mut().insert(token);
            }
            Ok(CommitAnswer::AppliedByAnother | CommitAnswer::Refused(_))
                if self.0.borrow().contains(&token) =>
            {
                return Ok(taken(commit));
            }
            _ => {}
        }
        answer
    }
}

/// Counts each version conflict of a segment as `persist_failed`.
#[derive(Default)]
pub struct CountsConflicts(PerIncarnation<[u64; 2]>);

#[async_trait(?Send)]
impl Defect for CountsConflicts {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let answer = incarnation.world.store().commit(commit).await;
        if is_segment(commit) && answer == Ok(CommitAnswer::Conflict) {
            let mode = commit.runs[0].run.mode.index();
            self.0
                .with(&incarnation.id, |conflicts| conflicts[mode] += 1);
        }
        answer
    }

    fn counter(
        &self,
        incarnation: &IncarnationId,
        plain: &dyn InstrumentReader,
        series: CounterSeries,
    ) -> u64 {
        let conflicts = match series {
            CounterSeries::Segments(mode, SegmentFate::PersistFailed) => self
                .0
                .with(incarnation, |conflicts| conflicts[mode.index()]),
            _ => 0,
        };
        plain.counter(series) + conflicts
    }
}

/// Does not count a segment of a purged run.
pub struct MissingNotCounted;

impl Defect for MissingNotCounted {
    fn counter(
        &self,
        _: &IncarnationId,
        plain: &dyn InstrumentReader,
        series: CounterSeries,
    ) -> u64 {
        match series {
            CounterSeries::Segments(_, SegmentFate::RunMissing) => 0,
            _ => plain.counter(series),
        }
    }
}

/// Does not count an image that the Scanner refused.
#[derive(Default)]
pub struct RefusedNotCounted(PerIncarnation<[u64; 2]>);

#[async_trait(?Send)]
impl Defect for RefusedNotCounted {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let answer = incarnation.world.store().commit(commit).await;
        if let (CommitStep::Segment(segment), Ok(CommitAnswer::Applied(_))) =
            (&commit.step, &answer)
        {
            let mode = commit.runs[0].run.mode.index();
            self.0.with(&incarnation.id, |failed| {
                failed[mode] += segment.outcome.failed;
            });
        }
        answer
    }

    fn counter(
        &self,
        incarnation: &IncarnationId,
        plain: &dyn InstrumentReader,
        series: CounterSeries,
    ) -> u64 {
        let failed = match series {
            CounterSeries::Images(mode, false) => {
                self.0.with(incarnation, |failed| failed[mode.index()])
            }
            _ => 0,
        };
        plain.counter(series) - failed
    }
}

/// Does not remove a cancelled run from the active counter.
#[derive(Default)]
pub struct CancelledStaysActive(PerIncarnation<[i64; 2]>);

#[async_trait(?Send)]
impl Defect for CancelledStaysActive {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let answer = incarnation.world.store().commit(commit).await;
        let is_cancel = matches!(commit.step, CommitStep::End(EndReason::Command));
        if let (true, Some(booking), Ok(CommitAnswer::Applied(_))) =
            (is_cancel, commit.active_runs_delta, &answer)
        {
            self.0.with(&incarnation.id, |left| {
                left[booking.mode.index()] -= booking.change;
            });
        }
        answer
    }

    fn runs_active(
        &self,
        incarnation: &IncarnationId,
        plain: &dyn InstrumentReader,
        mode: Mode,
    ) -> i64 {
        plain.runs_active(mode) + self.0.with(incarnation, |left| left[mode.index()])
    }
}

/// Adds a run without work to the active counter.
pub struct NoWorkIsActive;

impl Defect for NoWorkIsActive {
    fn runs_active(&self, _: &IncarnationId, plain: &dyn InstrumentReader, mode: Mode) -> i64 {
        let no_work = plain.counter(CounterSeries::PlannerRuns(mode, PlanOutcome::NoWork));
        plain.runs_active(mode) + no_work.cast_signed()
    }
}

/// Records milliseconds in the histogram of planner latency.
pub struct Milliseconds;

#[async_trait(?Send)]
impl Defect for Milliseconds {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let mut answer = incarnation.world.store().commit(commit).await?;
        if let (CommitStep::Plan { .. }, CommitAnswer::Applied(applied)) =
            (&commit.step, &mut answer)
        {
            let created_at = commit.runs[0].run.created_at;
            applied.at = created_at.after(applied.at.since(created_at) * 1000);
        }
        Ok(answer)
    }
}

/// Measures durations from another instant than the run's creation.
pub struct Misdated {
    /// Start of the measurement; `None` leaves the duration of this run unchanged.
    instant: fn(&Run) -> Option<Timestamp>,
    created_at: RefCell<BTreeMap<RunId, Timestamp>>,
}

impl Misdated {
    /// Shifts a sample so that it starts at `instant`.
    pub fn new(instant: fn(&Run) -> Option<Timestamp>) -> Self {
        Self {
            instant,
            created_at: RefCell::default(),
        }
    }
}

#[async_trait(?Send)]
impl Defect for Misdated {
    fn bend_run(&self, document: &mut RunDocument) {
        let run = &mut document.run.value;
        if let Some(instant) = (self.instant)(run) {
            let mut created_at = self.created_at.borrow_mut();
            created_at.insert(run.id.clone(), run.created_at);
            run.created_at = instant;
        }
    }

    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let mut right = Commit::clone(commit);
        for write in &mut right.runs {
            if let Some(created_at) = self.created_at.borrow().get(&write.run.id) {
                write.run.created_at = *created_at;
            }
        }
        incarnation.world.store().commit(&Arc::new(right)).await
    }
}

/// Backlog rows that a process exports, by mode and schedule.
type Rows = BTreeMap<(Mode, String), u64>;

/// Exports a backlog for the whole incarnation, regardless of its age.
#[derive(Default)]
pub struct BacklogForEver(PerIncarnation<Rows>);

impl Defect for BacklogForEver {
    fn backlog(
        &self,
        incarnation: &IncarnationId,
        plain: &dyn InstrumentReader,
        show: &mut dyn FnMut(Mode, &str, u64),
    ) {
        self.0.with(incarnation, |rows| {
            plain.backlog(&mut |mode, schedule, images| {
                rows.insert((mode, schedule.to_owned()), images);
            });
            for ((mode, schedule), images) in rows {
                show(*mode, schedule, *images);
            }
        });
    }
}
