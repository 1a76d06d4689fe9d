//! Real workers as processes of the simulated world.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::hooks::Hooks;
use super::instruments::{ExposedInstruments, RecordedInstruments, RecordedProcess};
use crate::check::{InstrumentReaders, Oracle};
use crate::metrics::series::TimeSeriesStore;
use crate::metrics::{BacklogOptions, Registry, SchedulerWorkerMetrics, WorkerMetricsOptions};
use crate::model::observation::{Observation, Observer};
use crate::model::{IncarnationId, ProcessName, Timestamp};
use crate::sim::kernel::Handle;
use crate::sim::world::{
    LocalFuture, OperatorCommand, ProcessFactory, ProcessHandle, Spawner, WorldPorts,
};
use crate::worker::options::WorkerOptions;
use crate::worker::ports::Ports;
use crate::worker::{Role, Worker};

/// Label `job` of every recorded series.
const JOB: &str = "scheduler-worker";

/// Starts worker processes, attaches their metrics to the oracle, and records their scrapes.
pub struct WorkerProcessFactory<C: Hooks> {
    hooks: Rc<C>,
    options: WorkerOptions,
    oracle: Rc<RefCell<Oracle>>,
    recording: Rc<RefCell<TimeSeriesStore>>,
    targets: RefCell<BTreeMap<ProcessName, Rc<RecordedProcess>>>,
    handle: Handle,
}

impl<C: Hooks> WorkerProcessFactory<C> {
    /// Creates a factory whose workers all have these options.
    pub fn new(
        hooks: Rc<C>,
        options: WorkerOptions,
        oracle: Rc<RefCell<Oracle>>,
        handle: Handle,
    ) -> Self {
        Self {
            hooks,
            options,
            oracle,
            recording: Rc::new(RefCell::new(TimeSeriesStore::new(JOB))),
            targets: RefCell::default(),
            handle,
        }
    }

    /// Renders the exposition of the first process. Returns `None` if no process ever started.
    pub fn exposition(&self) -> Option<String> {
        let targets = self.targets.borrow();
        Some(targets.values().next()?.render())
    }

    /// Drops the scraped incarnations. Their ports hold `Rc`s to the world.
    pub fn forget_targets(&self) {
        for process in self.targets.take().values() {
            process.forget_target();
        }
    }

    /// Returns the recorded series and continues with an empty store.
    pub fn take_recording(&self) -> TimeSeriesStore {
        self.recording.replace(TimeSeriesStore::new(JOB))
    }

    /// Finds or adds a process in the recording.
    fn recorded(&self, process: &ProcessName) -> Rc<RecordedProcess> {
        let mut targets = self.targets.borrow_mut();
        let recorded = targets
            .entry(process.clone())
            .or_insert_with(|| Rc::new(RecordedProcess::new(self.recording.clone(), process)));
        recorded.clone()
    }

    /// Instruments of an incarnation for the checks, through the hooks.
    fn instruments(
        &self,
        incarnation: &IncarnationId,
        registry: &Registry,
        ports: &WorldPorts,
    ) -> InstrumentReaders {
        let process = self.recorded(&incarnation.process);
        process.launch(registry.clone(), ports.clone());
        let exposed = ExposedInstruments::new(registry.clone(), ports.clone());
        let recorded = RecordedInstruments::new(process.clone(), &exposed);
        let hooks = &self.hooks;
        InstrumentReaders {
            exposed: hooks.instruments(incarnation, Box::new(exposed)),
            recorded: hooks.instruments(incarnation, Box::new(recorded)),
            scrape: process,
        }
    }
}

impl<C: Hooks> ProcessFactory for WorkerProcessFactory<C> {
    fn launch(
        &self,
        incarnation: &IncarnationId,
        roles: &[Role],
        ports: WorldPorts,
        spawner: Spawner,
    ) -> Rc<dyn ProcessHandle> {
        let registry = self.hooks.registry(incarnation);
        let backlog = BacklogOptions {
            fresh_for: self.options.backlog_refresh,
            ..BacklogOptions::default()
        };
        let metrics = SchedulerWorkerMetrics::with_options(
            &registry,
            WorkerMetricsOptions {
                backlog,
                ..WorkerMetricsOptions::default()
            },
        );
        let metrics = Arc::new(metrics.expect("an empty registry takes every instrument"));
        let instruments = self.instruments(incarnation, &registry, &ports);
        self.oracle
            .borrow_mut()
            .attach_metrics(incarnation, instruments);
        let ports_of_worker = self.hooks.ports(incarnation, ports);
        let worker = Worker::new(
            ports_of_worker,
            self.options.clone(),
            incarnation.clone(),
            self.hooks.writes(incarnation, metrics),
        );
        let worker = Arc::new(worker.expect("the scenario's options were validated"));
        for task in worker.tasks(roles) {
            spawner.spawn(task.name(), worker.clone().run(task));
        }
        Rc::new(RunningWorker(worker))
    }

    fn scrape(&self, process: &ProcessName, incarnation: Option<&IncarnationId>) {
        let at_ms = Timestamp::from_nanos(self.handle.now_ns()).millis();
        self.recorded(process).scrape(at_ms, incarnation.is_some());
    }
}

/// Worker of one incarnation, as the world controls it.
struct RunningWorker<P: Ports>(Arc<Worker<P>>);

impl<P: Ports> ProcessHandle for RunningWorker<P> {
    fn stop(&self) {
        self.0.request_stop();
    }

    fn stopped(&self) -> LocalFuture<()> {
        let worker = self.0.clone();
        Box::pin(async move { worker.drain().await })
    }

    fn command(&self, command: &OperatorCommand) -> LocalFuture<bool> {
        let (worker, command) = (self.0.clone(), command.clone());
        Box::pin(async move {
            let commands = worker.commands();
            match &command {
                OperatorCommand::Run {
                    schedule,
                    occurrence,
                } => commands.start(schedule, occurrence).await,
                OperatorCommand::Cancel { run } => commands.cancel(run).await,
                OperatorCommand::Retry { run, occurrence } => commands.retry(run, occurrence).await,
                OperatorCommand::Redrive { queue } => commands.redrive(*queue).await,
            }
        })
    }
}

/// Observer that passes the observations of the world through the hooks to the oracle.
pub struct ObserverAdapter<C: Hooks> {
    hooks: Rc<C>,
    oracle: Rc<RefCell<Oracle>>,
}

impl<C: Hooks> ObserverAdapter<C> {
    /// Creates an adapter between hooks and oracle.
    pub fn new(hooks: Rc<C>, oracle: Rc<RefCell<Oracle>>) -> Self {
        Self { hooks, oracle }
    }
}

impl<C: Hooks> Observer for ObserverAdapter<C> {
    fn observe(&mut self, at: Timestamp, observation: &Observation<'_>) {
        self.hooks
            .observe(at, observation, &mut *self.oracle.borrow_mut());
    }
}
