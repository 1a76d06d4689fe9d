//! Capacity of the store and of the queues: each is a station that serves calls one by one.
//!
//! ```text
//!   caller ──> connection of its process's pool ──> row locks ──> server ──> effect, answer
//! ```
//!
//! Without the section of a service in the scenario, every call is served at once.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::network::NetworkPort;
use super::row_locks::{RowLock, RowLocks, StoredRow};
use crate::model::PortCall;
use crate::scenario::{Duration, DurationDistribution, QueueSpec, Scenario, StoreSpec};
use crate::sim::distribution::DistributionError;
use crate::sim::kernel::{Handle, RandomStream};
use crate::sim::sampler::Sampler;
use crate::sim::station::{ServerGuard, Station, StationStatistics, WaitTimes};
use rehearsal_convert::Index;

/// Stations of the services that have one.
pub(super) struct ServiceStations {
    store: Option<Rc<ServiceStation>>,
    queue: Option<Rc<ServiceStation>>,
}

/// Connections of one process to each service; none: as many as it has calls.
pub(super) struct ConnectionPools {
    pub store: Option<Station>,
    pub queue: Option<Station>,
}

/// A service with a stated capacity, and the connections of one process to it.
pub(super) type ConnectionPool<'a> = (&'a Rc<ServiceStation>, &'a Station);

impl ServiceStations {
    pub fn new(handle: &Handle, scenario: &Scenario) -> Result<Self, DistributionError> {
        let store = scenario.store.as_ref();
        let store = store.map(|spec| ServiceStation::of_store(handle, spec));
        let queue = scenario.queue.as_ref();
        let queue = queue.map(|spec| ServiceStation::of_queue(handle, spec));
        Ok(Self {
            store: store.transpose()?.map(Rc::new),
            queue: queue.transpose()?.map(Rc::new),
        })
    }

    /// Returns the station of a port's service.
    pub fn of(&self, port: NetworkPort) -> Option<&Rc<ServiceStation>> {
        match port {
            NetworkPort::Store => self.store.as_ref(),
            NetworkPort::PlannerQueue | NetworkPort::RunnerQueue => self.queue.as_ref(),
            _ => None,
        }
    }

    /// Creates the pools of a process that starts.
    pub fn new_pools(&self) -> ConnectionPools {
        let new = |station: &Option<Rc<ServiceStation>>| station.as_ref()?.new_pool();
        ConnectionPools {
            store: new(&self.store),
            queue: new(&self.queue),
        }
    }

    /// Returns the load of each station up to now.
    pub fn loads(&self) -> Vec<StationLoad> {
        let named = [("store", &self.store), ("queue", &self.queue)];
        let stations = named.into_iter();
        stations
            .filter_map(|(name, station)| Some(station.as_ref()?.load(name)))
            .collect()
    }
}

/// Station of one service.
pub(super) struct ServiceStation {
    handle: Handle,
    station: Station,
    /// Service times, by [`class_of`].
    service_times: [Sampler; 3],
    stream: RefCell<RandomStream>,
    rows: Option<Rc<RowLocks>>,
    connections: Option<ConnectionLimit>,
    connection_waits: Cell<WaitTimes>,
}

#[derive(Clone, Copy)]
struct ConnectionLimit {
    per_process: usize,
    /// Time after which a call without a connection fails.
    timeout_ns: Option<u64>,
}

/// Load of a station in a rehearsal.
#[derive(Debug, Clone, PartialEq)]
pub struct StationLoad {
    /// `store` or `queue`.
    pub service: &'static str,
    /// Number of servers.
    pub servers: usize,
    /// Statistics of the servers and their queue.
    pub statistics: StationStatistics,
    /// Waits for row locks, if the service has any.
    pub row_waits: Option<WaitTimes>,
    /// Waits for connections, if their number is limited.
    pub connection_waits: Option<WaitTimes>,
}

