//! The simulated world: an adapter for every port of the worker, and all that can go wrong.
//!
//! ```text
//!   process incarnation ── ports ──> network ──> store, queues, scanner, impact index, Notify
//!        ^                       ^                 │
//!   start, crash, pause     cut off, slow      observations ──> observer (the checks), trace hash
//!        └────────── faults ─────┘
//! ```
//!
//! All state stands behind one `Rc<World>`, in cells of small scope; no borrow lasts while an
//! observer or a task runs.

mod advisory;
mod clock;
mod connection;
mod fault;
mod impact;
mod network;
mod notify;
mod operator;
mod options;
mod ports;
mod process;
mod queue;
mod scanner;
mod sink;
mod store;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod timeout;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use self::fault::FaultEngine;
pub use self::impact::Resolve;
use self::network::Network;
pub use self::options::WorldOptions;
pub use self::ports::WorldPorts;
use self::process::SimProcesses;
pub use self::process::{LocalFuture, OperatorCommand, ProcessFactory, ProcessHandle, Spawner};
use self::queue::QueueServer;
use self::scanner::SimScanner;
pub use self::sink::ObservationSink;
use self::store::SimStore;
use crate::model::observation::Observer;
use crate::model::{PlannerMessage, SegmentMessage};
use crate::scenario::Scenario;
use crate::sim::distribution::DistributionError;
use crate::sim::fault_plan::PlannedScenario;
use crate::sim::fleet::{self, Fleet};
use crate::sim::kernel::{Handle, RandomStream};

/// The simulated world.
pub struct World {
    handle: Handle,
    options: WorldOptions,
    sink: Rc<ObservationSink>,
    fleet: Rc<Fleet>,
    network: Network,
    faults: FaultEngine,
    store: RefCell<SimStore>,
    planner_queue: QueueServer<PlannerMessage>,
    runner_queue: QueueServer<SegmentMessage>,
    scanner: SimScanner,
    impact: Resolve,
    processes: SimProcesses,
    /// How long a process may take to stop.
    stop_grace: Duration,
    /// A request that leaves this much later than the instant of its permit is late.
    permit_tolerance: Duration,
    /// Whom an operator asks.
    operator: RefCell<RandomStream>,
}

/// What a world is built from.
pub struct WorldParts {
    /// The kernel that drives it.
    pub handle: Handle,
    /// The images.
    pub fleet: Rc<Fleet>,
    /// The worker's impact index over the fleet.
    pub impact: Resolve,
    /// Starts workers.
    pub factory: Rc<dyn ProcessFactory>,
    /// Takes the observations. It must not call back into the world.
    pub observer: Rc<RefCell<dyn Observer>>,
    /// Constants that no scenario speaks of.
    pub options: WorldOptions,
}

impl World {
    /// A world in which nothing has happened yet.
    ///
    /// # Errors
    /// A distribution of the scenario can't be.
    pub fn new(scenario: &Scenario, parts: WorldParts) -> Result<Rc<Self>, DistributionError> {
        let WorldParts {
            handle,
            fleet,
            impact,
            factory,
            observer,
            options,
        } = parts;
        let window = options.idempotency_window;
        let (scanner, deltas) = (&scenario.scanner, &scenario.deltas);
        Ok(Rc::new(Self {
            sink: ObservationSink::new(handle.clone(), observer),
            network: Network::new(&handle, &scenario.latency)?,
            faults: FaultEngine::new(&handle),
            store: RefCell::new(SimStore::new(Rc::clone(&fleet))),
            planner_queue: QueueServer::new(window),
            runner_queue: QueueServer::new(window),
            scanner: SimScanner::new(&handle, &fleet, scanner, deltas)?,
            impact,
            processes: SimProcesses::new(&handle, scenario.workers.processes.list(), factory),
            operator: RefCell::new(handle.stream("operator")),
            stop_grace: scenario.workers.options.stop_grace,
            permit_tolerance: scenario.workers.options.permit_tolerance,
            fleet,
            options,
            handle,
        }))
    }

    /// Begins, once: schedules exist, processes start and are scraped, and what the scenario and
    /// the plan say will happen when it is due.
    ///
    /// # Errors
    /// A distribution of the scenario or of the plan can't be.
    pub fn start(self: &Rc<Self>, planned: &PlannedScenario) -> Result<(), DistributionError> {
        let scenario = &planned.scenario;
        self.schedule_faults(&planned.plan.faults)?;
        self.schedule_arrivals(scenario)?;
        self.schedule_operations(scenario);
        self.create_schedules(fleet::schedules(scenario, scenario.seed));
        self.start_processes();
        self.start_probers(scenario.workers.scrape_interval.as_nanos());
        Ok(())
    }

    /// The images.
    pub fn fleet(&self) -> &Rc<Fleet> {
        &self.fleet
    }
}
