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
    /// Returns the message as a process of the previous version writes it. `None` if the schema has
    /// no previous version.
    fn to_previous_json(&self) -> Option<String>;
}

impl SimQueueMessage for PlannerMessage {
    const QUEUE: QueueName = QueueName::Planner;

    fn server(world: &World) -> &QueueServer<Self> {
        &world.planner_queue
    }

    fn segment(&self) -> Option<SegmentKey> {
        None
    }

    fn to_previous_json(&self) -> Option<String> {
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

    fn to_previous_json(&self) -> Option<String> {
        let Self {
            run,
            schedule,
            tenant,
            index,
            mode,
            digests,
        } = self;
        let previous = serde_json::json!({
            "schemaVersion": Self::PREVIOUS,
            "run": run,
            "schedule": schedule,
            "tenant": tenant,
            "index": index,
            "mode": mode,
            "images": digests,
        });
        Some(previous.to_string())
    }
}
