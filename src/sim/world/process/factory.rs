//! Interface between the world and the builder of worker processes.

use std::future::Future;
use std::pin::Pin;

use crate::model::observation::QueueName;
use crate::model::{IncarnationId, ProcessName, RunId, ScheduleId};
use crate::sim::kernel::{Handle, ProcessId};
use crate::sim::world::WorldPorts;
use crate::worker::Role;

/// Boxed future that stays on one thread.
pub type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// Factory that starts worker processes and scrapes their metrics.
pub trait ProcessFactory {
    /// Starts an incarnation: builds a worker over `ports` and spawns its loops for these roles.
    fn launch(
        &self,
        incarnation: &IncarnationId,
        roles: &[Role],
        ports: WorldPorts,
        spawner: Spawner,
    ) -> std::rc::Rc<dyn ProcessHandle>;

    /// Scrapes a process: takes a snapshot of the metrics of that incarnation, or records a failed
    /// scrape if there is none. The world emits the observation afterwards.
    fn scrape(&self, process: &ProcessName, incarnation: Option<&IncarnationId>);
}

/// Handle of a running worker. The world drops it after the tasks of its incarnation.
pub trait ProcessHandle {
    /// Asks the worker to stop gracefully.
    fn stop(&self);

    /// Completes when the worker has stopped.
    fn stopped(&self) -> LocalFuture<()>;

    /// Carries out a command of an operator; false if it failed and may be retried.
    fn command(&self, command: &OperatorCommand) -> LocalFuture<bool>;
}

/// Command of an operator. The operator may repeat it at another worker, so workers must be
/// idempotent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorCommand {
    /// Starts a manual run.
    Run {
        /// Schedule of the run.
        schedule: ScheduleId,
        /// Idempotency key; part of the run's identifier.
        occurrence: String,
    },
    /// Cancels a run.
    Cancel {
        /// Run to cancel.
        run: RunId,
    },
    /// Repeats a terminal run as a new manual one.
    Retry {
        /// Terminal run.
        run: RunId,
        /// Idempotency key; part of the new run's identifier.
        occurrence: String,
    },
    /// Redrives the dead letters of a queue.
    Redrive {
        /// Queue of the dead letters.
        queue: QueueName,
    },
}

impl OperatorCommand {
    /// Returns the name of the command in observations.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Run { .. } => "run",
            Self::Cancel { .. } => "cancel",
            Self::Retry { .. } => "retry",
            Self::Redrive { .. } => "redrive",
        }
    }
}

/// Spawner of tasks that belong to one incarnation of a process.
#[derive(Clone)]
pub struct Spawner {
    handle: Handle,
    process: ProcessId,
}

impl Spawner {
    pub(super) fn new(handle: Handle, process: ProcessId) -> Self {
        Self { handle, process }
    }

    /// Spawns a task, named after its role, that ends with the incarnation at the latest.
    pub fn spawn(&self, name: &'static str, future: impl Future<Output = ()> + 'static) {
        self.handle.spawn(self.process, name, future);
    }
}
