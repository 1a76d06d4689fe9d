//! A queue at work: its clock, and those who wait for a message.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use super::headers::Queued;
use super::{MessageArrival, SimQueue};
use crate::model::Timestamp;
use crate::model::fault::FaultKind;
use crate::model::observation::Observation;
use crate::sim::kernel::{Receiver, Sender, oneshot};
use crate::sim::world::World;
use crate::sim::world::connection::Incarnation;
use crate::sim::world::network::NetworkPort;
use crate::worker::ports::Lease;

/// A queue, its waiters and its clock.
pub struct QueueServer<M> {
    queue: RefCell<SimQueue<M>>,
    /// In the order in which they came.
    waiters: RefCell<VecDeque<ReceiveWaiter<M>>>,
    last_ticket: Cell<u64>,
    /// When the queue's clock will ring next.
    alarm: Cell<Option<Timestamp>>,
    /// So many of the next messages can't be read.
    poison: Cell<u32>,
}

/// Someone who waits for a message.
struct ReceiveWaiter<M> {
    ticket: u64,
    incarnation: Rc<Incarnation>,
    lease: Duration,
    sent_ns: u64,
    sender: Sender<Lease<M>>,
}

impl<M: Queued> QueueServer<M> {
    pub fn new(idempotency_window: Duration) -> Self {
        Self {
            queue: RefCell::new(SimQueue::new(idempotency_window, M::QUEUE as u64)),
            waiters: RefCell::default(),
            last_ticket: Cell::new(0),
            alarm: Cell::new(None),
            poison: Cell::new(0),
        }
    }

    /// Looks at the queue.
    pub(in crate::sim::world) fn look<T>(&self, look: impl FnOnce(&SimQueue<M>) -> T) -> T {
        look(&self.queue.borrow())
    }

    /// Makes the next `count` messages unreadable.
    pub fn poison(&self, count: u32) {
        self.poison.set(self.poison.get().saturating_add(count));
    }

    /// No more messages are to become unreadable.
    pub fn heal(&self) {
        self.poison.set(0);
    }

    /// A replica takes over that has not got what came within `lag`; answers how many messages are
    /// lost.
    pub(in crate::sim::world) fn fail_over(world: &Rc<World>, lag: Duration) -> usize {
        Self::act(world, |queue, now| queue.lose_since(now.before(lag)))
    }

    /// Does something to the queue, tells observers what happened, and serves those who wait.
    pub(in crate::sim::world) fn act<T>(
        world: &Rc<World>,
        action: impl FnOnce(&mut SimQueue<M>, Timestamp) -> T,
    ) -> T {
        let server = M::server(world);
        let now = world.now();
        let result = {
            let queue = &mut *server.queue.borrow_mut();
            queue.advance(now);
            action(queue, now)
        };
        server.report(world);
        server.serve(world);
        server.set_alarm(world);
        result
    }

    /// How a message arrives under the present faults; no fault bites one that is taken for a
    /// repeat.
    pub(in crate::sim::world) fn draw_arrival(
        &self,
        world: &Rc<World>,
        key: &str,
    ) -> MessageArrival {
        if self.queue.borrow_mut().knows(key, world.now()) {
            return MessageArrival::default();
        }
        let is_poisoned = self.poison.get() > 0;
        if is_poisoned {
            self.poison.set(self.poison.get() - 1);
            world.hit(FaultKind::PoisonedMessage);
        }
        MessageArrival {
            delay: Duration::from_nanos(world.draw_queue_delay_ns(M::QUEUE)),
            is_poisoned,
            is_doubled: world.draw_queue_fault(M::QUEUE, FaultKind::DuplicateDelivery),
        }
    }

    /// Tells observers what has happened to messages.
    fn report(&self, world: &Rc<World>) {
        let mut incidents = self.queue.borrow_mut().take_incidents();
        for incident in incidents.drain(..) {
            world.sink.emit(&Observation::Message {
                queue: M::QUEUE,
                step: incident.step,
                run: &incident.headers.run,
                segment: incident.headers.segment.as_ref(),
                schedule: &incident.headers.schedule,
                delivery: incident.delivery,
                message: incident.message,
                incarnation: incident.incarnation.as_ref(),
            });
            if incident.is_spoiled {
                world.sink.emit(&Observation::MessageCorrupted {
                    queue: M::QUEUE,
                    message: incident.message,
                });
            }
        }
        self.queue.borrow_mut().reuse(incidents);
    }

