//! When something happens during a rehearsal.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scenario::Duration;

/// When, counted from the start: exactly one of `at`, `every` and `meanInterval`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Timing {
    /// Once, so long after the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Duration>,
    /// Again and again at this fixed interval, first one interval after `from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<Duration>,
    /// Again and again at random, with this mean interval (exponential gaps).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_interval: Option<Duration>,
    /// Repetition begins so long after the start. Default: at the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Duration>,
    /// Repetition ends so long after the start. Default: at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Duration>,
}
