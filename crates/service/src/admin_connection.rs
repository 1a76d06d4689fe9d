//! Connection of an operator's commands to the store of a fleet.

use std::io;

use rehearsal_metrics::Registry;
use rehearsal_sqlite::{
    Database, DatabaseOptions, OpenError, SqliteInventory, SqlitePorts, SystemClock,
};
use rehearsal_worker::model::ProcessName;
use rehearsal_worker::ports::{PortError, Store};

use crate::config::ServiceConfig;
use crate::health::Health;
use crate::worker_service::{ServiceError, WorkerService};

/// Name of the process that carries out commands.
const NAME: &str = "admin";

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
    /// Store and queues of the fleet. Commands need no other service.
    pub ports: SqlitePorts<SystemClock>,
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
            ports: database.ports(SystemClock::start()),
            inventory: SqliteInventory::new(database),
            config,
        })
    }

    /// Returns a worker that runs no task, for its commands.
    ///
    /// # Errors
    /// The store does not register it.
    pub async fn worker(&self) -> Result<WorkerService<SqlitePorts<SystemClock>>, AdminError> {
        let process = ProcessName::from(NAME);
        let incarnation = self.ports.store.register(&process).await?;
        let options = self.config.worker.clone();
        let registry = Registry::new();
        Ok(WorkerService::new(
            self.ports.clone(),
            options,
            incarnation,
            &registry,
            Health::default(),
        )?)
    }
}
