//! Store and queues in an SQLite file, whose clock moves only when a client sleeps.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use futures_lite::future::block_on;
use rehearsal::model::time::nanos_of;
use rehearsal::model::{EventId, Schedule, ScheduleId};
use rehearsal::worker::ports::{Clock, Export};
use rehearsal_port_contract::{Bench, BenchTiming, Capabilities};
use rehearsal_sqlite::{Database, DatabaseOptions, PurgeLimits, SqlitePorts, SqliteStore};
use tempfile::TempDir;
use tokio_rusqlite::rusqlite::Connection;

use super::{ModelBench, Stepped};
use crate::planted::PlantedFault;

/// Clock of the file. It is ahead of the machine's, which the store would follow otherwise.
#[derive(Clone)]
pub struct FileClock(Rc<Connection>);

impl FileClock {
    fn advance(&self, duration: Duration) {
        let nanos = nanos_of(duration).cast_signed();
        let advance = "UPDATE clock SET last_ns = last_ns + ?1";
        assert_eq!(self.0.execute(advance, [nanos]), Ok(1));
    }
}

impl Clock for FileClock {
    fn elapsed(&self) -> Duration {
        let last = "SELECT last_ns FROM clock";
        let last = self.0.query_row(last, [], |row| row.get(0));
        Duration::from_nanos(i64::cast_unsigned(last.expect("a clock")))
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }
}

type FilePorts = SqlitePorts<FileClock>;

/// File with a connection for each client.
pub struct FileBench {
    clock: FileClock,
    path: PathBuf,
    processes: RefCell<Vec<Option<FilePorts>>>,
    /// Removed last, when every connection is closed.
    _directory: TempDir,
}

impl FileBench {
    fn create() -> Self {
        let directory = tempfile::tempdir().expect("a folder for temporary files");
        let path = directory.path().join("model.sqlite");
        let connection = Connection::open(&path).expect("the folder can be written");
        let bench = Self {
            clock: FileClock(Rc::new(connection)),
            path,
            processes: RefCell::new(vec![None; super::CLIENTS]),
            _directory: directory,
        };
        bench.store(0);
        // The clock of a fresh file is at the epoch; 100 years later it is ahead of the machine's.
        bench.clock.advance(Duration::from_hours(24 * 365 * 100));
        bench
    }

    fn store(&self, process: usize) -> SqliteStore {
        self.ports(process).store
    }

    /// Opens a connection.
    fn open(&self) -> FilePorts {
        let options = DatabaseOptions {
            // No test loses power.
            is_durable: false,
            ..DatabaseOptions::default()
        };
        let opened = block_on(Database::open(&self.path, options));
        let database = opened.unwrap_or_else(|error| panic!("{error}"));
        database.ports(self.clock.clone())
    }
}

impl ModelBench for FileBench {
    fn perform<F: Future<Output = Stepped> + 'static>(
        planted: Option<PlantedFault>,
        steps: impl FnOnce(Rc<Self>) -> F,
    ) -> Option<Stepped> {
        let bench = Self::create();
        let trigger = match planted {
            Some(PlantedFault::FenceNotRaised) => {
                "CREATE TRIGGER planted AFTER UPDATE OF delivery ON segments
                 BEGIN UPDATE segments SET delivery = OLD.delivery WHERE rowid = NEW.rowid; END"
            }
            Some(PlantedFault::StopIgnored) => {
                "CREATE TRIGGER planted AFTER UPDATE OF is_stopping ON incarnations
                 BEGIN UPDATE incarnations SET is_stopping = 0; END"
            }
            Some(PlantedFault::KeysLost) => {
                "CREATE TRIGGER planted AFTER INSERT ON recent_key
                 BEGIN DELETE FROM recent_key; END"
            }
            Some(PlantedFault::DelayLost) => {
                "CREATE TRIGGER planted AFTER UPDATE OF ready_ns ON message
                 WHEN NOT NEW.is_leased
                 BEGIN UPDATE message SET ready_ns = 0 WHERE id = NEW.id; END"
            }
            _ => "",
        };
        let planted = bench.clock.0.execute_batch(trigger);
        assert_eq!(planted, Ok(()));
        Some(block_on(steps(Rc::new(bench))))
    }
}

impl Bench for FileBench {
    type Ports = FilePorts;

    fn capabilities(&self) -> Capabilities {
        let queue = self.ports(0).runner_queue;
        Capabilities::all(queue.idempotency_window())
    }

    fn timing(&self) -> BenchTiming {
        BenchTiming {
            lease: Duration::from_secs(60),
            tolerance: Duration::from_millis(1),
        }
    }

    fn ports(&self, process: usize) -> FilePorts {
        let mut processes = self.processes.borrow_mut();
        let ports = processes[process].get_or_insert_with(|| self.open());
        ports.clone()
    }

    async fn create_schedule(&self, schedule: Schedule) {
        let created = self.store(0).define_schedule(schedule).await;
        assert_eq!(created, Ok(true));
    }

    async fn delete_schedule(&self, schedule: &ScheduleId) {
        let deleted = self.store(0).delete_schedule(schedule).await;
        deleted.expect("the file is open");
    }

    async fn publish_export(&self, export: Export) {
        let published = self.store(0).publish_export(export).await;
        assert_eq!(published, Ok(true));
    }

    async fn purge(&self, older_than: Duration) {
        let limits = PurgeLimits {
            documents: older_than,
            tokens: Duration::MAX,
        };
        let purged = self.store(0).purge(limits).await;
        purged.expect("the file is open");
    }

    async fn corrupt_next_message(&self) {}

    async fn published(&self) -> Vec<EventId> {
        Vec::new()
    }

    async fn disconnect(&self, process: usize) {
        self.processes.borrow_mut()[process] = None;
    }

    async fn restart(&self) {
        self.processes.borrow_mut().fill(None);
    }

    async fn reset_queues(&self) {
        let reset = "DELETE FROM message; DELETE FROM recent_key; DELETE FROM delivery_counter";
        assert_eq!(self.clock.0.execute_batch(reset), Ok(()));
    }
}
