//! Connections of an incarnation to the services: the way of a call there and back.
//!
//! ```text
//!   caller     connect ──────send────────────────────────────> answer | Unknown
//!                 │            │ half the round trip              ^ the other half
//!              Unavailable     v                                  │
//!   service                  serve: happens, whether or not the caller is still up
//! ```
//!
//! A service with a stated capacity serves the call when it has a server for it; see
//! [`super::service_station`].
//!
//! A call that writes is served by an event of the world and not by the caller's task. So it takes
//! effect even if the caller crashes meanwhile, which is how a lost answer comes about.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::World;
use super::network::NetworkPort;
use super::row_locks::StoredRow;
use super::service_station::{ConnectionPools, ServiceStation};
use crate::model::observation::Observation;
use crate::model::{CallCounts, IncarnationId, PortCall, Timestamp};
use crate::sim::kernel::{RandomStream, Sender, oneshot};
use crate::sim::station::ServerGuard;
use crate::worker::ports::{PortError, PortResult};
use rehearsal_convert::{Nearest, Saturating};

/// State that the ports of one incarnation need.
pub(super) struct Incarnation {
    pub id: IncarnationId,
    /// Number of the process in the world.
    pub process: usize,
    pub random: RefCell<RandomStream>,
    /// Whether the incarnation has ended and its tasks are being dropped.
    pub is_over: Cell<bool>,
    pub started_at: Timestamp,
    pub calls: RefCell<CallCounts>,
    pub pools: ConnectionPools,
    /// Number of tasks that it was launched with.
    pub launched_tasks: Cell<usize>,
}

/// Call that has a connection and was not sent yet.
pub(super) struct OpenCall {
    pub call: PortCall,
    /// Instant at which the caller began to wait.
    pub begun_ns: u64,
    /// Connection of the process's pool, held until the call is over.
    pub pooled: Option<ServerGuard>,
}

/// Connection that all ports of an incarnation share.
#[derive(Clone)]
pub(super) struct Connection {
    pub world: Rc<World>,
    pub incarnation: Rc<Incarnation>,
}

impl Connection {
    /// Returns whether the service can be reached; records a hit of the fault that prevents it.
    pub fn is_reachable(&self, port: NetworkPort) -> bool {
        self.world.reaches(self.incarnation.process, port)
    }

    /// Returns the time on the clock of the process.
    pub fn elapsed(&self) -> Duration {
        let now_ns = self.world.handle.now_ns();
        let clock = self.world.clock(self.incarnation.process);
        Duration::from_nanos(clock.elapsed_ns(now_ns))
    }

    /// Begins a call: connects, or fails after the connect delay; then nothing was sent.
    pub async fn connect(&self, call: PortCall) -> PortResult<OpenCall> {
        self.incarnation.calls.borrow_mut().of_mut(call).begun += 1;
        let begun_ns = self.world.handle.now_ns();
        let pooled = match self.pool_of(call) {
            None => None,
            Some(pool) => Some(Box::pin(self.take_pooled(call, pool)).await?),
        };
        let open = OpenCall {
            call,
            begun_ns,
            pooled,
        };
        if self.is_reachable(NetworkPort::of_call(call)) {
            return Ok(open);
        }
        let delay_ns = self.world.options.connect_delay_ns;
        self.world.handle.sleep_ns(delay_ns).await;
        Err(self.failed(call, PortError::Unavailable))
    }

    /// Counts a call that fails with `error`, and returns it.
    pub fn failed(&self, call: PortCall, error: PortError) -> PortError {
        self.incarnation.calls.borrow_mut().of_mut(call).failed += 1;
        error
    }

    /// Reads from a service, in the caller's task. The read happens when the answer is due.
    pub async fn read<T>(&self, call: PortCall, read: impl FnOnce(&World) -> T) -> PortResult<T> {
        let open = self.connect(call).await?;
        let (world, port) = (&self.world, NetworkPort::of_call(call));
        let round_trip_ns = world.draw_call_ns(&self.incarnation, port);
        let timeout_ns = world.options.client_timeout_ns;
        if round_trip_ns <= timeout_ns {
            let is_served = match world.stations.of(port) {
                None => {
                    world.handle.sleep_ns(round_trip_ns).await;
                    true
                }
                Some(station) => Box::pin(self.pass_station(station, &open, round_trip_ns)).await,
            };
            if is_served && self.is_reachable(port) {
                return Ok(read(world));
            }
        }
        let give_up_ns = open.begun_ns.saturating_add(timeout_ns);
        world.handle.sleep_until_ns(give_up_ns).await;
        Err(self.failed(call, PortError::Unavailable))
    }

    /// Waits for the round trip of a read and for its turn. False if the service takes longer than
    /// the caller waits.
    async fn pass_station(
        &self,
        station: &ServiceStation,
        open: &OpenCall,
        round_trip_ns: u64,
    ) -> bool {
        let handle = &self.world.handle;
        let served = async {
            handle.sleep_ns(round_trip_ns / 2).await;
            drop(station.serve(open.call).await);
            handle.sleep_ns(round_trip_ns - round_trip_ns / 2).await;
        };
        self.await_answer(open, served).await.is_some()
    }

