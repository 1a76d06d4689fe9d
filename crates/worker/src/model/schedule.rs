//! Schedules: images, triggers, limits and the state that the store keeps of them.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{RunId, ScheduleId, Selector, Severity, TenantId, Timestamp, Trigger};

/// Work of a run on an image.
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
    /// New report over the stored SBOM.
    #[serde(alias = "analysis-only")]
    AnalysisOnly,
    /// New scan, then a report.
    #[serde(alias = "content-refresh")]
    ContentRefresh,
}

impl Mode {
    /// Every mode, in the order of their label values.
    pub const ALL: [Self; 2] = [Self::AnalysisOnly, Self::ContentRefresh];

    /// Returns the label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AnalysisOnly => "analysisOnly",
            Self::ContentRefresh => "contentRefresh",
        }
    }

    /// Returns the position in [`Mode::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Policy for a cron fire while an earlier cron run of the schedule is planning or open.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum OverlapPolicy {
    /// The fire is skipped and counted.
    #[default]
    Skip,
    /// The fire starts a run nevertheless.
    Allow,
    /// The latest blocked fire waits, and starts when nothing blocks it.
    QueueOne,
}

/// Conditions that an image must meet to be planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OnlyIf {
    /// Minimum age of the last committed report. Images without a report pass.
    pub last_report_older_than: Option<Duration>,
}

/// Limits of a schedule over the whole fleet. None means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// Maximum images planned in one run.
    pub max_jobs: Option<NonZeroU32>,
    /// Maximum requests to the Scanner per second, including retries.
    pub rate_per_second: Option<f64>,
    /// Maximum segments worked at once, over all runs of the schedule.
    pub parallelism: Option<NonZeroU32>,
}

/// Policy for the events that a schedule publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct NotifyPolicy {
    /// Whether events are written at all; `false` in air-gapped installations.
    pub enabled: bool,
    /// Whether a delta is published if it has new findings of at least `minimum_severity`.
    pub on_new_findings: bool,
    /// Minimum severity of a new finding that is published.
    pub minimum_severity: Severity,
    /// Whether a delta with a KEV hit is published at any severity.
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

/// Definition of a schedule, as its owner wrote it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// Identifier, unique over all tenants.
    pub id: ScheduleId,
    /// Tenant that owns the schedule.
    pub tenant: TenantId,
    /// Display name.
    pub name: String,
    /// Whether the schedule fires and subscribes to exports.
    pub enabled: bool,
    /// Five-field cron expression; none if other triggers start its runs.
    pub when_cron: Option<String>,
    /// IANA time zone of `when_cron`.
    pub time_zone: String,
    /// Work of its runs on each image.
    pub mode: Mode,
    /// Images of the tenant that it covers.
    pub selector: Selector,
    /// Conditions that an image must meet.
    #[serde(default)]
    pub only_if: OnlyIf,
    /// Limits over the whole fleet.
    #[serde(default)]
    pub limits: Limits,
    /// Policy for its events.
    #[serde(default)]
    pub notify: NotifyPolicy,
    /// Kinds of export that it subscribes to.
    #[serde(default)]
    pub triggers: Vec<Trigger>,
    /// Policy for overlapping cron fires.
    #[serde(default)]
    pub overlap: OverlapPolicy,
}

impl Schedule {
    /// Returns an enabled schedule of all images of a tenant, without triggers, conditions or
    /// limits. Its mode is [`Mode::AnalysisOnly`].
    pub fn new(id: ScheduleId, tenant: TenantId) -> Self {
        Self {
            name: id.to_string(),
            id,
            tenant,
            enabled: true,
            when_cron: None,
            time_zone: "UTC".to_owned(),
            mode: Mode::AnalysisOnly,
            selector: Selector::All,
            only_if: OnlyIf::default(),
            limits: Limits::default(),
            notify: NotifyPolicy::default(),
            triggers: Vec::new(),
            overlap: OverlapPolicy::default(),
        }
    }
}

/// State that the store keeps of a schedule besides its definition.
///
/// One version guards all of it, so that fires, dispatches, segment commits and ends of runs of one
/// schedule are serialised. A version per run was rejected: the concurrency window spans the runs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleState {
    /// Time up to which all fires are decided.
    pub cursor: Timestamp,
    /// Latest blocked fire under `queueOne`.
    pub queued_fire: Option<Timestamp>,
    /// Cron runs that are planning or open, which block the next cron fire.
    pub cron_runs: Vec<RunId>,
    /// Windows of its running runs, in order of dispatch.
    pub running: Vec<RunWindow>,
}

impl ScheduleState {
    /// Returns the number of released and uncommitted segments over all its runs.
    pub fn in_flight(&self) -> u32 {
        self.running
            .iter()
            .map(|window| window.released - window.committed)
            .sum()
    }
}

/// Concurrency window of a running run: its segments with an index below `released` may be worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunWindow {
    /// Run that the window belongs to.
    pub run: RunId,
    /// Number of segments of the run.
    pub segments: u32,
    /// Number of segments released so far.
    pub released: u32,
    /// Number of segments committed so far.
    pub committed: u32,
}

impl RunWindow {
    /// Returns whether `committed ≤ released ≤ segments` holds.
    pub const fn is_consistent(&self) -> bool {
        self.committed <= self.released && self.released <= self.segments
    }
}
