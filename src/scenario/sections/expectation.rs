//! Expectations on the recorded metrics, and gates against vacuous success.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bundled;
use crate::model::fault::FaultKind;
use crate::scenario::Duration;

/// One expectation on the recorded metrics of all processes: on a query, or on an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpectationSpec {
    /// A name for reports. Default: the query, or the alert and `when`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A query in `PromQL`, such as `sum(scheduler_runs_active) <= 5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "query"))]
    pub query: Option<String>,
    /// The name of an alert, in place of a query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    /// TemporalOperator it must hold.
    pub when: TemporalOperator,
    /// For `fires`: the alert fires within so long of the beginning of each fault in the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
    /// The kind of faults that `within` counts from. Default: every kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultKind>,
    /// The alert's file of rules, relative to the scenario file. Default: the operators' rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<String>,
    /// The text of `rules`; filled when the scenario is loaded from a file.
    #[serde(skip)]
    #[schemars(skip)]
    pub rules_text: Option<Arc<str>>,
    /// Only from so long after the start. Default: from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Duration>,
    /// Only until so long after the start. Default: to the very end, the drain included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Duration>,
}

impl ExpectationSpec {
    /// Of nothing yet.
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
        }
    }

    /// What is asked, as `PromQL` has it.
    pub fn asked(&self) -> String {
        match (&self.query, &self.alert) {
            (Some(query), _) => query.clone(),
            (None, Some(alert)) => format!("ALERTS{{alertname={alert:?},alertstate=\"firing\"}}"),
            (None, None) => String::new(),
        }
    }

    /// The name in reports.
    pub fn title(&self) -> String {
        match (&self.name, &self.alert) {
            (Some(name), _) => name.clone(),
            (None, Some(alert)) => format!("{alert} {}", self.when.as_str()),
            (None, None) => self.asked(),
        }
    }

    /// Where the alert's rules stand, and their text; none if the file was not read.
    pub fn rules(&self) -> Option<(&str, &str)> {
        match (&self.rules, &self.rules_text) {
            (None, _) => Some((bundled::RULES_PATH, bundled::RULES)),
            (Some(path), Some(text)) => Some((path, text)),
            (Some(_), None) => None,
        }
    }
}

/// TemporalOperator an expectation must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TemporalOperator {
    /// At every scrape of the window.
    Always,
    /// At one scrape of the window at least; if not, the rehearsal fails.
    Eventually,
    /// At one scrape of the window at least; if not, the rehearsal missed something worth seeing.
    Sometimes,
    /// At the last scrape of the window.
    AtEnd,
    /// The alert fires in the window.
    Fires,
    /// The alert doesn't fire in the window.
    NeverFires,
    /// The alert fires in the window, and fires no longer at its end.
    Resolves,
}

impl TemporalOperator {
    /// The word in files and reports.
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

    /// Whether it is said of an alert.
    pub const fn is_of_alert(self) -> bool {
        matches!(self, Self::Fires | Self::NeverFires | Self::Resolves)
    }
}

/// What must at least have happened for a pass to mean anything; if not, the verdict is `VACUOUS`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Gates {
    /// Runs that ended.
    pub runs: u64,
    /// Image scans that were committed.
    pub images: u64,
    /// Faults that struck something.
    pub faults: u64,
    /// Images whose findings had meaningfully changed.
    pub deltas: u64,
    /// Comparisons that invariants made.
    pub comparisons: u64,
    /// How often single invariants were exercised, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub exercised: BTreeMap<String, u64>,
}