    /// Connects and sends: see [`Connection::send`].
    pub async fn call<T: 'static>(
        &self,
        call: PortCall,
        serve: impl FnOnce(&Rc<World>) -> Option<T> + 'static,
    ) -> PortResult<T> {
        let open = self.connect(call).await?;
        self.send(open, Vec::new(), serve).await
    }

    /// Sends a call over an open connection. `serve` runs at the service as an event of its own;
    /// `None` is a lost answer. A call that is answered after the client's timeout takes effect all
    /// the same, perhaps after its caller has given it up. `rows` are those that it locks.
    pub async fn send<T: 'static>(
        &self,
        open: OpenCall,
        rows: Vec<StoredRow>,
        serve: impl FnOnce(&Rc<World>) -> Option<T> + 'static,
    ) -> PortResult<T> {
        let call = open.call;
        let (world, port) = (&self.world, NetworkPort::of_call(call));
        if let Some(station) = world.stations.of(port) {
            return Box::pin(self.send_to_station(station, open, rows, serve)).await;
        }
        let handle = &world.handle;
        let sent_ns = handle.now_ns();
        let round_trip_ns = world.draw_call_ns(&self.incarnation, port);
        let timeout_ns = world.options.client_timeout_ns;
        let (sender, receiver) = oneshot();
        let pending = PendingCall {
            world: Rc::clone(world),
            process: self.incarnation.process,
            port,
            due_ns: sent_ns.saturating_add(round_trip_ns),
            give_up_ns: sent_ns.saturating_add(timeout_ns),
        };
        let served_ns = sent_ns.saturating_add(round_trip_ns / 2);
        if round_trip_ns <= timeout_ns {
            handle.schedule_at(served_ns, move || pending.serve(serve, sender));
        } else {
            handle.schedule_at(pending.give_up_ns, move || drop(sender));
            handle.schedule_at(served_ns, move || drop(pending.take_effect(serve)));
        }
        let answer = receiver.await;
        answer.ok_or_else(|| self.failed(call, PortError::Unknown))
    }
}

/// Call that was sent and is not answered yet.
struct PendingCall {
    world: Rc<World>,
    process: usize,
    port: NetworkPort,
    due_ns: u64,
    /// Instant at which the caller stops waiting.
    give_up_ns: u64,
}

impl PendingCall {
    fn is_reachable(&self) -> bool {
        self.world.reaches(self.process, self.port)
    }

    fn take_effect<T>(&self, serve: impl FnOnce(&Rc<World>) -> Option<T>) -> Option<T> {
        self.is_reachable().then(|| serve(&self.world)).flatten()
    }

    fn serve<T: 'static>(self, serve: impl FnOnce(&Rc<World>) -> Option<T>, sender: Sender<T>) {
        match self.take_effect(serve) {
            Some(answer) => {
                let handle = self.world.handle.clone();
                handle.schedule_at(self.due_ns, move || self.answer(answer, sender));
            }
            None => self.lose(sender),
        }
    }

    fn answer<T: 'static>(self, answer: T, sender: Sender<T>) {
        if self.is_reachable() {
            // A caller that has ended drops its receiver.
            let _ = sender.send(answer);
        } else {
            self.lose(sender);
        }
    }

    /// Lets the caller's receive fail when its timeout ends.
    fn lose<T: 'static>(self, sender: Sender<T>) {
        let handle = self.world.handle.clone();
        debug_assert!(handle.now_ns() <= self.give_up_ns);
        handle.schedule_at(self.give_up_ns, move || drop(sender));
    }
}

impl World {
    /// Returns whether a process reaches a port now; records a hit of the fault that prevents it.
    #[inline]
    pub(super) fn reaches(self: &Rc<Self>, process: usize, port: NetworkPort) -> bool {
        match self.network.cut(process, port) {
            None => true,
            Some(kind) => {
                self.hit(kind);
                false
            }
        }
    }

    /// Draws the round trip time of a call, and reports one that may cost the caller a lease.
    pub(super) fn draw_call_ns(
        self: &Rc<Self>,
        incarnation: &Incarnation,
        port: NetworkPort,
    ) -> u64 {
        let round_trip_ns = self.draw_round_trip_ns(port);
        if round_trip_ns >= self.slow_call_ns {
            let ends_ns = round_trip_ns.min(self.options.client_timeout_ns);
            let until = Duration::from_nanos(ends_ns.max(round_trip_ns / 2));
            self.sink.emit(&Observation::CallSlow {
                incarnation: &incarnation.id,
                port: port.name(),
                until: self.now().after(until),
            });
        }
        round_trip_ns
    }

    /// Draws a round trip time under the faults that are active.
    pub(super) fn draw_round_trip_ns(self: &Rc<Self>, port: NetworkPort) -> u64 {
        let round_trip_ns = self.network.round_trip_ns(port);
        let slowness = self.faults.conditions.borrow().slowness(port);
        let Some((kind, factor)) = slowness else {
            return round_trip_ns;
        };
        self.hit(kind);
        (round_trip_ns.nearest_f64() * factor).saturating_u64()
    }

    /// Returns the time on the clock of every service.
    #[inline]
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.handle.now_ns())
    }
}
