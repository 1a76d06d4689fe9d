//! A small world for tests: an observer that keeps text, and processes without a worker.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::process::LocalFuture;
use super::{
    OperatorCommand, ProcessFactory, ProcessHandle, Spawner, World, WorldOptions, WorldParts,
    WorldPorts,
};
use crate::model::observation::{Observation, Observer};
use crate::model::{IncarnationId, ProcessName, Schedule, Timestamp};
use crate::scenario::{Loader, Scenario};
use crate::sim::fault_plan::{FaultProfile, PlannedScenario};
use crate::sim::fleet::Fleet;
use crate::sim::kernel::{Kernel, KernelOptions, oneshot};
use crate::worker::Role;

/// Schedule that does not fire within an hour, for scenarios without any.
const IDLE: &str = r#"
[[schedule]]
id = "idle"
whenCron = "0 0 29 2 *"
"#;

/// Scenario of two processes, `worker-1` and `worker-2`, with constant round trips of 10 ms.
const SCENARIO: &str = r#"
name = "test"
duration = "1h"
[fleet]
images = 50
components = 20
[scanner]
latency = "100ms"
[deltas]
probability = 0
[latency]
store = "10ms"
queue = "10ms"
notify = "10ms"
impact = "10ms"
[workers]
processes = 2
"#;

/// Observer that keeps all observations as text.
#[derive(Default)]
pub(super) struct TextObserver(pub Vec<(Timestamp, String)>);

impl Observer for TextObserver {
    fn observe(&mut self, at: Timestamp, observation: &Observation<'_>) {
        self.0.push((at, format!("{observation:?}")));
    }
}

/// Factory of processes without a worker, which keeps the ports of every incarnation.
#[derive(Default)]
pub(super) struct IdleFactory {
    incarnations: RefCell<VecDeque<(IncarnationId, WorldPorts, Spawner)>>,
    pub scrapes: RefCell<Vec<(ProcessName, Option<IncarnationId>)>>,
    pub commands: Rc<RefCell<Vec<OperatorCommand>>>,
    /// Time that a graceful stop takes.
    pub stop_takes: Cell<Duration>,
}

struct IdleProcess {
    ports: WorldPorts,
    commands: Rc<RefCell<Vec<OperatorCommand>>>,
    stop_takes: Duration,
}

impl ProcessFactory for IdleFactory {
    fn launch(
        &self,
        incarnation: &IncarnationId,
        _roles: &[Role],
        ports: WorldPorts,
        spawner: Spawner,
    ) -> Rc<dyn ProcessHandle> {
        let process = IdleProcess {
            ports: ports.clone(),
            commands: Rc::clone(&self.commands),
            stop_takes: self.stop_takes.get(),
        };
        self.incarnations
            .borrow_mut()
            .push_back((incarnation.clone(), ports, spawner));
        Rc::new(process)
    }

    fn scrape(&self, process: &ProcessName, incarnation: Option<&IncarnationId>) {
        self.scrapes
            .borrow_mut()
            .push((process.clone(), incarnation.cloned()));
    }
}

impl ProcessHandle for IdleProcess {
    fn stop(&self) {}

    fn stopped(&self) -> LocalFuture<()> {
        use crate::worker::ports::{Clock, Ports};
        let (ports, takes) = (self.ports.clone(), self.stop_takes);
        Box::pin(async move { ports.clock().sleep(takes).await })
    }

    fn command(&self, command: &OperatorCommand) -> LocalFuture<bool> {
        self.commands.borrow_mut().push(command.clone());
        Box::pin(async { true })
    }
}

/// World with its kernel, processes and observer.
pub(super) struct WorldHarness {
    pub kernel: Kernel,
    pub world: Rc<World>,
    pub factory: Rc<IdleFactory>,
    pub seen: Rc<RefCell<TextObserver>>,
    pub scenario: Scenario,
}

