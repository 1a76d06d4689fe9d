//! Connection of an operator's commands to the store of a fleet.

use std::io;

use rehearsal_metrics::Registry;
use rehearsal_sqlite::{
    Database, DatabaseOptions, OpenError, SqliteInventory, SqliteQueue, SqliteStore, SystemClock,
    SystemRandom,
};
use rehearsal_worker::model::{PlannerMessage, ProcessName, SegmentMessage};
use rehearsal_worker::ports::{PortError, PortSet, Store, Unavailable};

use crate::config::ServiceConfig;
use crate::health::Health;
use crate::worker_service::{ServiceError, WorkerService};

/// Name of the process that carries out commands.
const NAME: &str = "admin";

/// Ports of the process that carries out commands. It needs no Scanner, inventory or Notify.
pub type AdminPorts = PortSet<
    SystemClock,
    SystemRandom,
    SqliteStore,
    SqliteQueue<PlannerMessage>,
    SqliteQueue<SegmentMessage>,
    Unavailable,
    Unavailable,
    Unavailable,
>;

/// Reason why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The store can't be opened.
    #[error("store.file: {0}")]
    Open(#[from] OpenError),
    /// There is no store: opening one would hide a wrong path.
    #[error("store.file: {0}: there is no such file; start a worker, or apply a schedule first")]
    Missing(String),
    /// The store did not answer.
    #[error("the store did not answer; repeat the command")]
    Unanswered,
    /// The commands can't be set up.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The runtime can't be created.
    #[error(transparent)]
    Runtime(#[from] io::Error),
}

impl From<PortError> for AdminError {
    fn from(_: PortError) -> Self {
        Self::Unanswered
    }
}

/// Connection to store and queues.
pub struct AdminConnection {
    config: ServiceConfig,
    /// Store of the fleet.
    pub store: SqliteStore,
    /// Queue of planned runs.
    pub planner_queue: SqliteQueue<PlannerMessage>,
    /// Queue of segments.
    pub runner_queue: SqliteQueue<SegmentMessage>,
    /// Images in the store.
    pub inventory: SqliteInventory,
}

impl AdminConnection {
    /// Opens the configured store, which must exist unless it `may_create` it.
    ///
    /// # Errors
    /// The store does not exist, or can't be opened.
    pub async fn open(config: ServiceConfig, may_create: bool) -> Result<Self, AdminError> {
        let file = &config.store.file;
        if !may_create && !file.exists() {
            return Err(AdminError::Missing(file.display().to_string()));
        }
        let options = DatabaseOptions {
            is_durable: config.store.durable,
            ..DatabaseOptions::default()
        };
        let database = Database::open(file, options).await?;
        Ok(Self {
            store: SqliteStore::new(database.clone()),
            planner_queue: SqliteQueue::new(database.clone()),
            runner_queue: SqliteQueue::new(database.clone()),
            inventory: SqliteInventory::new(database),
            config,
        })
    }

    /// Returns a worker that runs no task, for its commands.
    ///
    /// # Errors
    /// The store does not register it.
    pub async fn worker(&self) -> Result<WorkerService<AdminPorts>, AdminError> {
        let incarnation = self.store.register(&ProcessName::from(NAME)).await?;
        let ports = PortSet {
            clock: SystemClock::start(),
            random: SystemRandom::default(),
            store: self.store.clone(),
            planner_queue: self.planner_queue.clone(),
            runner_queue: self.runner_queue.clone(),
            scanner: Unavailable,
            impact_index: Unavailable,
            notify: Unavailable,
        };
        let options = self.config.worker.clone();
        let registry = Registry::new();
        Ok(WorkerService::new(
            ports,
            options,
            incarnation,
            &registry,
            Health::default(),
        )?)
    }
}
