//! Keys of the scenario schema that had the same value in every seed of a sweep.
//!
//! A behaviour that depends on such a key was seen with one of its values only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rehearsal::FinishedRun;
use crate::scenario::key_values;

/// Keys with their values as JSON, separated by commas; empty if no seed had the key.
///
/// Of a result that has no seed yet, or was written by an earlier version, the keys are not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConstantKeys(Option<BTreeMap<String, String>>);

impl ConstantKeys {
    /// All keys of the scenario as one seed has run it.
    pub fn of(finished: &FinishedRun) -> Self {
        // Every value of a scenario has a form in JSON.
        let mut scenario = serde_json::to_value(&finished.scenario).unwrap_or_default();
        scenario["fault"] = serde_json::to_value(&finished.faults).unwrap_or_default();
        let text = |values: Vec<Value>| {
            let values: Vec<_> = values.iter().map(Value::to_string).collect();
            values.join(", ")
        };
        let values = key_values(&scenario).into_iter();
        Self(Some(
            values.map(|(key, values)| (key, text(values))).collect(),
        ))
    }

    /// Drops the keys that have another value in other seeds.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            (_, None) => {}
            (own @ None, others) => own.clone_from(others),
            (Some(own), Some(others)) => own.retain(|key, value| others.get(key) == Some(value)),
        }
    }

    /// Number of the keys; `None` if they are not known.
    pub fn count(&self) -> Option<usize> {
        self.0.as_ref().map(BTreeMap::len)
    }

    /// Whether this key had one value in all seeds.
    pub fn contains(&self, key: &str) -> bool {
        self.0.as_ref().is_some_and(|keys| keys.contains_key(key))
    }
}