impl WorldHarness {
    /// Starts a world with more lines of scenario.
    pub fn new(more: &str) -> Self {
        // A scenario without any schedule is invalid.
        let schedule = if more.contains("[[schedule]]") || more.contains("\"create\"") {
            ""
        } else {
            IDLE
        };
        let text = format!("{SCENARIO}{more}{schedule}");
        let scenario = Loader::default().parse("test.toml", &text, None);
        let scenario = scenario.unwrap_or_else(|problems| panic!("{problems}"));
        let kernel = Kernel::new(KernelOptions {
            seed: scenario.seed,
            start_ns: scenario.start.nanos(),
            ..KernelOptions::default()
        });
        let factory = Rc::new(IdleFactory::default());
        let seen = Rc::new(RefCell::new(TextObserver::default()));
        let parts = WorldParts {
            handle: kernel.handle(),
            fleet: Rc::new(Fleet::draw(&scenario.fleet, scenario.seed).unwrap()),
            impact: Box::new(|_| crate::worker::ports::Impacted::default()),
            factory: factory.clone(),
            observer: seen.clone(),
            options: WorldOptions::default(),
        };
        let world = World::new(&scenario, parts).unwrap();
        let planned = PlannedScenario::draw(&scenario, FaultProfile::None, scenario.seed);
        world.start(&planned).unwrap();
        Self {
            kernel,
            world,
            factory,
            seen,
            scenario,
        }
    }

    /// Returns the ports of the newest incarnation of a process.
    pub fn ports(&self, process: &str) -> WorldPorts {
        let incarnations = self.factory.incarnations.borrow();
        let newest = incarnations
            .iter()
            .rev()
            .find(|(incarnation, ..)| incarnation.process.as_str() == process);
        newest.unwrap().1.clone()
    }

    /// Runs a future in the newest incarnation of a process to its end.
    pub fn run<T: 'static>(
        &mut self,
        process: &str,
        future: impl Future<Output = T> + 'static,
    ) -> T {
        self.begin(process, future)(self).expect("the future is done within the hour")
    }

    /// Starts a future in the newest incarnation of a process. The returned function runs the world
    /// until the future is done, an hour at most, and returns its output.
    pub fn begin<T: 'static, F: Future<Output = T> + 'static>(
        &self,
        process: &str,
        future: F,
    ) -> impl FnOnce(&mut Self) -> Option<T> + use<T, F> {
        let (sender, mut receiver) = oneshot();
        {
            let incarnations = self.factory.incarnations.borrow();
            let newest = incarnations
                .iter()
                .rev()
                .find(|(incarnation, ..)| incarnation.process.as_str() == process);
            newest.unwrap().2.spawn("test", async move {
                let _ = sender.send(future.await);
            });
        }
        move |bench| {
            for _ in 0..36_000 {
                if let Some(value) = receiver.try_take() {
                    return Some(value);
                }
                bench.pass(Duration::from_millis(100));
            }
            receiver.try_take()
        }
    }

    /// Lets time pass.
    pub fn pass(&mut self, duration: Duration) {
        let until = Timestamp::from_nanos(self.kernel.now_ns()).after(duration);
        self.kernel.run_until(until.nanos());
    }

    /// Lets time pass until a time since the start.
    pub fn pass_until(&mut self, since_start: Duration) {
        let until = self.scenario.start.after(since_start);
        self.kernel.run_until(until.nanos());
    }

    /// Number of observations that contain a text.
    pub fn count(&self, text: &str) -> usize {
        let seen = &self.seen.borrow().0;
        seen.iter().filter(|(_, line)| line.contains(text)).count()
    }
}

/// Returns a schedule with default settings.
pub(super) fn schedule(id: &str) -> Schedule {
    let text = format!("{SCENARIO}[[schedule]]\nid = \"{id}\"\n");
    let scenario = Loader::default().parse("test.toml", &text, None);
    let scenario = scenario.unwrap_or_else(|problems| panic!("{problems}"));
    let schedules = crate::sim::fleet::schedules(&scenario, 1);
    Arc::unwrap_or_clone(schedules[0].clone())
}
