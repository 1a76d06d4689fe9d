//! An incarnation of a process, as a defect meets it.

use std::time::Duration;

use rehearsal::model::message::QueueMessage;
use rehearsal::model::observation::QueueName;
use rehearsal::model::{IncarnationId, PlannerMessage, ScheduleId, SegmentMessage};
use rehearsal::sim::world::WorldPorts;
use rehearsal::worker::ports::{LeaseAnswer, PortResult, Ports, Queue};

/// An incarnation, and the world as it reaches it.
#[derive(Clone)]
pub struct Incarnation {
    /// Its name and number.
    pub id: IncarnationId,
    /// The world's own ports.
    pub world: WorldPorts,
}

impl Incarnation {
    /// Puts a message on its queue.
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

    /// Removes a message.
    pub async fn acknowledge(&self, queue: QueueName, delivery: u64) -> PortResult<LeaseAnswer> {
        match queue {
            QueueName::Planner => self.world.planner_queue().acknowledge(delivery).await,
            QueueName::Runner => self.world.runner_queue().acknowledge(delivery).await,
        }
    }

    /// Hands a message back.
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

/// A message on its way to its queue.
#[derive(Clone, Copy)]
pub enum Posted<'a> {
    /// To the planner queue.
    Plan(&'a PlannerMessage),
    /// To the runner queue.
    Segment(&'a SegmentMessage),
}

impl Posted<'_> {
    /// Identifies its work.
    pub fn key(&self) -> String {
        match self {
            Self::Plan(message) => message.key(),
            Self::Segment(message) => QueueMessage::key(*message),
        }
    }

    /// Its schedule.
    pub fn schedule(&self) -> &ScheduleId {
        match self {
            Self::Plan(message) => message.schedule(),
            Self::Segment(message) => message.schedule(),
        }
    }
}

/// A message, and the world's queue that carries it.
pub trait Carried: QueueMessage {
    /// Which queue.
    const QUEUE: QueueName;
    /// The world's queue.
    type Plain: Queue<Self>;

    /// That queue as an incarnation reaches it.
    fn queue(world: &WorldPorts) -> &Self::Plain;

    /// The message as a defect sees it.
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
