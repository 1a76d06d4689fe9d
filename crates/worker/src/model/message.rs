//! What travels on the queues.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ImageDigest, ImpactSet, Mode, RunId, ScheduleId, SegmentKey, TenantId};

/// Asks a dispatcher to cut a run into segments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannerMessage {
    /// The run.
    pub run: RunId,
    /// Its schedule.
    pub schedule: ScheduleId,
    /// The owner.
    pub tenant: TenantId,
    /// What to cut.
    pub impact: ImpactSet,
}

/// Asks a runner to work a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentMessage {
    /// The run.
    pub run: RunId,
    /// Its schedule.
    pub schedule: ScheduleId,
    /// The owner.
    pub tenant: TenantId,
    /// Position in the run, from 0.
    pub index: u32,
    /// What to do with each image.
    pub mode: Mode,
    /// The images.
    #[serde(alias = "images")]
    pub digests: Arc<[ImageDigest]>,
}

impl SegmentMessage {
    /// The segment that it asks for.
    pub fn key(&self) -> SegmentKey {
        SegmentKey {
            run: self.run.clone(),
            index: self.index,
        }
    }
}

/// What both kinds of message tell in headers, which can be read even when the body can't.
pub trait QueueMessage: Clone + 'static {
    /// The run.
    fn run(&self) -> &RunId;
    /// The schedule.
    fn schedule(&self) -> &ScheduleId;
    /// Identifies the message's work; with the suffix `:n` of repair it is the idempotency key.
    fn key(&self) -> String;
}

impl QueueMessage for PlannerMessage {
    fn run(&self) -> &RunId {
        &self.run
    }

    fn schedule(&self) -> &ScheduleId {
        &self.schedule
    }

    fn key(&self) -> String {
        self.run.to_string()
    }
}

impl QueueMessage for SegmentMessage {
    fn run(&self) -> &RunId {
        &self.run
    }

    fn schedule(&self) -> &ScheduleId {
        &self.schedule
    }

    fn key(&self) -> String {
        SegmentMessage::key(self).to_string()
    }
}

/// A body that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message can't be read: {0}")]
pub struct DecodeError(pub String);
