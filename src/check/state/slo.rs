//! Service level objectives, and their breaches: the reference that alerts are scored against.
//!
//! ```text
//!  backlog falls     |<------ 15 min ------>|<---- broken ---->|
//!               last fall                 from           to, the next fall
//! ```
//!
//! Breaches are recorded from commits that the store applies, never from metrics.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::WorldState;
use super::fact::RunChange;
use super::table::{RunIndex, ScheduleIndex};
use crate::model::{Mode, RunId, RunState, ScheduleId, Timestamp};

/// Minimum duration of a breach that is an incident, whatever its cause.
pub const INCIDENT: Duration = Duration::from_secs(5 * 60);

/// A service level objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Slo {
    /// No run goes from Planning to Error. An error can't be undone, so the SLO counts as breached
    /// until a quarter of an hour has passed without another one of the same schedule.
    PlanningSucceeds,
    /// Every run is planned within 2 minutes. It is breached from then until the run leaves
    /// Planning.
    PlannedInTime,
    /// A positive backlog falls within every 15 minutes. It is breached, for a mode of a schedule,
    /// from then until the backlog falls.
    BacklogFalls,
    /// Every open run commits something within every 30 minutes. It is breached from then until a
    /// commit changes the run's state or statistics.
    RunsProgress,
}

impl Slo {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::PlanningSucceeds,
        Self::PlannedInTime,
        Self::BacklogFalls,
        Self::RunsProgress,
    ];

    /// The name in rules and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PlanningSucceeds => "planning-succeeds",
            Self::PlannedInTime => "planned-in-time",
            Self::BacklogFalls => "backlog-falls",
            Self::RunsProgress => "runs-progress",
        }
    }

    /// Maximum time until the objective must be met; for an error, the time for which it counts.
    pub const fn patience(self) -> Duration {
        let minutes = match self {
            Self::PlannedInTime => 2,
            Self::PlanningSucceeds | Self::BacklogFalls => 15,
            Self::RunsProgress => 30,
        };
        Duration::from_secs(minutes * 60)
    }
}

impl fmt::Display for Slo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A SLO that was broken for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SloBreach {
    /// The objective.
    pub kind: Slo,
    /// Schedule whose objective was breached.
    pub schedule: ScheduleId,
    /// Mode of its runs.
    pub mode: Mode,
    /// The run, if the objective is one of runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Begin of the breach.
    pub from: Timestamp,
    /// End of the breach.
    pub to: Timestamp,
}

impl SloBreach {
    /// Whether it was broken for long enough to be an incident.
    pub fn is_incident(&self) -> bool {
        self.to.since(self.from) >= INCIDENT
    }
}

/// Schedule, mode and run of an objective.
#[derive(Clone, Copy)]
struct SloSubject<'a> {
    schedule: &'a ScheduleId,
    mode: Mode,
    run: Option<&'a RunId>,
}

/// The slos that were broken so far.
#[derive(Debug, Default)]
pub(crate) struct SloTracker {
    broken: Vec<SloBreach>,
}

impl SloTracker {
    /// A run that could not be planned. Errors of one schedule in quick succession are one breach.
    fn planning_failed(
        &mut self,
        SloSubject { schedule, mode, .. }: SloSubject<'_>,
        now: Timestamp,
    ) {
        let kind = Slo::PlanningSucceeds;
        let to = now.after(kind.patience());
        let is_same = |broken: &&mut SloBreach| {
            let is_whose = broken.schedule == *schedule && broken.mode == mode;
            broken.kind == kind && is_whose && broken.to >= now
        };
        match self.broken.iter_mut().rev().find(is_same) {
            Some(broken) => broken.to = to,
            None => self.broken.push(SloBreach {
                kind,
                schedule: schedule.clone(),
                mode,
                run: None,
                from: now,
                to,
            }),
        }
    }

    /// Records that an objective is met at `now`, after a wait since `since`.
    fn kept(&mut self, kind: Slo, subject: SloSubject<'_>, since: Timestamp, now: Timestamp) {
        let from = since.after(kind.patience());
        if now > from {
            self.broken.push(SloBreach {
                kind,
                schedule: subject.schedule.clone(),
                mode: subject.mode,
                run: subject.run.cloned(),
                from,
                to: now,
            });
        }
    }
}

impl WorldState {
    /// A commit writes a run, whose record is still as it was before.
    pub(super) fn track_slos(&mut self, change: &RunChange<'_>) {
        let (before, after) = (change.before, change.after);
        let (now, record) = (self.now, &mut self.runs[change.run]);
        let subject = SloSubject {
            schedule: &after.schedule,
            mode: after.mode,
            run: Some(&after.id),
        };
        let is_progress = before != Some(after.state) || change.stats_before != after.stats;
        match before {
            Some(RunState::Planning) if after.state != RunState::Planning => {
                let kind = Slo::PlannedInTime;
                self.slos.kept(kind, subject, record.created_at, now);
                if after.state == RunState::Error {
                    self.slos.planning_failed(subject, now);
                }
            }
            Some(RunState::Queued | RunState::Running) if is_progress => {
                let kind = Slo::RunsProgress;
                self.slos.kept(kind, subject, record.progress_at, now);
            }
            _ => {}
        }
        if is_progress {
            record.progress_at = now;
        }
    }

    /// The backlog of a schedule falls.
    pub(super) fn backlog_fell(&mut self, schedule: ScheduleIndex, mode: Mode, since: Timestamp) {
        let subject = SloSubject {
            schedule: &self.schedules.ids[usize::from(schedule)],
            mode,
            run: None,
        };
        let kind = Slo::BacklogFalls;
        self.slos.kept(kind, subject, since, self.now);
    }

    /// Every SLO that was broken, by its beginning, once all is over.
    pub(crate) fn slo_breaches(&mut self) -> Vec<SloBreach> {
        for run in self.runs.unfinished.clone() {
            self.still_waits(run);
        }
        for schedule in self.schedules.table.indices() {
            for mode in Mode::ALL {
                let backlog = &self.schedules[schedule].backlog[mode.index()];
                if backlog.images.current > 0 {
                    self.backlog_fell(schedule, mode, backlog.fell_at);
                }
            }
        }
        let mut broken = std::mem::take(&mut self.slos.broken);
        broken.sort_by_key(|broken| (broken.from, broken.kind));
        broken
    }

    fn still_waits(&mut self, run: RunIndex) {
        let record = &self.runs[run];
        let schedule = &self.schedules.ids[usize::from(record.schedule)];
        let (kind, since) = match record.state {
            Some(RunState::Planning) => (Slo::PlannedInTime, record.created_at),
            _ => (Slo::RunsProgress, record.progress_at),
        };
        let subject = SloSubject {
            schedule,
            mode: record.mode,
            run: Some(&record.id),
        };
        self.slos.kept(kind, subject, since, self.now);
    }
}
