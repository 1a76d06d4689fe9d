//! A schedule as a file states it.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{self, ImageDigest, Mode, NotifyPolicy, OverlapPolicy, Trigger};

use crate::scenario::Duration;

/// One schedule: when it fires, which images it is about, and how hard it may work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScheduleSpec {
    /// The identifier, unique in the file; the `scheduleId` label of metrics.
    #[schemars(
        length(min = 1, max = 64),
        regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"), extend("format" = "identifier")
    )]
    pub id: String,
    /// The tenant that owns it. Default: the fleet's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// A name for people. Default: the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it fires at all.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// When it fires: five cron fields, minute hour day-of-month month day-of-week. Default: it
    /// runs by other triggers only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "cron"))]
    pub when_cron: Option<String>,
    /// The IANA time zone of `whenCron`.
    #[serde(default = "utc")]
    #[schemars(extend("format" = "time-zone"))]
    pub time_zone: String,
    /// What a run asks of the Scanner.
    #[serde(default = "analysis_only")]
    pub mode: Mode,
    /// Which images it is about.
    #[serde(default)]
    pub selector: SelectorSpec,
    /// Conditions on an image.
    #[serde(default)]
    pub only_if: OnlyIfSpec,
    /// How hard it may work.
    #[serde(default)]
    pub limits: LimitsSpec,
    /// Which events it sends.
    #[serde(default)]
    pub notify: NotifyPolicy,
    /// What starts a run besides cron and an operator.
    #[serde(default)]
    pub triggers: Vec<Trigger>,
    /// What a cron fire does while an earlier cron run is still open.
    #[serde(default)]
    pub overlap: OverlapPolicy,
}

/// Which images a schedule is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "scope", rename_all = "camelCase", deny_unknown_fields)]
pub enum SelectorSpec {
    /// All images of the tenant.
    #[default]
    All,
    /// The images in some namespaces.
    Namespaces {
        /// Their names.
        namespaces: Vec<String>,
    },
    /// The images of some repositories.
    Repositories {
        /// Their names.
        repositories: Vec<String>,
    },
    /// Single images.
    Digests {
        /// Their digests, `sha256:` and 64 hexadecimal digits.
        #[schemars(with = "Vec<String>", extend("items" = { "type": "string", "format": "image-digest", "pattern": "^sha256:[0-9a-fA-F]{64}$" }))]
        digests: Vec<ImageDigest>,
    },
    /// The images that carry all of these labels.
    Labels {
        /// Names and values.
        labels: BTreeMap<String, String>,
    },
}

impl SelectorSpec {
    /// The selector as the worker knows it.
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
    /// Only if its last committed report is older than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_report_older_than: Option<Duration>,
}

/// How hard a schedule may work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LimitsSpec {
    /// At most so many images in one run, those with the oldest report first. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_jobs: Option<NonZeroU32>,
    /// At most so many requests to the Scanner in a second. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub rate_per_second: Option<f64>,
    /// At most so many segments at once, over all its runs. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub parallelism: Option<NonZeroU32>,
}

impl ScheduleSpec {
    /// The schedule as the worker knows it; `first_tenant` owns it if it names no owner.
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
    /// The conditions as the worker knows them.
    pub fn definition(self) -> model::OnlyIf {
        model::OnlyIf {
            last_report_older_than: self.last_report_older_than.map(Duration::std),
        }
    }
}

impl LimitsSpec {
    /// The limits as the worker knows them.
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
