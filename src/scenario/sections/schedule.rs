//! Schedule, image selector and limits as a scenario file states them.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{self, ImageDigest, Mode, NotifyPolicy, OverlapPolicy, Trigger};

use crate::scenario::Duration;

/// Schedule: fire times, image selector and limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScheduleSpec {
    /// Identifier, unique in the file; value of the `scheduleId` label of metrics.
    #[schemars(
        length(min = 1, max = 64),
        regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"), extend("format" = "identifier")
    )]
    pub id: String,
    /// Tenant that owns the schedule. Default: the fleet's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Display name. Default: the identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the schedule fires.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// Cron expression of five fields: minute, hour, day of month, month, day of week. Default:
    /// none, and only other triggers start runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "cron"))]
    pub when_cron: Option<String>,
    /// IANA time zone of `whenCron`.
    #[serde(default = "utc")]
    #[schemars(extend("format" = "time-zone"))]
    pub time_zone: String,
    /// Scan mode that a run requests from the Scanner.
    #[serde(default = "analysis_only")]
    pub mode: Mode,
    /// Selector of the images to scan.
    #[serde(default)]
    pub selector: SelectorSpec,
    /// Conditions that an image must meet to be scanned.
    #[serde(default)]
    pub only_if: OnlyIfSpec,
    /// Limits on the load of the schedule.
    #[serde(default)]
    pub limits: LimitsSpec,
    /// Events that the schedule sends.
    #[serde(default)]
    pub notify: NotifyPolicy,
    /// Triggers that start a run, besides cron and an operator.
    #[serde(default)]
    pub triggers: Vec<Trigger>,
    /// Policy for a cron fire while an earlier cron run is open.
    #[serde(default)]
    pub overlap: OverlapPolicy,
}

/// Selector of the images that a schedule scans.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "scope", rename_all = "camelCase", deny_unknown_fields)]
pub enum SelectorSpec {
    /// Selects all images of the tenant.
    #[default]
    All,
    /// Selects the images of the listed namespaces.
    Namespaces {
        /// Names of the namespaces.
        namespaces: Vec<String>,
    },
    /// Selects the images of the listed repositories.
    Repositories {
        /// Names of the repositories.
        repositories: Vec<String>,
    },
    /// Selects images by digest.
    Digests {
        /// Image digests: `sha256:` and 64 hexadecimal digits each.
        #[schemars(with = "Vec<String>", extend("items" = {
            "type": "string", "format": "image-digest", "pattern": "^sha256:[0-9a-fA-F]{64}$"
        }))]
        digests: Vec<ImageDigest>,
    },
    /// Selects the images that carry all of these labels.
    Labels {
        /// Label names with their values.
        labels: BTreeMap<String, String>,
    },
}

impl SelectorSpec {
    /// Converts to the selector of the worker model.
    pub fn definition(&self) -> model::Selector {
        let names = |names: &[String]| names.iter().map(|name| Arc::from(name.as_str())).collect();
        match self {
            Self::All => model::Selector::All,
            Self::Namespaces { namespaces } => model::Selector::ByNamespace(names(namespaces)),
            Self::Repositories { repositories } => {
                model::Selector::ByRepository(names(repositories))
            }
            Self::Digests { digests } => model::Selector::ByDigest(digests.clone()),
            Self::Labels { labels } => model::Selector::ByLabel(
                labels
                    .iter()
                    .map(|(name, value)| (Arc::from(name.as_str()), Arc::from(value.as_str())))
                    .collect(),
            ),
        }
    }
}

/// Conditions that an image must meet to be scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OnlyIfSpec {
    /// Minimum age of the last committed report of an image. Default: no minimum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_report_older_than: Option<Duration>,
}

/// Limits on the load of a schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LimitsSpec {
    /// Maximum images in one run; the oldest reports come first. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_jobs: Option<NonZeroU32>,
    /// Maximum Scanner requests per second. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub rate_per_second: Option<f64>,
    /// Maximum concurrent segments over all runs of the schedule. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub parallelism: Option<NonZeroU32>,
}

impl ScheduleSpec {
    /// A schedule with this identifier and defaults for all other keys.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            tenant: None,
            name: None,
            enabled: enabled(),
            when_cron: None,
            time_zone: utc(),
            mode: analysis_only(),
            selector: SelectorSpec::default(),
            only_if: OnlyIfSpec::default(),
            limits: LimitsSpec::default(),
            notify: NotifyPolicy::default(),
            triggers: Vec::new(),
            overlap: OverlapPolicy::default(),
        }
    }

    /// Converts to the schedule of the worker model; `first_tenant` is the default owner.
    pub fn definition(&self, first_tenant: &str) -> model::Schedule {
        model::Schedule {
            id: self.id.as_str().into(),
            tenant: self.tenant.as_deref().unwrap_or(first_tenant).into(),
            name: self.name.clone().unwrap_or_else(|| self.id.clone()),
            enabled: self.enabled,
            when_cron: self.when_cron.clone(),
            time_zone: self.time_zone.clone(),
            mode: self.mode,
            selector: self.selector.definition(),
            only_if: self.only_if.definition(),
            limits: self.limits.definition(),
            notify: self.notify,
            triggers: self.triggers.clone(),
            overlap: self.overlap,
        }
    }
}

impl OnlyIfSpec {
    /// Converts to the conditions of the worker model.
    pub fn definition(self) -> model::OnlyIf {
        model::OnlyIf {
            last_report_older_than: self.last_report_older_than.map(Duration::std),
        }
    }
}

impl LimitsSpec {
    /// Converts to the limits of the worker model.
    pub const fn definition(self) -> model::Limits {
        model::Limits {
            max_jobs: self.max_jobs,
            rate_per_second: self.rate_per_second,
            parallelism: self.parallelism,
        }
    }
}

fn analysis_only() -> Mode {
    Mode::AnalysisOnly
}

fn enabled() -> bool {
    true
}

fn utc() -> String {
    "UTC".into()
}
