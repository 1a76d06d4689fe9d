//! Targets of faults and operations: processes and queues.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Target process of a fault: a name, `any` (drawn by the seed each time) or `all`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub enum ProcessTarget {
    /// Any one process, drawn by the seed at each injection.
    #[default]
    Any,
    /// All processes, together.
    All,
    /// Process with this name.
    Named(String),
}

impl From<String> for ProcessTarget {
    fn from(text: String) -> Self {
        match text.as_str() {
            "any" => Self::Any,
            "all" => Self::All,
            _ => Self::Named(text),
        }
    }
}

impl From<ProcessTarget> for String {
    fn from(target: ProcessTarget) -> Self {
        match target {
            ProcessTarget::Any => "any".into(),
            ProcessTarget::All => "all".into(),
            ProcessTarget::Named(name) => name,
        }
    }
}

/// Target queue of a fault or an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum QueueTarget {
    /// Queue of planned runs, read by the dispatcher.
    Planner,
    /// Queue of segments, read by the runners.
    Runner,
    /// Both queues.
    #[default]
    All,
}
