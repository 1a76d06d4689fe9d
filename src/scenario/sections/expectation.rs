//! Expectations on the recorded metrics, and gates against vacuous success.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bundled;
use crate::model::fault::FaultKind;
use crate::scenario::Duration;

/// Expectation on the recorded metrics of all processes: on a query, or on an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpectationSpec {
    /// Name in reports. Default: the query, or the alert and `when`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `PromQL` query, such as `sum(scheduler_runs_active) <= 5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "query"))]
    pub query: Option<String>,
    /// Name of an alert, in place of a query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    /// Temporal operator: when the query must hold, or what the alert must do.
    pub when: TemporalOperator,
    /// Maximum delay from the start of each fault in the window to the alert. For `fires` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
    /// Kind of faults that `within` refers to. Default: all kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultKind>,
    /// Rule file of the alert, relative to the scenario file. Default: `docs/ops/` rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<String>,
    /// Text of `rules`; filled when the scenario is loaded from a file.
    #[serde(skip)]
    #[schemars(skip)]
    pub rules_text: Option<Arc<str>>,
    /// Start of the window, after the start of the rehearsal. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Duration>,
    /// End of the window, after the start of the rehearsal. Default: the end, drain included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Duration>,
    /// Conditions under which it must hold: the plan of the file alone, or any fault profile.
    #[serde(default, skip_serializing_if = "ExpectationScope::is_default")]
    pub under: ExpectationScope,
}

impl ExpectationSpec {
    /// Expectation without a query or an alert.
    pub const fn new(when: TemporalOperator) -> Self {
        Self {
            name: None,
            query: None,
            alert: None,
            when,
            within: None,
            fault: None,
            rules: None,
            rules_text: None,
            from: None,
            until: None,
            under: ExpectationScope::OwnPlan,
        }
    }

    /// `PromQL` query of the expectation; for an alert, the query of its `ALERTS` series.
    pub fn asked(&self) -> String {
        match (&self.query, &self.alert) {
            (Some(query), _) => query.clone(),
            (None, Some(alert)) => format!("ALERTS{{alertname={alert:?},alertstate=\"firing\"}}"),
            (None, None) => String::new(),
        }
    }

    /// Name in reports: the given name, or one made from the query or the alert.
    pub fn title(&self) -> String {
        match (&self.name, &self.alert) {
            (Some(name), _) => name.clone(),
            (None, Some(alert)) => format!("{alert} {}", self.when.as_str()),
            (None, None) => self.asked(),
        }
    }

    /// Path and text of the alert's rule file; none if the file was not read.
    pub fn rules(&self) -> Option<(&str, &str)> {
        match (&self.rules, &self.rules_text) {
            (None, _) => Some((bundled::RULES_PATH, bundled::RULES)),
            (Some(path), Some(text)) => Some((path, text)),
            (Some(_), None) => None,
        }
    }
}

/// Conditions under which an expectation must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExpectationScope {
    /// The faults, operations and options of the file alone. Under a profile, which draws others, a
    /// sweep reports the share of seeds in which it held.
    #[default]
    OwnPlan,
    /// Whatever a profile draws in addition.
    AnyProfile,
}

impl ExpectationScope {
    /// Value of `under` in scenario files and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OwnPlan => "own-plan",
            Self::AnyProfile => "any-profile",
        }
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Temporal operator of an expectation: when it must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TemporalOperator {
    /// The query holds at every scrape of the window.
    Always,
    /// The query holds at one scrape of the window or more; otherwise the verdict is `FAIL`.
    Eventually,
    /// The query holds at one scrape of the window or more; otherwise the verdict is `MISS`.
    Sometimes,
    /// The query holds at the last scrape of the window.
    AtEnd,
    /// The alert fires in the window.
    Fires,
    /// The alert does not fire in the window.
    NeverFires,
    /// The alert fires in the window and is resolved at its end.
    Resolves,
}

impl TemporalOperator {
    /// Value of `when` in scenario files and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Eventually => "eventually",
            Self::Sometimes => "sometimes",
            Self::AtEnd => "at_end",
            Self::Fires => "fires",
            Self::NeverFires => "never_fires",
            Self::Resolves => "resolves",
        }
    }

    /// Whether the operator applies to alerts. The others apply to queries.
    pub const fn is_of_alert(self) -> bool {
        matches!(self, Self::Fires | Self::NeverFires | Self::Resolves)
    }
}

/// Minimum counts for a meaningful verdict; below one of them the verdict is `VACUOUS`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Gates {
    /// Minimum number of terminal runs.
    pub runs: u64,
    /// Minimum number of committed image scans.
    pub images: u64,
    /// Minimum number of faults that took effect.
    pub faults: u64,
    /// Minimum number of images with meaningful deltas.
    pub deltas: u64,
    /// Minimum number of comparisons made by invariants.
    pub comparisons: u64,
    /// Minimum number of times that each named invariant was exercised.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub exercised: BTreeMap<String, u64>,
}
