//! Real workers as processes of the simulated world.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::hooks::Hooks;
use super::instruments::IncarnationInstruments;
use crate::check::Oracle;
use crate::metrics::exposition::{ExpositionFormat, render};
use crate::metrics::series::TimeSeriesStore;
use crate::metrics::{
    BacklogOptions, CollectContext, Registry, SchedulerWorkerMetrics, WorkerMetricsOptions,
};
use crate::model::observation::{Observation, Observer};
use crate::model::{IncarnationId, ProcessName, Timestamp};
use crate::sim::kernel::Handle;
use crate::sim::world::{
    LocalFuture, OperatorCommand, ProcessFactory, ProcessHandle, Spawner, WorldPorts,
};
use crate::worker::options::WorkerOptions;
use crate::worker::ports::{Clock, Ports};
use crate::worker::{Role, Worker};

/// Starts worker processes, attaches their metrics to the oracle, and records their scrapes.
pub struct WorkerProcessFactory<C: Hooks> {
    hooks: Rc<C>,
    options: WorkerOptions,
    oracle: Rc<RefCell<Oracle>>,
    recording: RefCell<TimeSeriesStore>,
    targets: RefCell<BTreeMap<ProcessName, ScrapeTarget>>,
    handle: Handle,
}

/// Registry and clock of an incarnation, from which the prober scrapes it.
struct ScrapeTarget {
    registry: Registry,
    ports: WorldPorts,
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
            recording: RefCell::new(TimeSeriesStore::new("scheduler-worker")),
            targets: RefCell::default(),
            handle,
        }
    }

    /// Renders the exposition of the first process. Returns `None` if no process ever started.
    pub fn exposition(&self) -> Option<String> {
        let targets = self.targets.borrow();
        let ScrapeTarget { registry, ports } = targets.values().next()?;
        let elapsed = ports.clock().elapsed();
        Some(render(
            ExpositionFormat::Text,
            registry,
            &CollectContext { elapsed },
        ))
    }

    /// Drops the scrape targets. Their ports hold `Rc`s to the world.
    pub fn forget_targets(&self) {
        self.targets.take();
    }

    /// Returns the recorded series and continues with an empty store.
    pub fn take_recording(&self) -> TimeSeriesStore {
        self.recording
            .replace(TimeSeriesStore::new("scheduler-worker"))
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
        let instruments =
            IncarnationInstruments::new(metrics.clone(), registry.clone(), ports.clone());
        let instruments = self.hooks.instruments(incarnation, Box::new(instruments));
        self.oracle
            .borrow_mut()
            .attach_metrics(incarnation, instruments);
        let ports_of_worker = self.hooks.ports(incarnation, ports.clone());
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
        self.targets.borrow_mut().insert(
            incarnation.process.clone(),
            ScrapeTarget { registry, ports },
        );
        Rc::new(RunningWorker(worker))
    }

    fn scrape(&self, process: &ProcessName, incarnation: Option<&IncarnationId>) {
        let at_ms = Timestamp::from_nanos(self.handle.now_ns()).millis();
        let mut recording = self.recording.borrow_mut();
        let instance = recording.instance(process.as_str());
        let targets = self.targets.borrow();
        let result = match targets.get(process).filter(|_| incarnation.is_some()) {
            Some(incarnation) => {
                let elapsed: Duration = incarnation.ports.clock().elapsed();
                recording.scrape(
                    instance,
                    at_ms,
                    &incarnation.registry,
                    &CollectContext { elapsed },
                )
            }
            None => recording.scrape_failed(instance, at_ms),
        };
        debug_assert!(result.is_ok(), "the prober's times rise");
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
