//! A service station: one queue in front of several servers, first come, first served.
//!
//! ```text
//!   arrival ──> queue ──> one of c servers ──> departure
//! ```
//!
//! The names are those of queueing theory. How long a customer is served is its own affair: it
//! holds a server until it drops it. So one type has the servers of a service, the connections of
//! a pool and the lock of a row.

mod statistics;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::pending;
use std::rc::Rc;

pub use self::statistics::{StationStatistics, WaitTimes};
use crate::sim::kernel::{Handle, Sender, oneshot};

/// Station with its queue. Clones are the same station.
#[derive(Clone)]
pub struct Station(Rc<StationState>);

struct StationState {
    handle: Handle,
    servers: usize,
    busy: Cell<usize>,
    queue: RefCell<VecDeque<WaitingCustomer>>,
    last_ticket: Cell<u64>,
    statistics: RefCell<StationStatistics>,
}

struct WaitingCustomer {
    ticket: u64,
    since_ns: u64,
    sender: Sender<ServerGuard>,
}

/// Server that a customer holds. Dropping it serves the next customer.
pub struct ServerGuard(Rc<StationState>);

/// Place in the queue, which a customer leaves when its future is dropped.
struct WaitGuard<'a> {
    station: &'a StationState,
    ticket: u64,
}

impl Station {
    /// Creates a station of `servers` servers, one at least, and observes it from now on.
    pub fn new(handle: Handle, servers: usize) -> Self {
        let statistics = StationStatistics::new(handle.now_ns());
        Self(Rc::new(StationState {
            handle,
            servers: servers.max(1),
            busy: Cell::new(0),
            queue: RefCell::default(),
            last_ticket: Cell::new(0),
            statistics: RefCell::new(statistics),
        }))
    }

    /// Number of servers.
    pub fn servers(&self) -> usize {
        self.0.servers
    }

    /// Whether no server is held. Then no customer waits either.
    pub fn is_idle(&self) -> bool {
        self.0.busy.get() == 0
    }

    /// Waits for a server. A customer whose future is dropped leaves the queue. *O*(1), and
    /// *O*(waiting customers) for one that leaves.
    pub async fn enter(&self) -> ServerGuard {
        let state = &self.0;
        state.observe(|statistics| statistics.arrivals += 1);
        if state.busy.get() < state.servers {
            return state.begin_service(state.handle.now_ns());
        }
        let ticket = state.last_ticket.get() + 1;
        state.last_ticket.set(ticket);
        let (sender, receiver) = oneshot();
        state.queue.borrow_mut().push_back(WaitingCustomer {
            ticket,
            since_ns: state.handle.now_ns(),
            sender,
        });
        let _place = WaitGuard {
            station: state,
            ticket,
        };
        match receiver.await {
            Some(server) => server,
            // The sender is in the queue, which the station keeps.
            None => pending().await,
        }
    }

    /// Returns the statistics up to now.
    pub fn statistics(&self) -> StationStatistics {
        self.0.observe(|statistics| *statistics)
    }
}

impl StationState {
    /// Brings the statistics up to date, before anything changes, and changes them.
    fn observe<T>(&self, change: impl FnOnce(&mut StationStatistics) -> T) -> T {
        let statistics = &mut self.statistics.borrow_mut();
        let now_ns = self.handle.now_ns();
        statistics.advance(now_ns, self.busy.get(), self.queue.borrow().len());
        change(statistics)
    }

    /// Gives a free server to a customer that has waited since then.
    fn begin_service(self: &Rc<Self>, since_ns: u64) -> ServerGuard {
        let waited_ns = self.handle.now_ns() - since_ns;
        self.observe(|statistics| statistics.waits.add(waited_ns));
        self.busy.set(self.busy.get() + 1);
        ServerGuard(Rc::clone(self))
    }
}

impl Drop for ServerGuard {
    fn drop(&mut self) {
        let state = &self.0;
        state.observe(|_| ());
        state.busy.set(state.busy.get() - 1);
        let next = state.queue.borrow_mut().pop_front();
        if let Some(next) = next {
            // A customer that has gone gives the server back at once.
            let _ = next.sender.send(state.begin_service(next.since_ns));
        }
    }
}

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        self.station.observe(|_| ());
        let mut queue = self.station.queue.borrow_mut();
        let place = queue.binary_search_by_key(&self.ticket, |customer| customer.ticket);
        if let Ok(place) = place {
            queue.remove(place);
        }
    }
}
