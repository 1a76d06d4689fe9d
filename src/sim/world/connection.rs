//! An incarnation's connection to the services: how a call gets there and back, or doesn't.
//!
//! ```text
//!   caller     connect ──────send────────────────────────────> answer | Unknown
//!                 │            │ half the round trip              ^ the other half
//!              Unavailable     v                                  │
//!   service                  serve: happens, whether or not the caller still lives
//! ```

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::World;
use super::network::NetworkPort;
use crate::model::{IncarnationId, Timestamp};
use crate::sim::kernel::{RandomStream, Sender, oneshot};
use crate::worker::ports::{PortError, PortResult};

/// One incarnation of a process, as its ports see it.
pub(super) struct Incarnation {
    pub id: IncarnationId,
    /// The number of the process.
    pub process: usize,
    pub random: RefCell<RandomStream>,
    /// Set when the incarnation has ended and its tasks are being dropped.
    pub is_over: Cell<bool>,
}

/// What all ports of an incarnation share.
#[derive(Clone)]
pub(super) struct Connection {
    pub world: Rc<World>,
    pub incarnation: Rc<Incarnation>,
}

impl Connection {
    /// Whether the service is reached. What keeps it from being so is noted as a hit.
    pub fn is_reachable(&self, port: NetworkPort) -> bool {
        self.world.reaches(self.incarnation.process, port)
    }

    /// Connects, or fails after a short while: then nothing was sent.
    pub async fn connect(&self, port: NetworkPort) -> PortResult<()> {
        if self.is_reachable(port) {
            return Ok(());
        }
        let delay_ns = self.world.options.connect_delay_ns;
        self.world.handle.sleep_ns(delay_ns).await;
        Err(PortError::Unavailable)
    }

    /// Asks for something that changes nothing: one timer in the caller's task, and the service
    /// looks when the answer is due.
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
    /// none is an answer that gets lost.
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

/// A call that was sent, until its answer is there or given up.
struct PendingCall<T> {
    world: Rc<World>,
    process: usize,
    port: NetworkPort,
    sender: Sender<T>,
    due_ns: u64,
    /// When the caller stops waiting.
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
            // A caller that is gone wants no answer.
            let _ = self.sender.send(answer);
        } else {
            self.lose();
        }
    }

    /// The caller learns that there will be no answer when it has waited long enough.
    fn lose(self) {
        let handle = self.world.handle.clone();
        handle.schedule_at(self.give_up_ns, move || drop(self.sender));
    }
}

impl World {
    /// Whether a process reaches a port now. What keeps it from being so is noted as a hit.
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

    /// The time on the clock of every service.
    #[inline]
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.handle.now_ns())
    }
}