    /// Has the queue look at its clock when something is due. Leases end at times that nobody knew
    /// when they began, since they are renewed: one alarm for all is cheaper than one for each.
    fn set_alarm(&self, world: &Rc<World>) {
        let Some(due) = self.queue.borrow().next_due() else {
            return;
        };
        if self.alarm.get().is_some_and(|alarm| alarm <= due) {
            return;
        }
        self.alarm.set(Some(due));
        let at_world = Rc::clone(world);
        world.handle.schedule_at(due.nanos(), move || {
            let server = M::server(&at_world);
            // An alarm that was brought forward rings at its old time too.
            if server.alarm.get() == Some(due) {
                server.alarm.set(None);
                Self::act(&at_world, |_, _| ());
            }
        });
    }

    /// Begins to wait for a message; it may be on its way at once.
    pub(in crate::sim::world) fn wait(
        &self,
        world: &Rc<World>,
        incarnation: &Rc<Incarnation>,
        lease: Duration,
    ) -> (u64, Receiver<Lease<M>>) {
        let (sender, receiver) = oneshot();
        let ticket = self.last_ticket.get() + 1;
        self.last_ticket.set(ticket);
        self.waiters.borrow_mut().push_back(ReceiveWaiter {
            ticket,
            incarnation: Rc::clone(incarnation),
            lease,
            sent_ns: world.handle.now_ns(),
            sender,
        });
        Self::act(world, |_, _| ());
        (ticket, receiver)
    }

    /// Ends a wait; false if a message is on its way already.
    pub fn withdraw(&self, ticket: u64) -> bool {
        let mut waiters = self.waiters.borrow_mut();
        let place = waiters.binary_search_by_key(&ticket, |waiter| waiter.ticket);
        place.is_ok_and(|place| waiters.remove(place).is_some())
    }

    /// Gives ready messages to those who wait and can be reached, first come first served.
    fn serve(&self, world: &Rc<World>) {
        while self.queue.borrow().ready() > 0 {
            let Some(waiter) = self.next_waiter(world) else {
                return;
            };
            let place = self.draw_place(world);
            let lease = self.queue.borrow_mut().lease(
                place,
                &waiter.incarnation.id,
                waiter.lease,
                world.now(),
            );
            self.report(world);
            if let Some(lease) = lease {
                Self::hand_over(world, waiter, lease);
            }
        }
    }

    fn next_waiter(&self, world: &Rc<World>) -> Option<ReceiveWaiter<M>> {
        let port = NetworkPort::of_queue(M::QUEUE);
        let mut waiters = self.waiters.borrow_mut();
        let is_reachable = |waiter: &ReceiveWaiter<M>| {
            world
                .network
                .cut(waiter.incarnation.process, port)
                .is_none()
        };
        let place = waiters.iter().position(is_reachable)?;
        waiters.remove(place)
    }

    /// Which of the ready messages comes next.
    fn draw_place(&self, world: &Rc<World>) -> usize {
        let ready = self.queue.borrow().ready();
        if ready > 1 && world.draw_queue_fault(M::QUEUE, FaultKind::Reordering) {
            world.draw_below(FaultKind::Reordering, ready as u64) as usize
        } else {
            0
        }
    }

    /// Sends a leased message on its way to the one who waited.
    fn hand_over(world: &Rc<World>, waiter: ReceiveWaiter<M>, lease: Lease<M>) {
        let port = NetworkPort::of_queue(M::QUEUE);
        let arrival_ns = world.handle.now_ns() + world.network.round_trip_ns(port);
        let at_world = Rc::clone(world);
        world.handle.schedule_at(arrival_ns, move || {
            if at_world.reaches(waiter.incarnation.process, port) {
                // If the one who waited is gone, the lease will end by itself.
                let _ = waiter.sender.send(lease);
                return;
            }
            let patience_ns = at_world.options.client_timeout_ns;
            let give_up_ns = waiter.sent_ns.max(arrival_ns).saturating_add(patience_ns);
            at_world
                .handle
                .schedule_at(give_up_ns, move || drop(waiter.sender));
        });
    }
}
