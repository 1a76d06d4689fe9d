//! Simulated services as a bench: the world of the simulator with clients in place of workers.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rehearsal::model::observation::{Observation, Observer, QueueName};
use rehearsal::model::{EventId, IncarnationId, ProcessName, Schedule, ScheduleId, Timestamp};
use rehearsal::scenario::Loader;
use rehearsal::sim::fault_plan::{FaultProfile, PlannedScenario};
use rehearsal::sim::fleet::Fleet;
use rehearsal::sim::kernel::{Kernel, KernelOptions, ProcessId, oneshot};
use rehearsal::sim::world::{
    LocalFuture, OperatorCommand, ProcessFactory, ProcessHandle, Spawner, World, WorldOptions,
    WorldParts, WorldPorts,
};
use rehearsal::worker::Role;
use rehearsal::worker::ports::{Clock, Export, Impacted, PortSet, Ports, Unavailable};
use rehearsal_port_contract::{Bench, BenchTiming, Capabilities};

use crate::planted::{Memory, PlantedFault};
use crate::planted_notify::PlantedNotify;
use crate::planted_queue::PlantedQueue;
use crate::planted_store::PlantedStore;

/// Round trips differ, so that calls at once arrive in various orders.
const SCENARIO: &str = r#"
name = "contract"
duration = "1h"
[fleet]
images = 10
components = 5
[latency]
store = { kind = "uniform", min = "1ms", max = "10ms" }
queue = { kind = "uniform", min = "1ms", max = "10ms" }
notify = "10ms"
impact = "10ms"
[workers]
processes = 16
scrapeInterval = "10m"
# It does not fire within an hour; a scenario without schedules is invalid.
[[schedule]]
id = "idle-schedule"
whenCron = "0 0 29 2 *"
"#;

/// Longest round trip of the scenario.
const ROUND_TRIP: Duration = Duration::from_millis(10);

/// Virtual time after which a property that has not ended never ends.
const LIMIT: Duration = Duration::from_hours(12);

/// Clients of the newest incarnations, in the order of their starts.
#[derive(Default)]
struct ClientFactory(RefCell<Vec<(IncarnationId, WorldPorts)>>);

struct IdleClient;

/// Subscriber of Notify.
#[derive(Default)]
struct Subscriber(Vec<EventId>);

impl Observer for Subscriber {
    fn observe(&mut self, _: Timestamp, observation: &Observation<'_>) {
        if let Observation::EventPublished { event } = observation {
            self.0.push(event.event_id);
        }
    }
}

impl ProcessHandle for IdleClient {
    fn stop(&self) {}

    fn stopped(&self) -> LocalFuture<()> {
        Box::pin(async {})
    }

    fn command(&self, _: &OperatorCommand) -> LocalFuture<bool> {
        Box::pin(async { true })
    }
}

impl ProcessFactory for ClientFactory {
    fn launch(
        &self,
        incarnation: &IncarnationId,
        _: &[Role],
        ports: WorldPorts,
        _: Spawner,
    ) -> Rc<dyn ProcessHandle> {
        self.0.borrow_mut().push((incarnation.clone(), ports));
        Rc::new(IdleClient)
    }

    fn scrape(&self, _: &ProcessName, _: Option<&IncarnationId>) {}
}

/// Ports of a client, through which a planted fault shows.
pub type SimulatedPorts = PortSet<
    <WorldPorts as Ports>::Clock,
    <WorldPorts as Ports>::Random,
    PlantedStore,
    <WorldPorts as Ports>::PlannerQueue,
    PlantedQueue,
    Unavailable,
    Unavailable,
    PlantedNotify,
>;

/// World of the simulator, and the fault that is planted in its adapters.
pub struct SimulatedBench {
    world: Rc<World>,
    factory: Rc<ClientFactory>,
    subscriber: Rc<RefCell<Subscriber>>,
    planted: Option<PlantedFault>,
    memory: Rc<Memory>,
    capabilities: Capabilities,
}

impl Bench for SimulatedBench {
    type Ports = SimulatedPorts;

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn timing(&self) -> BenchTiming {
        BenchTiming {
            lease: Duration::from_secs(60),
            tolerance: ROUND_TRIP,
        }
    }

