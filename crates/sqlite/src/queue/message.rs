//! Kinds of messages, each with a queue of its own.

use rehearsal_worker::model::document::VersionedJson;
use rehearsal_worker::model::message::QueueMessage;
use rehearsal_worker::model::observation::QueueName;
use rehearsal_worker::model::{PlannerMessage, SegmentMessage};

/// Message of a queue in SQLite. Its body is JSON.
pub trait SqliteQueueMessage: QueueMessage + VersionedJson {
    /// Queue that carries these messages.
    const QUEUE: QueueName;
}

impl SqliteQueueMessage for PlannerMessage {
    const QUEUE: QueueName = QueueName::Planner;
}

impl SqliteQueueMessage for SegmentMessage {
    const QUEUE: QueueName = QueueName::Runner;
}
