//! What an operator does during a rehearsal.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{Mode, NotifyPolicy, OverlapPolicy, Trigger};

use crate::scenario::{
    Duration, LimitsSpec, OnlyIfSpec, QueueTarget, ScheduleSpec, SelectorSpec, Timing,
};

/// One operation, or one that repeats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct OperationSpec {
    /// When.
    #[serde(flatten)]
    pub timing: Timing,
    /// What.
    #[serde(flatten)]
    pub kind: OperationKind,
}

/// What an operator can do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum OperationKind {
    /// Creates a schedule.
    Create {
        /// The schedule, as under `[[schedule]]`.
        definition: Box<ScheduleSpec>,
    },
    /// Enables a schedule: its cursor starts anew.
    Enable {
        /// Its id.
        schedule: String,
    },
    /// Disables a schedule: it fires no more, and open runs go on.
    Disable {
        /// Its id.
        schedule: String,
    },
    /// Edits a schedule: its cursor starts anew.
    Edit {
        /// Its id.
        schedule: String,
        /// What changes; the rest stays.
        changes: Box<ScheduleChanges>,
    },
    /// Deletes a schedule softly: its open runs are cancelled.
    Delete {
        /// Its id.
        schedule: String,
    },
    /// Starts a run by hand.
    Run {
        /// The id of its schedule.
        schedule: String,
    },
    /// Cancels all open and planning runs of a schedule.
    Cancel {
        /// Its id.
        schedule: String,
    },
    /// Runs a schedule's latest terminal run again, as a new manual one.
    Retry {
        /// Its id.
        schedule: String,
    },
    /// Puts dead letters back on their queue.
    Redrive {
        /// Which queue's.
        #[serde(default)]
        queue: QueueTarget,
    },
    /// Purges finished runs.
    Purge {
        /// Only those of this schedule. Default: all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        schedule: Option<String>,
        /// Only those that ended longer ago than this.
        #[serde(default)]
        older_than: Duration,
    },
}

impl OperationKind {
    /// The name in scenario files.
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

    /// The id of the schedule that must exist for it.
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

/// What an edit changes. A key that is absent stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ScheduleChanges {
    /// A new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// New cron fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "cron"))]
    pub when_cron: Option<String>,
    /// A new time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "time-zone"))]
    pub time_zone: Option<String>,
    /// A new mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// A new selector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<SelectorSpec>,
    /// New conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_if: Option<OnlyIfSpec>,
    /// New limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsSpec>,
    /// New rules for events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify: Option<NotifyPolicy>,
    /// New triggers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub triggers: Option<Vec<Trigger>>,
    /// A new overlap policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap: Option<OverlapPolicy>,
}
