//! Message headers, which stay readable when the body can't be decoded.

use crate::model::document::VersionedJson;
use crate::model::message::QueueMessage;
use crate::model::observation::QueueName;
use crate::model::{PlannerMessage, RunId, ScheduleId, SegmentKey, SegmentMessage};

use super::QueueServer;
use crate::sim::world::World;

/// Headers by which observers and dead letters identify a message.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sim::world) struct MessageHeaders {
    pub run: RunId,
    pub schedule: ScheduleId,
    /// Segment that a message of the runner queue asks for.
    pub segment: Option<SegmentKey>,
}

/// Kind of message with a queue of its own.
pub trait SimQueueMessage: QueueMessage + VersionedJson + PartialEq {
    /// Queue that carries these messages.
    const QUEUE: QueueName;
    /// Returns the server of that queue.
    fn server(world: &World) -> &QueueServer<Self>;
    /// Returns the segment that the message asks for.
    fn segment(&self) -> Option<SegmentKey>;
}

impl SimQueueMessage for PlannerMessage {
    const QUEUE: QueueName = QueueName::Planner;

    fn server(world: &World) -> &QueueServer<Self> {
        &world.planner_queue
    }

    fn segment(&self) -> Option<SegmentKey> {
        None
    }
}

impl SimQueueMessage for SegmentMessage {
    const QUEUE: QueueName = QueueName::Runner;

    fn server(world: &World) -> &QueueServer<Self> {
        &world.runner_queue
    }

    fn segment(&self) -> Option<SegmentKey> {
        Some(self.key())
    }
}
