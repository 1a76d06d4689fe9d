//! A synthetic population of schedules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{NotifyPolicy, OverlapPolicy, Trigger};

use crate::scenario::{LimitsSpec, OnlyIfSpec, Share};

/// Many schedules at once, spread over tenants, time zones and hours by the seed.
///
/// Their ids are `{prefix}-1`, `{prefix}-2` and so on; tenants take turns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Population {
    /// How many.
    #[schemars(range(min = 1, max = 100_000))]
    pub count: u32,
    /// What their ids begin with.
    #[schemars(
        length(min = 1, max = 48),
        regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"), extend("format" = "identifier")
    )]
    pub prefix: String,
    /// IANA time zones, which take turns.
    #[schemars(length(min = 1), extend("items" = { "type": "string", "format": "time-zone" }))]
    pub time_zones: Vec<String>,
    /// How often each fires.
    pub cadence: Cadence,
    /// The first hour of the day, local time, in which one may fire.
    #[schemars(range(min = 0, max = 23))]
    pub from_hour: u8,
    /// The hour of the day before which the last one fires.
    #[schemars(range(min = 1, max = 24))]
    pub until_hour: u8,
    /// The part of them in mode `contentRefresh`; the others are `analysisOnly`.
    pub content_refresh_share: Share,
    /// How many select all images, some namespaces or some repositories, in proportion.
    pub scopes: ScopeWeights,
    /// Conditions on an image.
    pub only_if: OnlyIfSpec,
    /// How hard each may work.
    pub limits: LimitsSpec,
    /// Which events each sends.
    pub notify: NotifyPolicy,
    /// What starts a run besides cron and an operator.
    pub triggers: Vec<Trigger>,
    /// What a cron fire does while an earlier cron run is still open.
    pub overlap: OverlapPolicy,
}

impl Default for Population {
    fn default() -> Self {
        Self {
            count: 10,
            prefix: "schedule".into(),
            time_zones: vec!["UTC".into()],
            cadence: Cadence::Daily,
            from_hour: 0,
            until_hour: 24,
            content_refresh_share: Share(0.0),
            scopes: ScopeWeights::default(),
            only_if: OnlyIfSpec::default(),
            limits: LimitsSpec::default(),
            notify: NotifyPolicy::default(),
            triggers: Vec::new(),
            overlap: OverlapPolicy::default(),
        }
    }
}

impl Population {
    /// The ids of its schedules.
    pub fn ids(&self) -> impl Iterator<Item = String> {
        (1..=self.count).map(|number| format!("{}-{number}", self.prefix))
    }
}

/// How often a schedule of a population fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Cadence {
    /// Once an hour, at a minute drawn by the seed.
    Hourly,
    /// Once a day, at an hour and minute drawn by the seed.
    Daily,
    /// Once a week, at a day, hour and minute drawn by the seed.
    Weekly,
}

/// In which proportion the schedules of a population select images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ScopeWeights {
    /// All images of the tenant.
    #[schemars(range(min = 0))]
    pub all: f64,
    /// One namespace.
    #[schemars(range(min = 0))]
    pub namespaces: f64,
    /// A few repositories.
    #[schemars(range(min = 0))]
    pub repositories: f64,
    /// The images that carry one or two labels; no image if the fleet has no labels.
    #[schemars(range(min = 0))]
    pub labels: f64,
    /// A few single images, whosoever they are.
    #[schemars(range(min = 0))]
    pub digests: f64,
}

impl ScopeWeights {
    /// The sum of all weights.
    pub fn total(&self) -> f64 {
        self.all + self.namespaces + self.repositories + self.labels + self.digests
    }
}

impl Default for ScopeWeights {
    fn default() -> Self {
        Self {
            all: 1.0,
            namespaces: 0.0,
            repositories: 0.0,
            labels: 0.0,
            digests: 0.0,
        }
    }
}
