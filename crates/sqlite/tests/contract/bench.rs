//! One SQLite file as a bench, with a connection for each client process.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rehearsal_port_contract::{Bench, BenchTiming, Capabilities, PROCESSES};
use rehearsal_sqlite::{
    Database, DatabaseOptions, PurgeLimits, SqlitePorts, SqliteStore, SystemClock,
};
use rehearsal_worker::model::{EventId, Schedule, ScheduleId};
use rehearsal_worker::ports::{Export, PortSet};
use tempfile::TempDir;
use tokio_rusqlite::rusqlite::Connection;

use crate::planted::PlantedFault;

/// Ports of a client process.
type ClientPorts = SqlitePorts<SystemClock>;

/// File with the connections of its clients, and the fault that is planted in it.
pub struct SqliteBench {
    /// Factor of all durations.
    pace: u32,
    clock: SystemClock,
    processes: RefCell<BTreeMap<usize, ClientPorts>>,
    planted: Option<&'static PlantedFault>,
    path: PathBuf,
    /// Removed last, when every connection is closed.
    _directory: TempDir,
}

impl SqliteBench {
    /// Creates a file. With a higher `pace` all durations are longer.
    pub fn create(pace: u32, planted: Option<&'static PlantedFault>) -> Self {
        let directory = tempfile::tempdir().expect("a folder for temporary files");
        let path = directory.path().join("contract.sqlite");
        let bench = Self {
            pace,
            clock: SystemClock::start(),
            processes: RefCell::default(),
            planted,
            path,
            _directory: directory,
        };
        bench.ports(0);
        if let Some(planted) = planted {
            bench.execute(planted.setup);
        }
        bench
    }

    /// Executes statements as an operator would, over a connection of their own.
    fn execute(&self, statements: &str) {
        let connection = Connection::open(&self.path).expect("the file exists");
        let waits = connection.busy_timeout(Duration::from_secs(5));
        let executed = waits.and_then(|()| connection.execute_batch(statements));
        executed.unwrap_or_else(|error| panic!("{error}: {statements}"));
    }

    /// Opens a connection.
    fn open(&self, path: &Path) -> ClientPorts {
        let options = DatabaseOptions {
            // No test loses power.
            is_durable: false,
            ..DatabaseOptions::default()
        };
        let opened = futures_lite::future::block_on(Database::open(path, options));
        let database = opened.unwrap_or_else(|error| panic!("{error}"));
        let window = self.idempotency_window();
        let ports = database.ports(self.clock);
        PortSet {
            planner_queue: ports.planner_queue.with_idempotency_window(window),
            runner_queue: ports.runner_queue.with_idempotency_window(window),
            ..ports
        }
    }

    /// Returns the store as an operator's command opens it.
    fn store(&self) -> SqliteStore {
        self.ports(PROCESSES).store
    }

    const fn idempotency_window(&self) -> Duration {
        Duration::from_millis(1500 * self.pace as u64)
    }
}

impl Bench for SqliteBench {
    type Ports = ClientPorts;

    fn capabilities(&self) -> Capabilities {
        Capabilities::all(self.idempotency_window())
    }

    fn timing(&self) -> BenchTiming {
        BenchTiming {
            lease: Duration::from_millis(500) * self.pace,
            tolerance: Duration::from_millis(150) * self.pace,
        }
    }

    fn ports(&self, process: usize) -> ClientPorts {
        let mut processes = self.processes.borrow_mut();
        let ports = processes
            .entry(process)
            .or_insert_with(|| self.open(&self.path));
        ports.clone()
    }

    async fn create_schedule(&self, schedule: Schedule) {
        let created = self.store().define_schedule(schedule).await;
        assert!(created.expect("the file is open"));
    }

    async fn delete_schedule(&self, schedule: &ScheduleId) {
        let deleted = self.store().delete_schedule(schedule).await;
        deleted.expect("the file is open");
    }

    async fn publish_export(&self, export: Export) {
        let published = self.store().publish_export(export).await;
        published.expect("the file is open");
    }

    async fn purge(&self, older_than: Duration) {
        let limits = PurgeLimits {
            documents: older_than,
            // Clients send no heartbeats, and repeat commits after a purge.
            tokens: Duration::MAX,
        };
        let purged = self.store().purge(limits).await;
        purged.expect("the file is open");
    }

    async fn corrupt_next_message(&self) {
        self.execute(
            "CREATE TRIGGER corrupt_next AFTER INSERT ON message WHEN NEW.queue = 'runner'
                 AND NOT EXISTS (SELECT 1 FROM message WHERE body = '{' AND queue = 'runner')
             BEGIN UPDATE message SET body = '{' WHERE id = NEW.id; END",
        );
    }

    async fn published(&self) -> Vec<EventId> {
        panic!("no Notify")
    }

    async fn disconnect(&self, process: usize) {
        self.processes.borrow_mut().remove(&process);
    }

    async fn restart(&self) {
        self.processes.borrow_mut().clear();
        if let Some(planted) = self.planted {
            self.execute(planted.at_restart);
        }
    }

    async fn reset_queues(&self) {
        self.execute("DELETE FROM message; DELETE FROM recent_key; DELETE FROM delivery_counter");
    }
}
