//! What the world needs of those who build workers.

use std::future::Future;
use std::pin::Pin;

use crate::model::observation::QueueName;
use crate::model::{IncarnationId, ProcessName, RunId, ScheduleId};
use crate::sim::kernel::{Handle, ProcessId};
use crate::sim::world::WorldPorts;
use crate::worker::Role;

/// A boxed future of one thread.
pub type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// Starts workers and reads their metrics.
pub trait ProcessFactory {
    /// Begins an incarnation: builds a worker over `ports`, and spawns its loops for these roles.
    fn launch(
        &self,
        incarnation: &IncarnationId,
        roles: &[Role],
        ports: WorldPorts,
        spawner: Spawner,
    ) -> std::rc::Rc<dyn ProcessHandle>;

    /// The prober looks at a process: takes a snapshot of the metrics of that incarnation, or notes
    /// that there is nobody to ask. The observation follows.
    fn scrape(&self, process: &ProcessName, incarnation: Option<&IncarnationId>);
}

/// A worker that lives. The world drops it when its incarnation has ended, after its tasks.
pub trait ProcessHandle {
    /// Asks it to stop in good order.
    fn stop(&self);

    /// Ends when it has stopped.
    fn stopped(&self) -> LocalFuture<()>;

    /// Carries out a command of an operator; false if that failed and may be tried again.
    fn command(&self, command: &OperatorCommand) -> LocalFuture<bool>;
}

/// What an operator asks of a worker. Each may be asked again, of another worker, and must not
/// happen twice then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorCommand {
    /// Start a run by hand.
    Run {
        /// Of this schedule.
        schedule: ScheduleId,
        /// Tells the occurrence apart; part of the run's identifier.
        occurrence: String,
    },
    /// Cancel a run.
    Cancel {
        /// Which.
        run: RunId,
    },
    /// Start a terminal run again, as a new manual one.
    Retry {
        /// Which.
        run: RunId,
        /// Tells the occurrence apart; part of the new run's identifier.
        occurrence: String,
    },
    /// Put dead letters back.
    Redrive {
        /// Onto this queue.
        queue: QueueName,
    },
}

impl OperatorCommand {
    /// What it is called.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Run { .. } => "run",
            Self::Cancel { .. } => "cancel",
            Self::Retry { .. } => "retry",
            Self::Redrive { .. } => "redrive",
        }
    }
}

/// Spawns tasks into one incarnation of a process.
#[derive(Clone)]
pub struct Spawner {
    handle: Handle,
    process: ProcessId,
}

impl Spawner {
    pub(super) fn new(handle: Handle, process: ProcessId) -> Self {
        Self { handle, process }
    }

    /// Adds a task; it ends with the incarnation at the latest. The name is that of its role.
    pub fn spawn(&self, name: &'static str, future: impl Future<Output = ()> + 'static) {
        self.handle.spawn(self.process, name, future);
    }
}
