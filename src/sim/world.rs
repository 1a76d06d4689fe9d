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
mod lookup;
mod network;
mod notify;
mod operator;
mod options;
mod ports;
mod process;
mod queue;
mod race;
mod scanner;
mod sink;
mod store;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use self::fault::Faults;
pub use self::impact::Resolve;
use self::network::Network;
pub use self::options::WorldOptions;
pub use self::ports::WorldPorts;
use self::process::Processes;
pub use self::process::{Command, Host, Instance, LocalFuture, Spawner};
use self::queue::QueueServer;
use self::scanner::Scanner;
pub use self::sink::ObservationSink;
use self::store::Store;
use crate::model::observation::Observer;
use crate::model::{PlannerMessage, SegmentMessage};
use crate::scenario::Scenario;
use crate::sim::distribution::DistributionError;
use crate::sim::fault_plan::FaultPlan;
use crate::sim::fleet::{self, Fleet};
use crate::sim::kernel::{Handle, Stream};

/// The simulated world.
pub struct World {
    handle: Handle,
    options: WorldOptions,
    sink: Rc<ObservationSink>,
    fleet: Rc<Fleet>,
    network: Network,
    faults: Faults,
    store: RefCell<Store>,
    planner_queue: QueueServer<PlannerMessage>,
    runner_queue: QueueServer<SegmentMessage>,
    scanner: Scanner,
    impact: Resolve,
    processes: Processes,
    /// How long a process may take to stop.
    stop_grace: Duration,
    /// A request that leaves this much later than the instant of its permit is late.
    permit_tolerance: Duration,
    /// Whom an operator asks.
    operator: RefCell<Stream>,
}

/// What a world is built from.
pub struct Parts {
    /// The kernel that drives it.
    pub handle: Handle,
    /// The images.
    pub fleet: Rc<Fleet>,
    /// The worker's impact index over the fleet.
    pub impact: Resolve,
    /// Starts workers.
    pub host: Rc<dyn Host>,
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
    pub fn new(scenario: &Scenario, parts: Parts) -> Result<Rc<Self>, DistributionError> {
        let Parts {
            handle,
            fleet,
            impact,
            host,
            observer,
            options,
        } = parts;
        let window = options.idempotency_window;
        let (scanner, deltas) = (&scenario.scanner, &scenario.deltas);
        Ok(Rc::new(Self {
            sink: ObservationSink::new(handle.clone(), observer),
            network: Network::new(&handle, &scenario.latency)?,
            faults: Faults::new(&handle),
            store: RefCell::new(Store::new(Rc::clone(&fleet))),
            planner_queue: QueueServer::new(window),
            runner_queue: QueueServer::new(window),
            scanner: Scanner::new(&handle, &fleet, scanner, deltas)?,
            impact,
            processes: Processes::new(&handle, scenario.workers.processes.list(), host),
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
    pub fn start(
        self: &Rc<Self>,
        scenario: &Scenario,
        plan: &FaultPlan,
    ) -> Result<(), DistributionError> {
        self.schedule_faults(plan)?;
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
