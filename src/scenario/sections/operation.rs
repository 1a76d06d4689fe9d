//! Actions of an operator during a rehearsal.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{Mode, NotifyPolicy, OverlapPolicy, Trigger};

use crate::scenario::{
    Duration, LimitsSpec, OnlyIfSpec, QueueTarget, ScheduleSpec, SelectorSpec, Timing,
};

/// Operator action that happens once or repeatedly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct OperationSpec {
    /// Time or times of the operation.
    #[serde(flatten)]
    pub timing: Timing,
    /// Kind of operation, with its parameters.
    #[serde(flatten)]
    pub kind: OperationKind,
}

/// Kinds of operator actions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum OperationKind {
    /// Creates a schedule.
    Create {
        /// Schedule to create, with the keys of `[[schedule]]`.
        definition: Box<ScheduleSpec>,
    },
    /// Enables a schedule and resets its cursor.
    Enable {
        /// Identifier of the schedule.
        schedule: String,
    },
    /// Disables a schedule. It fires no more; its open runs continue.
    Disable {
        /// Identifier of the schedule.
        schedule: String,
    },
    /// Edits a schedule and resets its cursor.
    Edit {
        /// Identifier of the schedule.
        schedule: String,
        /// Changed keys; absent keys keep their values.
        changes: Box<ScheduleChanges>,
    },
    /// Deletes a schedule softly and cancels its open runs.
    Delete {
        /// Identifier of the schedule.
        schedule: String,
    },
    /// Starts a manual run.
    Run {
        /// Identifier of the schedule to run.
        schedule: String,
    },
    /// Cancels all non-terminal runs of a schedule.
    Cancel {
        /// Identifier of the schedule.
        schedule: String,
    },
    /// Retries the latest terminal run of a schedule as a new manual run. Without one, asks for
    /// the retry of an unfinished run, which the worker refuses.
    Retry {
        /// Identifier of the schedule.
        schedule: String,
    },
    /// Redrives dead letters to their queue.
    Redrive {
        /// Queue whose dead letters are redriven.
        #[serde(default)]
        queue: QueueTarget,
    },
    /// Purges terminal runs.
    Purge {
        /// Identifier of the schedule whose runs are purged. Default: all schedules.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        schedule: Option<String>,
        /// Minimum time since a run ended for it to be purged.
        #[serde(default)]
        older_than: Duration,
    },
}

impl OperationKind {
    /// Value of `kind` in scenario files.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Enable { .. } => "enable",
            Self::Disable { .. } => "disable",
            Self::Edit { .. } => "edit",
            Self::Delete { .. } => "delete",
            Self::Run { .. } => "run",
            Self::Cancel { .. } => "cancel",
            Self::Retry { .. } => "retry",
            Self::Redrive { .. } => "redrive",
            Self::Purge { .. } => "purge",
        }
    }

    /// Identifier of the schedule that the operation refers to, if any.
    pub fn schedule(&self) -> Option<&str> {
        match self {
            Self::Create { .. } | Self::Redrive { .. } => None,
            Self::Purge { schedule, .. } => schedule.as_deref(),
            Self::Enable { schedule }
            | Self::Disable { schedule }
            | Self::Edit { schedule, .. }
            | Self::Delete { schedule }
            | Self::Run { schedule }
            | Self::Cancel { schedule }
            | Self::Retry { schedule } => Some(schedule),
        }
    }
}

/// Changes of an edit. An absent key keeps its value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ScheduleChanges {
    /// New name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// New cron expression of five fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "cron"))]
    pub when_cron: Option<String>,
    /// New IANA time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "time-zone"))]
    pub time_zone: Option<String>,
    /// New scan mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// New image selector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<SelectorSpec>,
    /// New conditions on an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_if: Option<OnlyIfSpec>,
    /// New limits on the load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsSpec>,
    /// New event policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify: Option<NotifyPolicy>,
    /// New subscriptions to triggers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub triggers: Option<Vec<Trigger>>,
    /// New overlap policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap: Option<OverlapPolicy>,
}
