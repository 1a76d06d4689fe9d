//! Messages on the planner queue and the runner queue.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ImageDigest, ImpactSet, Mode, RunId, ScheduleId, SegmentKey, TenantId};

/// Request to a dispatcher to cut a run into segments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannerMessage {
    /// Run to cut or to scan.
    pub run: RunId,
    /// Schedule of the run.
    pub schedule: ScheduleId,
    /// Tenant that owns the run.
    pub tenant: TenantId,
    /// Planned images of the run.
    pub impact: ImpactSet,
}

/// Request to a runner to scan a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentMessage {
    /// Run to cut or to scan.
    pub run: RunId,
    /// Schedule of the run.
    pub schedule: ScheduleId,
    /// Tenant that owns the run.
    pub tenant: TenantId,
    /// Position in the run, from 0.
    pub index: u32,
    /// Work on each image.
    pub mode: Mode,
    /// Digests of the images.
    #[serde(alias = "images")]
    pub digests: Arc<[ImageDigest]>,
}

impl SegmentMessage {
    /// Returns the identifier of the segment.
    pub fn key(&self) -> SegmentKey {
        SegmentKey {
            run: self.run.clone(),
            index: self.index,
        }
    }
}

/// Headers of a message, which are readable even if the body is not.
pub trait QueueMessage: Clone + 'static {
    /// Returns the run.
    fn run(&self) -> &RunId;
    /// Returns the run's schedule.
    fn schedule(&self) -> &ScheduleId;
    /// Returns the key of the message's work. With the suffix `:n` of repair it is the idempotency
    /// key.
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

/// A message body that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message can't be read: {0}")]
pub struct DecodeError(pub String);
