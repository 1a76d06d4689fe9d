//! Runs, their state machine and statistics.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Mode, RunId, Schedule, ScheduleId, SegmentOutcome, TenantId, Timestamp};

/// Cause of a run.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Trigger {
    /// A cron schedule fired.
    Cron,
    /// An operator started it.
    Manual,
    /// An advisory export arrived (upstream's spelling).
    Conselier,
    /// A VEX export arrived (upstream's spelling).
    Excitor,
    /// A policy changed.
    Policy,
    /// A content refresh was requested.
    ContentRefresh,
}

impl Trigger {
    /// The text in run identifiers and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cron => "cron",
            Self::Manual => "manual",
            Self::Conselier => "conselier",
            Self::Excitor => "excitor",
            Self::Policy => "policy",
            Self::ContentRefresh => "contentRefresh",
        }
    }
}

/// State of a run.
///
/// ```text
/// Planning ─┬─> Queued ─┬─> Running ─┬─> Completed
///           │           │            ├─> Error
///           │           ├─> Error    └─> Cancelled
///           │           └─> Cancelled
///           ├─> Completed (no work)
///           ├─> Error
///           └─> Cancelled
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunState {
    /// The planner has not chosen its images yet.
    Planning,
    /// Planned, but not cut into segments yet.
    Queued,
    /// Cut into segments, which runners work on.
    Running,
    /// Every planned image is completed or failed, or none was planned.
    Completed,
    /// Planning failed, a message was poison, or the run timed out.
    Error,
    /// Cancelled by an operator or by the deletion of its schedule.
    Cancelled,
}

impl RunState {
    /// Returns whether the state is Queued or Running, which the active gauge counts.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }

    /// Returns whether the state is Completed, Error or Cancelled, which are final.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Error | Self::Cancelled)
    }

    /// Returns whether the state graph has an edge from this state to `next`.
    pub const fn may_become(self, next: Self) -> bool {
        use RunState::{Cancelled, Completed, Error, Planning, Queued, Running};
        matches!(
            (self, next),
            (Planning, Queued | Completed | Error | Cancelled)
                | (Queued, Running | Error | Cancelled)
                | (Running, Completed | Error | Cancelled)
        )
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Progress of a run. No number decreases; at `Completed`, `completed + failed = queued`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names are the contract's and say it all")]
pub struct RunStats {
    pub candidates: u64,
    pub deduped: u64,
    pub queued: u64,
    pub completed: u64,
    pub failed: u64,
    pub deltas: u64,
    pub new_findings: u64,
    pub new_criticals: u64,
    pub new_high: u64,
    pub kev_hits: u64,
    pub segments: u64,
    pub segments_completed: u64,
}

impl RunStats {
    /// Returns the number of planned images that are neither completed nor failed.
    pub const fn remaining(&self) -> u64 {
        self.queued.saturating_sub(self.completed + self.failed)
    }

    /// Adds a committed segment.
    pub fn add_segment(&mut self, outcome: &SegmentOutcome) {
        self.completed += outcome.unchanged + outcome.changed;
        self.failed += outcome.failed;
        self.deltas += outcome.changed;
        self.new_findings += outcome.deltas.new_findings;
        self.new_criticals += outcome.deltas.new_criticals;
        self.new_high += outcome.deltas.new_high;
        self.kev_hits += outcome.deltas.kev_hits;
        self.segments_completed += 1;
    }
}

/// Reason why a run ended in `Error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "detail")]
pub enum RunFailure {
    /// The planner gave up after its attempt limit.
    Planning(String),
    /// A message of the run was delivered too often.
    Poisoned(String),
    /// The run was open longer than `runTimeout`.
    TimedOut,
}

/// One evaluation of a schedule's images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Identifier, see [`RunId::of`].
    pub id: RunId,
    /// Tenant that owns the run.
    pub tenant: TenantId,
    /// Schedule that it evaluates.
    pub schedule: ScheduleId,
    /// Cause of the run.
    pub trigger: Trigger,
    /// Mode of the schedule when the run was created.
    pub mode: Mode,
    /// State, see [`RunState`].
    pub state: RunState,
    /// Progress so far.
    pub stats: RunStats,
    /// Product keys of the export that caused it; empty for all images of the selector.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub product_keys: Vec<Arc<str>>,
    /// Whether, with product keys, only images count that use a product from their entrypoint.
    #[serde(default)]
    pub usage_only: bool,
    /// Time of creation, on the store's clock.
    pub created_at: Timestamp,
    /// Time at which it left `Planning`.
    pub planned_at: Option<Timestamp>,
    /// Time at which its segments were cut.
    pub started_at: Option<Timestamp>,
    /// Time at which it reached a terminal state.
    pub completed_at: Option<Timestamp>,
    /// Reason for `Error`.
    pub error: Option<RunFailure>,
    /// Number of failed planning attempts.
    #[serde(default)]
    pub planning_attempts: u32,
    /// Earliest time of the next planning attempt.
    #[serde(default)]
    pub not_before: Option<Timestamp>,
}

impl Run {
    /// Creates a run in `Planning` for one occurrence of a trigger. The store stamps its times.
    pub fn new(schedule: &Schedule, trigger: Trigger, occurrence: impl fmt::Display) -> Self {
        Self {
            id: RunId::of(&schedule.tenant, &schedule.id, trigger, occurrence),
            tenant: schedule.tenant.clone(),
            schedule: schedule.id.clone(),
            trigger,
            mode: schedule.mode,
            state: RunState::Planning,
            stats: RunStats::default(),
            product_keys: Vec::new(),
            usage_only: false,
            created_at: Timestamp::ZERO,
            planned_at: None,
            started_at: None,
            completed_at: None,
            error: None,
            planning_attempts: 0,
            not_before: None,
        }
    }

    /// Returns the number of images that await a runner; 0 unless the run is open.
    pub fn awaiting(&self) -> u64 {
        if self.state.is_open() {
            self.stats.remaining()
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_states_have_no_successor() {
        use RunState::{Cancelled, Completed, Error, Planning, Queued, Running};
        let all = [Planning, Queued, Running, Completed, Error, Cancelled];
        let edges = all
            .iter()
            .flat_map(|a| all.iter().filter(|b| a.may_become(**b)))
            .count();
        assert_eq!(edges, 10);
        for from in all {
            let is_final = all.iter().all(|to| !from.may_become(*to));
            assert_eq!(from.is_terminal(), is_final, "{from}");
        }
    }
}
