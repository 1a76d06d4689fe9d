//! Runs, their states and statistics.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Mode, RunId, ScheduleId, TenantId, Timestamp};

/// What made a run.
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
    /// A person asked.
    Manual,
    /// An advisory export arrived (upstream's spelling).
    Conselier,
    /// A VEX export arrived (upstream's spelling).
    Excitor,
    /// A policy changed.
    Policy,
    /// A content refresh was asked for.
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

/// Where a run stands.
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
    /// Its images are not chosen yet.
    Planning,
    /// Planned; its segments are not cut yet.
    Queued,
    /// Its segments are worked.
    Running,
    /// Every planned image is completed or failed, or there was none.
    Completed,
    /// It could not be planned, was poisoned or took too long.
    Error,
    /// A person or the deletion of its schedule ended it.
    Cancelled,
}

impl RunState {
    /// Queued or Running: the states that the active counter counts.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }

    /// Completed, Error or Cancelled: final.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Error | Self::Cancelled)
    }

    /// Whether the state graph has an edge from here to `next`.
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

/// What a run has done so far. Every number only grows; at `Completed`,
/// `completed + failed = queued`.
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
    /// Planned images that are neither completed nor failed.
    pub const fn remaining(&self) -> u64 {
        self.queued.saturating_sub(self.completed + self.failed)
    }
}

/// Why a run ended in `Error`.
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

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// See [`RunId::of`].
    pub id: RunId,
    /// The owner.
    pub tenant: TenantId,
    /// The schedule.
    pub schedule: ScheduleId,
    /// What made it.
    pub trigger: Trigger,
    /// The schedule's mode when the run was created.
    pub mode: Mode,
    /// Where it stands.
    pub state: RunState,
    /// What it has done.
    pub stats: RunStats,
    /// The product keys of the export that made it; empty: all images that the selector takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub product_keys: Vec<std::sync::Arc<str>>,
    /// With product keys: only images that use the product from their entrypoint.
    #[serde(default)]
    pub usage_only: bool,
    /// Creation, on the store's clock.
    pub created_at: Timestamp,
    /// When it left `Planning`.
    pub planned_at: Option<Timestamp>,
    /// When its segments were cut.
    pub started_at: Option<Timestamp>,
    /// When it reached a terminal state.
    pub completed_at: Option<Timestamp>,
    /// Why it ended in `Error`.
    pub error: Option<RunFailure>,
    /// Failed planning attempts so far.
    #[serde(default)]
    pub planning_attempts: u32,
    /// No planning attempt before this.
    #[serde(default)]
    pub not_before: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_states_are_final() {
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
