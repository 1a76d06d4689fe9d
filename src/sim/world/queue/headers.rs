//! What is known of a message even if its body can't be read.

use crate::model::message::QueueMessage;
use crate::model::observation::QueueName;
use crate::model::{PlannerMessage, RunId, ScheduleId, SegmentKey, SegmentMessage};

use super::QueueServer;
use crate::sim::world::World;

/// The headers of a message.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sim::world) struct MessageHeaders {
    pub run: RunId,
    pub schedule: ScheduleId,
    /// On the runner queue.
    pub segment: Option<SegmentKey>,
}

/// A kind of message, and the queue on which it travels.
pub trait Queued: QueueMessage {
    /// The queue.
    const QUEUE: QueueName;
    /// The queue's place in the world.
    fn server(world: &World) -> &QueueServer<Self>;
    /// The segment that is asked for.
    fn segment(&self) -> Option<SegmentKey>;
}

impl Queued for PlannerMessage {
    const QUEUE: QueueName = QueueName::Planner;

    fn server(world: &World) -> &QueueServer<Self> {
        &world.planner_queue
    }

    fn segment(&self) -> Option<SegmentKey> {
        None
    }
}

impl Queued for SegmentMessage {
    const QUEUE: QueueName = QueueName::Runner;

    fn server(world: &World) -> &QueueServer<Self> {
        &world.runner_queue
    }

    fn segment(&self) -> Option<SegmentKey> {
        Some(self.key())
    }
}
