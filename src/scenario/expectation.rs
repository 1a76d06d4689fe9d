//! What the recorded metrics must show.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Duration;

/// One expectation on the recorded metrics of all processes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expectation {
    /// A name for reports. Default: the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A comparison in a subset of `PromQL`, such as `sum(scheduler_runs_active) <= 5`.
    #[schemars(extend("format" = "query"))]
    pub query: String,
    /// When it must hold.
    pub when: When,
    /// Only from so long after the start. Default: from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Duration>,
    /// Only until so long after the start. Default: to the very end, the drain included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Duration>,
}

/// When an expectation must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// At every scrape of the window.
    Always,
    /// At one scrape of the window at least; if not, the rehearsal fails.
    Eventually,
    /// At one scrape of the window at least; if not, the rehearsal missed something worth seeing.
    Sometimes,
    /// At the last scrape of the window.
    AtEnd,
}

impl When {
    /// The word in files and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Eventually => "eventually",
            Self::Sometimes => "sometimes",
            Self::AtEnd => "at_end",
        }
    }
}