    fn ports(&self, process: usize) -> SimulatedPorts {
        let name = format!("worker-{}", process + 1);
        let incarnations = self.factory.0.borrow();
        let newest = incarnations
            .iter()
            .rfind(|(incarnation, _)| incarnation.process.as_str() == name);
        let (_, ports) = newest.expect("a process of the scenario");
        let (planted, memory) = (self.planted, Rc::clone(&self.memory));
        PortSet {
            clock: ports.clock().clone(),
            random: ports.random().clone(),
            store: PlantedStore::new(ports.store().clone(), planted, Rc::clone(&memory)),
            planner_queue: ports.planner_queue().clone(),
            runner_queue: PlantedQueue::new(ports.runner_queue().clone(), planted, memory),
            scanner: Unavailable,
            impact_index: Unavailable,
            notify: PlantedNotify {
                notify: ports.notify().clone(),
                planted,
            },
        }
    }

    async fn create_schedule(&self, schedule: Schedule) {
        self.world.create_schedule(Arc::new(schedule));
    }

    async fn delete_schedule(&self, schedule: &ScheduleId) {
        self.world.delete_schedule(schedule);
    }

    async fn publish_export(&self, export: Export) {
        self.world.publish_export(export);
    }

    async fn purge(&self, older_than: Duration) {
        match self.planted {
            Some(PlantedFault::PurgeIgnored) => {}
            Some(PlantedFault::PurgeTooEarly) => self.world.purge_ended(Duration::ZERO),
            _ => self.world.purge_ended(older_than),
        }
    }

    async fn corrupt_next_message(&self) {
        self.world.corrupt_messages(QueueName::Runner, 1);
    }

    async fn published(&self) -> Vec<EventId> {
        self.subscriber.borrow().0.clone()
    }

    async fn disconnect(&self, process: usize) {
        self.world.set_connected(process, false);
        self.ports(process).clock.sleep(ROUND_TRIP).await;
        self.world.set_connected(process, true);
    }

    async fn restart(&self) {
        self.memory.restart();
        self.world.restart_processes();
    }

    async fn reset_queues(&self) {
        for queue in [QueueName::Planner, QueueName::Runner] {
            self.world.reset_queue(queue);
        }
    }
}

/// A simulated world with its kernel.
pub struct Simulation {
    kernel: Kernel,
    bench: Rc<SimulatedBench>,
}

impl Simulation {
    /// Starts a world with a fault in its adapters.
    pub fn start(seed: u64, planted: Option<PlantedFault>) -> Self {
        let options = WorldOptions::default();
        let capabilities = Capabilities::all(options.idempotency_window);
        Self::with(seed, planted, capabilities)
    }

    /// Starts a world whose adapters declare these capabilities.
    pub fn with(seed: u64, planted: Option<PlantedFault>, capabilities: Capabilities) -> Self {
        let scenario = Loader::default().parse("contract.toml", SCENARIO, None);
        let scenario = scenario.unwrap_or_else(|problems| panic!("{problems}"));
        let kernel = Kernel::new(KernelOptions {
            seed,
            start_ns: scenario.start.nanos(),
            ..KernelOptions::default()
        });
        let factory = Rc::new(ClientFactory::default());
        let subscriber = Rc::new(RefCell::new(Subscriber::default()));
        let parts = WorldParts {
            handle: kernel.handle(),
            fleet: Rc::new(Fleet::draw(&scenario.fleet, seed).expect("a small fleet")),
            impact: Box::new(|_| Impacted::default()),
            factory: factory.clone(),
            observer: subscriber.clone(),
            options: WorldOptions::default(),
        };
        let world = World::new(&scenario, parts).expect("valid distributions");
        let planned = PlannedScenario::draw(&scenario, FaultProfile::None, seed);
        world.start(&planned).expect("valid distributions");
        let bench = Rc::new(SimulatedBench {
            world,
            factory,
            subscriber,
            planted,
            memory: Rc::default(),
            capabilities,
        });
        Self { kernel, bench }
    }

    pub fn bench(&self) -> Rc<SimulatedBench> {
        Rc::clone(&self.bench)
    }

    /// Runs a future to its end; `None` if it never ends.
    pub fn run<T: 'static>(&mut self, future: impl Future<Output = T> + 'static) -> Option<T> {
        let (sender, mut receiver) = oneshot();
        let handle = self.kernel.handle();
        let stop = handle.clone();
        handle.spawn(ProcessId::WORLD, "property", async move {
            let _ = sender.send(future.await);
            stop.stop();
        });
        let limit_ns = u64::try_from(LIMIT.as_nanos()).expect("12 hours");
        self.kernel.run_until(self.kernel.now_ns() + limit_ns);
        receiver.try_take()
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        self.bench.world.forget_incarnations();
        self.bench.factory.0.borrow_mut().clear();
    }
}
