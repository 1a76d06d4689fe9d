//! Times of faults and operations.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scenario::Duration;

/// Time of a fault or operation after the start: one of `at`, `every` and `meanInterval`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Timing {
    /// Time of a single occurrence, after the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Duration>,
    /// Fixed interval between occurrences; the first is one interval after `from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<Duration>,
    /// Mean interval between random occurrences (exponential gaps).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_interval: Option<Duration>,
    /// Start of the repetition, after the start of the rehearsal. Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Duration>,
    /// End of the repetition, after the start of the rehearsal. Default: `duration`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Duration>,
}
