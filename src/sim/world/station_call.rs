//! Calls to a service with a stated capacity: they wait for a connection, for row locks and for a
//! server. See [`super::service_station`].

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;

use super::World;
use super::connection::{Connection, OpenCall};
use super::network::NetworkPort;
use super::row_locks::StoredRow;
use super::service_station::{ConnectionPool, ServiceStation};
use super::timeout::timeout;
use crate::model::observation::Observation;
use crate::model::{PortCall, Timestamp};
use crate::sim::kernel::{ProcessId, Sender, oneshot};
use crate::sim::station::ServerGuard;
use crate::worker::ports::{PortError, PortResult};

impl Connection {
    /// Returns the process's pool of connections for a call, if it has one. A process waits for
    /// messages over connections of their own.
    pub fn pool_of(&self, call: PortCall) -> Option<ConnectionPool<'_>> {
        let port = NetworkPort::of_call(call);
        let station = self.world.stations.of(port)?;
        let pool = match port {
            NetworkPort::Store => self.incarnation.pools.store.as_ref(),
            _ if matches!(call, PortCall::PlannerLease | PortCall::RunnerLease) => None,
            _ => self.incarnation.pools.queue.as_ref(),
        };
        Some((station, pool?))
    }

    /// Takes a connection of a pool. A call that waits for too long was not sent.
    pub async fn take_pooled(
        &self,
        call: PortCall,
        (station, pool): ConnectionPool<'_>,
    ) -> PortResult<ServerGuard> {
        let handle = &self.world.handle;
        let since_ns = handle.now_ns();
        let timeout_ns = station.connection_timeout_ns(self.world.options.client_timeout_ns);
        let pooled = timeout(pool.enter(), handle.sleep_ns(timeout_ns)).await;
        station.note_connection(handle.now_ns() - since_ns);
        pooled.ok_or_else(|| self.failed(call, PortError::Unavailable))
    }

    /// Waits until the service has served a call that has no other effect there.
    pub async fn be_served(&self, station: &ServiceStation, open: &OpenCall) -> PortResult<()> {
        let served = self.await_answer(open, station.serve(open.call)).await;
        let served = served.map(drop);
        served.ok_or_else(|| self.failed(open.call, PortError::Unavailable))
    }

    /// Waits for an answer until the caller gives up. Reports a call that is under way for long.
    pub async fn await_answer<T>(
        &self,
        open: &OpenCall,
        answer: impl Future<Output = T>,
    ) -> Option<T> {
        let world = &self.world;
        let mut answer = pin!(answer);
        let slow_ns = open.begun_ns.saturating_add(world.slow_call_ns);
        let is_slow = world.handle.sleep_until_ns(slow_ns);
        if let Some(answer) = timeout(answer.as_mut(), is_slow).await {
            return Some(answer);
        }
        let give_up_ns = open
            .begun_ns
            .saturating_add(world.options.client_timeout_ns);
        self.note_slow(open.call, Timestamp::from_nanos(give_up_ns));
        timeout(answer, world.handle.sleep_until_ns(give_up_ns)).await
    }

    /// Reports a call that is under way until then and may cost its caller a lease.
    fn note_slow(&self, call: PortCall, until: Timestamp) {
        self.world.sink.emit(&Observation::CallSlow {
            incarnation: &self.incarnation.id,
            port: NetworkPort::of_call(call).name(),
            until,
        });
    }

    /// Sends a call to a service that serves it when its turn comes, whether or not the caller
    /// still waits.
    pub async fn send_to_station<T: 'static>(
        &self,
        station: &Rc<ServiceStation>,
        open: OpenCall,
        rows: Vec<StoredRow>,
        serve: impl FnOnce(&Rc<World>) -> Option<T> + 'static,
    ) -> PortResult<T> {
        let OpenCall {
            call,
            begun_ns,
            pooled,
        } = open;
        let waiting = OpenCall {
            call,
            begun_ns,
            pooled: None,
        };
        let (sender, receiver) = oneshot();
        let sent = StationCall {
            connection: self.clone(),
            call,
            give_up_ns: begun_ns.saturating_add(self.world.options.client_timeout_ns),
            rows,
            _pooled: pooled,
        };
        let station = Rc::clone(station);
        let world = Rc::clone(&self.world);
        world.handle.spawn(ProcessId::WORLD, "call", async move {
            sent.be_served(&station, serve, sender).await;
        });
        let answer = self.await_answer(&waiting, receiver).await.flatten();
        answer.ok_or_else(|| self.failed(call, PortError::Unknown))
    }
}

/// Call that was sent to a service with a stated capacity.
struct StationCall {
    connection: Connection,
    call: PortCall,
    /// Instant at which the caller stops waiting.
    give_up_ns: u64,
    rows: Vec<StoredRow>,
    /// Held until the call is over.
    _pooled: Option<ServerGuard>,
}

impl StationCall {
    /// Travels to the service, waits for its turn, takes effect, and travels back.
    async fn be_served<T: 'static>(
        mut self,
        station: &ServiceStation,
        serve: impl FnOnce(&Rc<World>) -> Option<T>,
        sender: Sender<T>,
    ) {
        let Connection { world, incarnation } = &self.connection;
        let (handle, port) = (&world.handle, NetworkPort::of_call(self.call));
        let is_reachable = || world.reaches(incarnation.process, port);
        let round_trip_ns = world.draw_call_ns(incarnation, port);
        handle.sleep_ns(round_trip_ns / 2).await;
        let answer = {
            let _locks = station.lock(std::mem::take(&mut self.rows)).await;
            let _server = station.serve(self.call).await;
            is_reachable().then(|| serve(world)).flatten()
        };
        if handle.now_ns() > self.give_up_ns {
            self.connection.note_slow(self.call, world.now());
        }
        handle.sleep_ns(round_trip_ns - round_trip_ns / 2).await;
        match answer {
            Some(answer) if is_reachable() => {
                // A caller that has ended or given up drops its receiver.
                let _ = sender.send(answer);
            }
            _ => {
                handle.sleep_until_ns(self.give_up_ns).await;
                drop(sender);
            }
        }
    }
}
