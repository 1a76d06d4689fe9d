//! Synthetic population of schedules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{NotifyPolicy, OverlapPolicy, Trigger};

use crate::scenario::{LimitsSpec, OnlyIfSpec, Share};

/// Population of schedules, spread over tenants, time zones and hours by the seed.
///
/// The identifiers are `{prefix}-1`, `{prefix}-2` and so on; tenants are assigned in turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Population {
    /// Number of schedules.
    #[schemars(range(min = 1, max = 100_000))]
    pub count: u32,
    /// Prefix of the schedule identifiers.
    #[schemars(
        length(min = 1, max = 48),
        regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"), extend("format" = "identifier")
    )]
    pub prefix: String,
    /// IANA time zones, assigned in turn.
    #[schemars(length(min = 1), extend("items" = { "type": "string", "format": "time-zone" }))]
    pub time_zones: Vec<String>,
    /// Interval between the fires of a schedule.
    pub cadence: Cadence,
    /// Share of schedules with the cron expression of the one before, in place of their own.
    pub shared_cron_share: Share,
    /// First hour of the day, local time, in which a schedule may fire.
    #[schemars(range(min = 0, max = 23))]
    pub from_hour: u8,
    /// Hour of the day before which the last schedule fires.
    #[schemars(range(min = 1, max = 24))]
    pub until_hour: u8,
    /// Share of schedules in mode `contentRefresh`; the others are `analysisOnly`.
    pub content_refresh_share: Share,
    /// Relative frequency of each kind of selector.
    pub scopes: ScopeWeights,
    /// Conditions that an image must meet to be scanned.
    pub only_if: OnlyIfSpec,
    /// Limits on the load of each schedule.
    pub limits: LimitsSpec,
    /// Events that each schedule sends.
    pub notify: NotifyPolicy,
    /// Triggers that start a run, besides cron and an operator.
    pub triggers: Vec<Trigger>,
    /// Policy for a cron fire while an earlier cron run is open.
    pub overlap: OverlapPolicy,
}

impl Population {
    /// Maximum number of repositories that a drawn selector lists; the minimum is 1.
    pub(crate) const REPOSITORIES_MAX: u64 = 3;
    /// Maximum number of digests that a drawn selector lists; the minimum is 1.
    pub(crate) const DIGESTS_MAX: u64 = 20;
}

impl Default for Population {
    fn default() -> Self {
        Self {
            count: 10,
            prefix: "schedule".into(),
            time_zones: vec!["UTC".into()],
            cadence: Cadence::Daily,
            shared_cron_share: Share(0.0),
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
    /// Identifiers of the schedules.
    pub fn ids(&self) -> impl Iterator<Item = String> {
        (1..=self.count).map(|number| format!("{}-{number}", self.prefix))
    }
}

/// Interval between the fires of a schedule of a population.
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

/// Relative frequencies of selectors in a population.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ScopeWeights {
    /// Weight of selectors for all images of the tenant.
    #[schemars(range(min = 0))]
    pub all: f64,
    /// Weight of selectors for one namespace.
    #[schemars(range(min = 0))]
    pub namespaces: f64,
    /// Weight of selectors for a few repositories.
    #[schemars(range(min = 0))]
    pub repositories: f64,
    /// Weight of selectors for one or two labels. Without labels they select no image.
    #[schemars(range(min = 0))]
    pub labels: f64,
    /// Weight of selectors for the digests of a few images of any tenant.
    #[schemars(range(min = 0))]
    pub digests: f64,
}

impl ScopeWeights {
    /// Sum of all weights.
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
