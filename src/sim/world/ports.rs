//! The ports of one incarnation, and those of them that need no state of their own.

use std::rc::Rc;
use std::sync::Arc;

use super::World;
use super::clock::ClockPort;
use super::connection::Connection;
use super::queue::{PlannerQueuePort, QueuePort, RunnerQueuePort};
use super::scanner::ScannerPort;
use super::store::StorePort;
use crate::model::observation::{LearnedAnswer, Observation};
use crate::model::{Event, PortCall};
use crate::worker::ports::{
    EventPublisher, ImpactQuery, ImpactRequest, Impacted, PortResult, Ports, Random,
};

/// All ports of one incarnation of a worker process. Cheap to clone.
#[derive(Clone)]
pub struct WorldPorts {
    clock: ClockPort,
    store: StorePort,
    planner_queue: PlannerQueuePort,
    runner_queue: RunnerQueuePort,
    scanner: ScannerPort,
    impact_index: ImpactPort,
    notify: NotifyPort,
    random: RandomPort,
}

impl WorldPorts {
    pub(super) fn new(connection: &Connection) -> Self {
        Self {
            clock: ClockPort(connection.clone()),
            store: StorePort(connection.clone()),
            planner_queue: QueuePort::new(connection.clone()),
            runner_queue: QueuePort::new(connection.clone()),
            scanner: ScannerPort(connection.clone()),
            impact_index: ImpactPort(connection.clone()),
            notify: NotifyPort(connection.clone()),
            random: RandomPort(connection.clone()),
        }
    }
}

impl Ports for WorldPorts {
    type Clock = ClockPort;
    type Store = StorePort;
    type PlannerQueue = PlannerQueuePort;
    type RunnerQueue = RunnerQueuePort;
    type Scanner = ScannerPort;
    type ImpactIndex = ImpactPort;
    type Notify = NotifyPort;
    type Random = RandomPort;

    fn clock(&self) -> &Self::Clock {
        &self.clock
    }

    fn store(&self) -> &Self::Store {
        &self.store
    }

    fn planner_queue(&self) -> &Self::PlannerQueue {
        &self.planner_queue
    }

    fn runner_queue(&self) -> &Self::RunnerQueue {
        &self.runner_queue
    }

    fn scanner(&self) -> &Self::Scanner {
        &self.scanner
    }

    fn impact_index(&self) -> &Self::ImpactIndex {
        &self.impact_index
    }

    fn notify(&self) -> &Self::Notify {
        &self.notify
    }

    fn random(&self) -> &Self::Random {
        &self.random
    }
}

/// Random port: a stream of the incarnation's own.
#[derive(Clone)]
pub struct RandomPort(Connection);

impl Random for RandomPort {
    fn below(&self, bound: u64) -> u64 {
        self.0.incarnation.random.borrow_mut().below(bound)
    }
}

/// Impact index of the worker, built over the fleet once and shared by all processes.
pub type ImpactFunction = Box<dyn Fn(&ImpactRequest<'_>) -> Impacted>;

/// Impact index port of an incarnation.
#[derive(Clone)]
pub struct ImpactPort(Connection);

impl ImpactQuery for ImpactPort {
    async fn resolve(&self, request: &ImpactRequest<'_>) -> PortResult<Impacted> {
        let resolve = |world: &World| (world.impact)(request);
        self.0.read(PortCall::Resolve, resolve).await
    }
}

/// Notify port of an incarnation.
#[derive(Clone)]
pub struct NotifyPort(Connection);

impl EventPublisher for NotifyPort {
    async fn publish(&self, events: &[Arc<Event>]) -> PortResult<()> {
        let Connection { world, incarnation } = &self.0;
        world.sink.emit(&Observation::NotifyCalled {
            incarnation: &incarnation.id,
            role: world.handle.task_name(),
            events: events.len(),
        });
        let sent = events.to_vec();
        let serve = move |world: &Rc<World>| {
            for event in &sent {
                world.sink.emit(&Observation::EventPublished { event });
            }
            Some(())
        };
        self.0.call(PortCall::Publish, serve).await?;
        world.sink.emit(&Observation::AnswerLearned {
            incarnation: &incarnation.id,
            answer: LearnedAnswer::Published(events),
        });
        Ok(())
    }
}
