//! Connections of an incarnation to the services: the way of a call there and back.
//!
//! ```text
//!   caller     connect ──────send────────────────────────────> answer | Unknown
//!                 │            │ half the round trip              ^ the other half
//!              Unavailable     v                                  │
//!   service                  serve: happens, whether or not the caller is still up
//! ```
//!
//! A call that writes is served by an event of the world and not by the caller's task. So it takes
//! effect even if the caller crashes meanwhile, which is how a lost answer comes about.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::World;
use super::network::NetworkPort;
use crate::model::{IncarnationId, Timestamp};
use crate::sim::kernel::{RandomStream, Sender, oneshot};
use crate::worker::ports::{PortError, PortResult};

/// State that the ports of one incarnation need.
pub(super) struct Incarnation {
    pub id: IncarnationId,
    /// Number of the process in the world.
    pub process: usize,
    pub random: RefCell<RandomStream>,
    /// Whether the incarnation has ended and its tasks are being dropped.
    pub is_over: Cell<bool>,
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

    /// Connects, or fails after the connect delay; then nothing was sent.
    pub async fn connect(&self, port: NetworkPort) -> PortResult<()> {
        if self.is_reachable(port) {
            return Ok(());
        }
        let delay_ns = self.world.options.connect_delay_ns;
        self.world.handle.sleep_ns(delay_ns).await;
        Err(PortError::Unavailable)
    }

    /// Reads from a service: one timer in the caller's task, and the read happens when the answer
    /// is due.
    pub async fn read<T>(
        &self,
        port: NetworkPort,
        read: impl FnOnce(&World) -> T,
    ) -> PortResult<T> {
        self.connect(port).await?;
        let sent_ns = self.world.handle.now_ns();
        let round_trip_ns = self.world.network.round_trip_ns(port);
        self.world.handle.sleep_ns(round_trip_ns).await;
        if self.is_reachable(port) {
            return Ok(read(&self.world));
        }
        let give_up_ns = sent_ns.saturating_add(self.world.options.client_timeout_ns);
        self.world.handle.sleep_until_ns(give_up_ns).await;
        Err(PortError::Unavailable)
    }

    /// Connects and sends: see [`Connection::send`].
    pub async fn call<T: 'static>(
        &self,
        port: NetworkPort,
        serve: impl FnOnce(&Rc<World>) -> Option<T> + 'static,
    ) -> PortResult<T> {
        self.connect(port).await?;
        self.send(port, serve).await
    }

    /// Sends a call over an open connection. `serve` runs at the service as an event of its own;
    /// `None` is a lost answer.
    pub async fn send<T: 'static>(
        &self,
        port: NetworkPort,
        serve: impl FnOnce(&Rc<World>) -> Option<T> + 'static,
    ) -> PortResult<T> {
        let world = &self.world;
        let sent_ns = world.handle.now_ns();
        let round_trip_ns = world.network.round_trip_ns(port);
        let (sender, receiver) = oneshot();
        let exchange = PendingCall {
            world: Rc::clone(world),
            process: self.incarnation.process,
            port,
            sender,
            due_ns: sent_ns.saturating_add(round_trip_ns),
            give_up_ns: sent_ns.saturating_add(world.options.client_timeout_ns),
        };
        world
            .handle
            .schedule_at(sent_ns.saturating_add(round_trip_ns / 2), move || {
                exchange.serve(serve);
            });
        receiver.await.ok_or(PortError::Unknown)
    }
}

/// Call that was sent and neither answered nor given up.
struct PendingCall<T> {
    world: Rc<World>,
    process: usize,
    port: NetworkPort,
    sender: Sender<T>,
    due_ns: u64,
    /// Instant at which the caller stops waiting.
    give_up_ns: u64,
}

impl<T: 'static> PendingCall<T> {
    fn is_reachable(&self) -> bool {
        self.world.reaches(self.process, self.port)
    }

    fn serve(self, serve: impl FnOnce(&Rc<World>) -> Option<T>) {
        let answer = self.is_reachable().then(|| serve(&self.world)).flatten();
        match answer.filter(|_| self.due_ns <= self.give_up_ns) {
            Some(answer) => {
                let handle = self.world.handle.clone();
                handle.schedule_at(self.due_ns, move || self.answer(answer));
            }
            None => self.lose(),
        }
    }

    fn answer(self, answer: T) {
        if self.is_reachable() {
            // A caller that has ended drops its receiver.
            let _ = self.sender.send(answer);
        } else {
            self.lose();
        }
    }

    /// Lets the caller's receive fail when its timeout ends.
    fn lose(self) {
        debug_assert!(self.world.handle.now_ns() <= self.give_up_ns.max(self.due_ns));
        let handle = self.world.handle.clone();
        handle.schedule_at(self.give_up_ns, move || drop(self.sender));
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

    /// Returns the time on the clock of every service.
    #[inline]
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.handle.now_ns())
    }
}
