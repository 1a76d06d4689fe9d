//! Schedules: what is re-evaluated when, how, and within which limits.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{RunId, ScheduleId, Selector, Severity, TenantId, Timestamp, Trigger};

/// What a run does to an image.
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
pub enum Mode {
    /// A new report over the stored SBOM.
    #[serde(alias = "analysis-only")]
    AnalysisOnly,
    /// A new scan first, then a report.
    #[serde(alias = "content-refresh")]
    ContentRefresh,
}

impl Mode {
    /// Every mode, in the order of their label values.
    pub const ALL: [Self; 2] = [Self::AnalysisOnly, Self::ContentRefresh];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AnalysisOnly => "analysisOnly",
            Self::ContentRefresh => "contentRefresh",
        }
    }

    /// Position in [`Mode::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// What happens to a cron fire while an earlier cron run of the schedule is planning or open.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum OverlapPolicy {
    /// The fire is skipped and counted.
    #[default]
    Skip,
    /// The fire starts a run all the same.
    Allow,
    /// The latest blocked fire waits and starts when nothing blocks any more.
    QueueOne,
}

/// Conditions on an image before it is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OnlyIf {
    /// Plan an image only if its last committed report is older than this, or there is none.
    pub last_report_older_than: Option<Duration>,
}

/// Limits of a schedule over the whole fleet.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// Images planned in one run at most.
    pub max_jobs: Option<NonZeroU32>,
    /// Scanner requests per second at most, retries included.
    pub rate_per_second: Option<f64>,
    /// Segments worked at once at most, over all runs of the schedule.
    pub parallelism: Option<NonZeroU32>,
}

/// Which events a schedule publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct NotifyPolicy {
    /// `false` (air-gapped) writes no event at all.
    pub enabled: bool,
    /// Publish a delta with new findings of at least `minimum_severity`.
    pub on_new_findings: bool,
    /// The least severity that counts as a new finding here.
    pub minimum_severity: Severity,
    /// Publish a delta with any KEV hit, whatever its severity.
    pub include_kev: bool,
}

impl Default for NotifyPolicy {
    fn default() -> Self {
        Self {
            enabled: true,
            on_new_findings: true,
            minimum_severity: Severity::Low,
            include_kev: true,
        }
    }
}

/// A schedule as its owner wrote it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// Unique over all tenants.
    pub id: ScheduleId,
    /// The owner.
    pub tenant: TenantId,
    /// A name for people.
    pub name: String,
    /// A disabled schedule neither fires nor takes exports.
    pub enabled: bool,
    /// Five-field cron expression; none: it runs by other triggers only.
    pub when_cron: Option<String>,
    /// IANA time zone in which `when_cron` is read.
    pub time_zone: String,
    /// What its runs do.
    pub mode: Mode,
    /// Which images of the tenant it covers.
    pub selector: Selector,
    /// Conditions on an image.
    #[serde(default)]
    pub only_if: OnlyIf,
    /// Limits.
    #[serde(default)]
    pub limits: Limits,
    /// Which events it publishes.
    #[serde(default)]
    pub notify: NotifyPolicy,
    /// The exports it subscribes to.
    #[serde(default)]
    pub triggers: Vec<Trigger>,
    /// What happens to overlapping cron fires.
    #[serde(default)]
    pub overlap: OverlapPolicy,
}

/// What the store keeps of a schedule besides its definition. One version guards it all, so that
/// fires, dispatches, segment commits and ends of runs of one schedule are serialised.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScheduleState {
    /// Fires up to here are decided.
    pub cursor: Timestamp,
    /// The latest blocked fire under `queueOne`.
    pub queued_fire: Option<Timestamp>,
    /// Cron runs that are planning or open: they block the next cron fire.
    pub cron_runs: Vec<RunId>,
    /// The windows of its running runs, in order of dispatch.
    pub running: Vec<RunWindow>,
}

impl ScheduleState {
    /// Segments released and not yet committed, over all its runs.
    pub fn in_flight(&self) -> u32 {
        self.running
            .iter()
            .map(|window| window.released - window.committed)
            .sum()
    }
}

/// How far a running run's segments are released for work: those with an index below `released`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunWindow {
    /// The run.
    pub run: RunId,
    /// Its segments.
    pub segments: u32,
    /// Segments released so far.
    pub released: u32,
    /// Of these, committed.
    pub committed: u32,
}
