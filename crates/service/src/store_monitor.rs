//! Watch over the store of a process: its answers, its calls by port, and its errors by class.
//!
//! A call is repeated until it is answered, since most errors pass. Some do not: a full disk, a
//! damaged file, a missing table. The worker can do nothing about them; the monitor says so, in
//! `/readyz`, in a counter and in one line of the log a minute.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::{Duration, SystemTime};

use rehearsal_metrics::{Counter, Family, Labels, RegisterError, Registry};
use rehearsal_sqlite::{Database, DatabaseErrorClass};
use rehearsal_worker::ports::Store;
use tokio::time::{sleep, timeout};

use crate::health::{Health, STORE_TIMEOUT};
use crate::log::LogInterval;

/// Counter of calls, by port.
const CALLS: &str = "scheduler_store_calls_total";
/// Counter of errors, by port and class.
const ERRORS: &str = "scheduler_store_errors_total";
/// Time between two looks at calls and errors.
const INTERVAL: Duration = Duration::from_secs(1);
/// Time after which a permanent error that does not occur again counts as mended.
const MENDED_AFTER: Duration = Duration::from_secs(60);

/// Monitor of one store.
pub struct StoreMonitor<S> {
    store: S,
    database: Database,
    health: Health,
    registry: Registry,
    counters: BTreeMap<(&'static str, Option<DatabaseErrorClass>), (Counter, u64)>,
    lines: LogInterval,
}

impl<S: Store> StoreMonitor<S> {
    /// Creates a monitor. `store` tells `health` of its answers.
    pub fn new(store: S, database: Database, health: Health, registry: Registry) -> Self {
        Self {
            store,
            database,
            health,
            registry,
            counters: BTreeMap::new(),
            lines: LogInterval::default(),
        }
    }

    /// Watches for ever.
    pub async fn run(mut self) {
        loop {
            self.look();
            // A worker with little to do asks the store rarely.
            if self
                .health
                .since_store_answer()
                .is_none_or(|time| time > STORE_TIMEOUT / 2)
            {
                let _ = timeout(INTERVAL, self.store.intents(1)).await;
            }
            sleep(INTERVAL).await;
        }
    }

    /// Looks at calls and errors once.
    fn look(&mut self) {
        if let Err(error) = self.count() {
            tracing::error!(%error, "calls to the store can't be counted");
        }
        let error = self.database.last_permanent_error();
        let error = error.filter(|error| {
            let age = SystemTime::now().duration_since(error.at);
            age.unwrap_or_default() < MENDED_AFTER
        });
        if let Some(error) = &error
            && self.lines.is_due(error.class.as_str())
        {
            let (port, class, cause) = (error.port, error.class.as_str(), &*error.cause);
            tracing::error!(port, class, cause, "the store fails permanently");
        }
        let reason = error.map(|error| format!("{}: {}", error.class, error.cause));
        self.health.set_permanent_error(reason);
    }

    fn count(&mut self) -> Result<(), RegisterError> {
        for (port, count) in self.database.call_counts() {
            self.count_to(port, None, count)?;
        }
        for error in self.database.error_counts() {
            self.count_to(error.port, Some(error.class), error.count)?;
        }
        Ok(())
    }

    /// Raises a counter of calls to `count`; of failed calls, if there is a class.
    fn count_to(
        &mut self,
        port: &'static str,
        class: Option<DatabaseErrorClass>,
        count: u64,
    ) -> Result<(), RegisterError> {
        let (counter, counted) = match self.counters.entry((port, class)) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert((register(&self.registry, port, class)?, 0)),
        };
        counter.add(count - *counted);
        *counted = count;
        Ok(())
    }
}

fn register(
    registry: &Registry,
    port: &'static str,
    class: Option<DatabaseErrorClass>,
) -> Result<Counter, RegisterError> {
    let (name, help) = match class {
        None => (CALLS, "Calls to the store, failed ones included."),
        Some(_) => (ERRORS, "Calls to the store that failed."),
    };
    let class = class.map(|class| ("class".into(), class.as_str().into()));
    let labels = [("port".into(), port.into())].into_iter().chain(class);
    registry.counter(
        &Family::counter(name).help(help),
        Labels::new(name, labels)?,
    )
}