/// Returns the index of the service time of a call: of the store's, 0 for reads, 1 for writes and 2
/// for commits; of the queues', 0 for enqueues, 1 for leases and 2 for the others.
fn class_of(call: PortCall) -> usize {
    use PortCall as C;
    match call {
        C::PlannerEnqueue | C::RunnerEnqueue => 0,
        C::PlannerLease
        | C::RunnerLease
        | C::BeginSegment
        | C::IntentsEnqueued
        | C::ForgetEvents
        | C::ReservePermits
        | C::Heartbeat
        | C::Register => 1,
        C::Commit => 2,
        _ => match NetworkPort::of_call(call) {
            NetworkPort::PlannerQueue | NetworkPort::RunnerQueue => 2,
            _ => 0,
        },
    }
}

impl ConnectionLimit {
    fn of(per_process: Option<u32>, timeout: Option<Duration>) -> Option<Self> {
        Some(Self {
            per_process: per_process?.to_index(),
            timeout_ns: timeout.map(Duration::as_nanos),
        })
    }
}

impl ServiceStation {
    fn of_store(handle: &Handle, spec: &StoreSpec) -> Result<Self, DistributionError> {
        let StoreSpec {
            servers,
            read_time,
            write_time,
            commit_time,
            row_locks,
            connections_per_process,
            connection_timeout,
        } = spec;
        let limit = ConnectionLimit::of(*connections_per_process, *connection_timeout);
        let times = [read_time, write_time, commit_time];
        let mut station = Self::new(handle, "station.store", *servers, times, limit)?;
        station.rows = row_locks.then(|| Rc::new(RowLocks::new(handle.clone())));
        Ok(station)
    }

    fn of_queue(handle: &Handle, spec: &QueueSpec) -> Result<Self, DistributionError> {
        let QueueSpec {
            servers,
            enqueue_time,
            lease_time,
            answer_time,
            connections_per_process,
            connection_timeout,
        } = spec;
        let limit = ConnectionLimit::of(*connections_per_process, *connection_timeout);
        let times = [enqueue_time, lease_time, answer_time];
        Self::new(handle, "station.queue", *servers, times, limit)
    }

    fn new(
        handle: &Handle,
        stream: &str,
        servers: u32,
        times: [&DurationDistribution; 3],
        connections: Option<ConnectionLimit>,
    ) -> Result<Self, DistributionError> {
        let [first, second, third] = times.map(Sampler::of_durations);
        Ok(Self {
            handle: handle.clone(),
            station: Station::new(handle.clone(), servers.to_index()),
            service_times: [first?, second?, third?],
            stream: RefCell::new(handle.stream(stream)),
            rows: None,
            connections,
            connection_waits: Cell::default(),
        })
    }

    fn new_pool(&self) -> Option<Station> {
        let limit = self.connections?;
        Some(Station::new(self.handle.clone(), limit.per_process))
    }

    /// Returns the time that a call may wait for a connection, `limit_ns` at most.
    pub fn connection_timeout_ns(&self, limit_ns: u64) -> u64 {
        let stated = self.connections.and_then(|limit| limit.timeout_ns);
        stated.map_or(limit_ns, |stated| stated.min(limit_ns))
    }

    /// Counts the wait of a call for its connection.
    pub fn note_connection(&self, waited_ns: u64) {
        let mut waits = self.connection_waits.get();
        waits.add(waited_ns);
        self.connection_waits.set(waits);
    }

    /// Waits for a server and for the service of a call. The server is free when it is dropped.
    pub async fn serve(&self, call: PortCall) -> ServerGuard {
        let time = &self.service_times[class_of(call)];
        let service_ns = time.draw_whole(&mut self.stream.borrow_mut());
        let server = self.station.enter().await;
        self.handle.sleep_ns(service_ns).await;
        server
    }

    /// Locks the rows of a commit, if the service has row locks.
    pub async fn lock(&self, rows: Vec<StoredRow>) -> Vec<RowLock> {
        match &self.rows {
            Some(locks) => locks.lock(rows).await,
            None => Vec::new(),
        }
    }

    fn load(&self, service: &'static str) -> StationLoad {
        StationLoad {
            service,
            servers: self.station.servers(),
            statistics: self.station.statistics(),
            row_waits: self.rows.as_ref().map(|rows| rows.waits()),
            connection_waits: self.connections.map(|_| self.connection_waits.get()),
        }
    }
}
