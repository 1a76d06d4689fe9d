//! Roles of a process, and the tasks that each role brings.

use serde::{Deserialize, Serialize};

/// Part of the pipeline that a process serves. A process may have several roles.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Fires cron schedules and creates runs for exports.
    Trigger,
    /// Plans runs.
    Planner,
    /// Cuts runs into segments.
    Dispatcher,
    /// Scans the images of segments.
    Runner,
    /// Enqueues intents and publishes events.
    Relay,
    /// Repairs: enqueues lost work again, and ends overdue and orphaned runs.
    Sweeper,
}

impl Role {
    /// Every role, in pipeline order.
    pub const ALL: [Self; 6] = [
        Self::Trigger,
        Self::Planner,
        Self::Dispatcher,
        Self::Runner,
        Self::Relay,
        Self::Sweeper,
    ];
}

/// Endless task of a process, named after the service that it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is named after the service that it runs")]
pub enum WorkerTask {
    CronTrigger,
    ExportTrigger,
    Planner,
    Dispatcher,
    Runner,
    IntentRelay,
    EventRelay,
    Sweeper,
    Heartbeat,
    Backlog { reads_queues: bool },
}

impl WorkerTask {
    /// Name in traces, where it is part of the hash.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CronTrigger => "cron-trigger",
            Self::ExportTrigger => "export-trigger",
            Self::Planner => "planner",
            Self::Dispatcher => "dispatcher",
            Self::Runner => "runner",
            Self::IntentRelay => "intent-relay",
            Self::EventRelay => "event-relay",
            Self::Sweeper => "sweeper",
            Self::Heartbeat => "heartbeat",
            Self::Backlog { .. } => "backlog",
        }
    }

    /// Tasks of a process with `roles` that scans up to `segments_at_once` segments. Every process
    /// has a heartbeat and gauges; the depth of the queues is read where the sweeper runs.
    pub(crate) fn of_roles(roles: &[Role], segments_at_once: u32) -> Vec<Self> {
        let mut tasks = vec![
            Self::Heartbeat,
            Self::Backlog {
                reads_queues: roles.contains(&Role::Sweeper),
            },
        ];
        for role in roles {
            match role {
                Role::Trigger => tasks.extend([Self::CronTrigger, Self::ExportTrigger]),
                Role::Planner => tasks.push(Self::Planner),
                Role::Dispatcher => tasks.push(Self::Dispatcher),
                Role::Runner => tasks.extend((0..segments_at_once).map(|_| Self::Runner)),
                Role::Relay => tasks.extend([Self::IntentRelay, Self::EventRelay]),
                Role::Sweeper => tasks.push(Self::Sweeper),
            }
        }
        tasks
    }
}
