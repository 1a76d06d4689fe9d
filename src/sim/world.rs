//! The simulated world: an implementation of every port of the worker, and the faults.
//!
//! ```text
//!   process incarnation ── ports ──> network ──> store, queues, scanner, impact index, Notify
//!        ^                       ^                 │
//!   start, crash, pause     cut off, slow      observations ──> observer (the checks), trace hash
//!        └────────── faults ─────┘
//! ```
//!
//! All state is behind one `Rc<World>`, in cells of small scope. No borrow lasts while an observer
//! or a task runs. Services as tasks with channels were rejected: each call would cost two more
//! events, and the order of the services' answers would depend on the order of their tasks.

mod advisory;
mod clock;
mod connection;
mod fault;
mod network;
mod operator;
mod options;
mod ports;
mod process;
mod queue;
mod row_locks;
mod scanner;
mod service_actions;
mod service_station;
mod sink;
mod station_call;
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
use self::network::Network;
pub use self::options::WorldOptions;
pub use self::ports::{ImpactFunction, WorldPorts};
use self::process::SimProcesses;
pub use self::process::{LocalFuture, OperatorCommand, ProcessFactory, ProcessHandle, Spawner};
use self::queue::QueueServer;
pub use self::queue::{MessageArrival, SimQueue};
use self::scanner::SimScanner;
use self::service_station::ServiceStations;
pub use self::service_station::StationLoad;
pub use self::sink::ObservationSink;
pub use self::store::SimStore;
use crate::model::observation::Observer;
use crate::model::time::nanos_of;
use crate::model::{PlannerMessage, SegmentMessage};
use crate::scenario::Scenario;
use crate::sim::distribution::DistributionError;
use crate::sim::fault_plan::PlannedScenario;
use crate::sim::fleet::{self, Fleet};
use crate::sim::kernel::{Handle, RandomStream};

/// The simulated world: services, network, faults and worker processes.
pub struct World {
    handle: Handle,
    options: WorldOptions,
    sink: Rc<ObservationSink>,
    fleet: Rc<Fleet>,
    network: Network,
    stations: ServiceStations,
    faults: FaultEngine,
    store: RefCell<SimStore>,
    planner_queue: QueueServer<PlannerMessage>,
    runner_queue: QueueServer<SegmentMessage>,
    scanner: SimScanner,
    impact: ImpactFunction,
    processes: SimProcesses,
    /// Time that a stopping process has for its work in progress.
    stop_grace: Duration,
    /// Maximum delay of a request after the instant of its permit.
    permit_tolerance: Duration,
    /// Round trip from which on a call may cost its caller a lease.
    slow_call_ns: u64,
    scanner_timeout: Duration,
    /// Choice of the worker that an operator asks.
    operator: RefCell<RandomStream>,
}

/// Parts from which a world is built.
pub struct WorldParts {
    /// The kernel that drives it.
    pub handle: Handle,
    /// Images that the worker scans.
    pub fleet: Rc<Fleet>,
    /// The worker's impact index over the fleet, shared by all processes.
    pub impact: ImpactFunction,
    /// Factory of the worker processes.
    pub factory: Rc<dyn ProcessFactory>,
    /// Receiver of the observations, which must not call back into the world.
    pub observer: Rc<RefCell<dyn Observer>>,
    /// Constants that no scenario sets.
    pub options: WorldOptions,
}

impl World {
    /// Builds a world in which nothing has happened yet.
    ///
    /// # Errors
    /// The parameters of a distribution of the scenario are out of range.
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
            stations: ServiceStations::new(&handle, scenario)?,
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
            slow_call_ns: options
                .client_timeout_ns
                .min(nanos_of(scenario.workers.options.renewal_interval())),
            scanner_timeout: scenario.workers.options.scanner_timeout,
            fleet,
            options,
            handle,
        }))
    }

    /// Starts the world, once: creates the schedules, starts the processes and their probers, and
    /// schedules faults, advisories and operations.
    ///
    /// # Errors
    /// The parameters of a distribution of the scenario or of the plan are out of range.
    pub fn start(self: &Rc<Self>, planned: &PlannedScenario) -> Result<(), DistributionError> {
        let scenario = &planned.scenario;
        self.write_previous_schema(&planned.plan.faults);
        self.schedule_faults(&planned.plan.faults)?;
        self.schedule_arrivals(scenario)?;
        self.schedule_operations(scenario);
        self.create_schedules(fleet::schedules(scenario, scenario.seed));
        self.start_processes();
        self.start_probers(scenario.workers.scrape_interval.as_nanos());
        Ok(())
    }

    /// Returns the load of each service with a stated capacity, up to now.
    pub fn station_loads(&self) -> Vec<StationLoad> {
        self.stations.loads()
    }

    /// Returns the fleet of images.
    pub fn fleet(&self) -> &Rc<Fleet> {
        &self.fleet
    }
}
