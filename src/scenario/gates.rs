//! What must at least have happened.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
