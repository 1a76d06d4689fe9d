//! Incarnation of a process, from a defect's point of view.

use std::time::Duration;

use rehearsal::model::message::QueueMessage;
use rehearsal::model::observation::QueueName;
use rehearsal::model::{IncarnationId, PlannerMessage, ScheduleId, SegmentMessage};
use rehearsal::sim::world::WorldPorts;
use rehearsal::worker::ports::{LeaseAnswer, PortResult, Ports, Queue};

/// Incarnation with its ports to the world.
#[derive(Clone)]
pub struct Incarnation {
    /// Process name and incarnation number.
    pub id: IncarnationId,
    /// Ports of the world, without defects.
    pub world: WorldPorts,
}

impl Incarnation {
    /// Enqueues a message.
    pub async fn enqueue(&self, posted: Posted<'_>, key: &str) -> PortResult<()> {
        match posted {
            Posted::Plan(message) => self.world.planner_queue().enqueue(message, key).await,
            Posted::Segment(message) => self.world.runner_queue().enqueue(message, key).await,
        }
    }

    /// Extends a lease.
    pub async fn renew(
        &self,
        queue: QueueName,
        delivery: u64,
        lease: Duration,
    ) -> PortResult<LeaseAnswer> {
        match queue {
            QueueName::Planner => self.world.planner_queue().renew(delivery, lease).await,
            QueueName::Runner => self.world.runner_queue().renew(delivery, lease).await,
        }
    }

    /// Acknowledges a message.
    pub async fn acknowledge(&self, queue: QueueName, delivery: u64) -> PortResult<LeaseAnswer> {
        match queue {
            QueueName::Planner => self.world.planner_queue().acknowledge(delivery).await,
            QueueName::Runner => self.world.runner_queue().acknowledge(delivery).await,
        }
    }

    /// Releases a message.
    pub async fn release(
        &self,
        queue: QueueName,
        delivery: u64,
        delay: Duration,
        counted: bool,
    ) -> PortResult<LeaseAnswer> {
        let world = &self.world;
        match queue {
            QueueName::Planner => {
                let queue = world.planner_queue();
                queue.release(delivery, delay, counted).await
            }
            QueueName::Runner => {
                let queue = world.runner_queue();
                queue.release(delivery, delay, counted).await
            }
        }
    }
}

/// Message with its destination.
#[derive(Clone, Copy)]
pub enum Posted<'a> {
    /// Message of the planner queue.
    Plan(&'a PlannerMessage),
    /// Message of the runner queue.
    Segment(&'a SegmentMessage),
}

impl Posted<'_> {
    /// Identity of the message's work.
    pub fn key(&self) -> String {
        match self {
            Self::Plan(message) => message.key(),
            Self::Segment(message) => QueueMessage::key(*message),
        }
    }

    /// Identifier of the message's schedule.
    pub fn schedule(&self) -> &ScheduleId {
        match self {
            Self::Plan(message) => message.schedule(),
            Self::Segment(message) => message.schedule(),
        }
    }
}

/// Message type with the world's queue for it.
pub trait Carried: QueueMessage {
    /// Name of the queue for this type.
    const QUEUE: QueueName;
    /// Queue of the world for this type.
    type Plain: Queue<Self>;

    /// Port of an incarnation to that queue.
    fn queue(world: &WorldPorts) -> &Self::Plain;

    /// Conversion for the hooks of a defect.
    fn posted(&self) -> Posted<'_>;
}

impl Carried for PlannerMessage {
    const QUEUE: QueueName = QueueName::Planner;
    type Plain = <WorldPorts as Ports>::PlannerQueue;

    fn queue(world: &WorldPorts) -> &Self::Plain {
        world.planner_queue()
    }

    fn posted(&self) -> Posted<'_> {
        Posted::Plan(self)
    }
}

impl Carried for SegmentMessage {
    const QUEUE: QueueName = QueueName::Runner;
    type Plain = <WorldPorts as Ports>::RunnerQueue;

    fn queue(world: &WorldPorts) -> &Self::Plain {
        world.runner_queue()
    }

    fn posted(&self) -> Posted<'_> {
        Posted::Segment(self)
    }
}
