//! Queue server: the clock of a queue, and the receives that wait for a message.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use super::headers::SimQueueMessage;
use super::{MessageArrival, SimQueue};
use crate::model::Timestamp;
use crate::model::fault::FaultKind;
use crate::model::observation::Observation;
use crate::sim::kernel::{Receiver, Sender, oneshot};
use crate::sim::world::World;
use crate::sim::world::connection::Incarnation;
use crate::sim::world::network::NetworkPort;
use crate::worker::ports::Lease;
use rehearsal_convert::Index;

/// Queue with its waiting receives and its timer.
pub struct QueueServer<M> {
    queue: RefCell<SimQueue<M>>,
    /// Waiting receives in the order of their arrival.
    waiters: RefCell<VecDeque<ReceiveWaiter<M>>>,
    last_ticket: Cell<u64>,
    /// Instant of the next timer of the queue.
    timer_at: Cell<Option<Timestamp>>,
    /// Number of next messages whose bodies will be unreadable.
    poison: Cell<u32>,
}

/// Receive that waits for a message.
struct ReceiveWaiter<M> {
    ticket: u64,
    incarnation: Rc<Incarnation>,
    lease: Duration,
    sent_ns: u64,
    sender: Sender<Lease<M>>,
}

impl<M: SimQueueMessage> QueueServer<M> {
    pub fn new(idempotency_window: Duration) -> Self {
        Self {
            queue: RefCell::new(SimQueue::new(idempotency_window, M::QUEUE as u64)),
            waiters: RefCell::default(),
            last_ticket: Cell::new(0),
            timer_at: Cell::new(None),
            poison: Cell::new(0),
        }
    }

    /// Reads the state of the queue.
    pub(in crate::sim::world) fn look<T>(&self, look: impl FnOnce(&SimQueue<M>) -> T) -> T {
        look(&self.queue.borrow())
    }

    /// Makes the next `count` messages unreadable.
    pub fn poison(&self, count: u32) {
        self.poison.set(self.poison.get().saturating_add(count));
    }

    /// Stops making messages unreadable.
    pub fn heal(&self) {
        self.poison.set(0);
    }

    /// Fails over to a replica that lacks the messages of the last `lag`; returns the number of
    /// lost ones.
    pub(in crate::sim::world) fn fail_over(world: &Rc<World>, lag: Duration) -> usize {
        Self::act(world, |queue, now| queue.lose_since(now.before(lag)))
    }

    /// Creates the queue anew, without its messages; returns the number of lost ones. Waiting
    /// receives go on: their clients connect again.
    pub(in crate::sim::world) fn reset(world: &Rc<World>) -> usize {
        let epoch = world.store.borrow_mut().next_delivery_epoch(M::QUEUE);
        Self::act(world, |queue, _| queue.reset(epoch))
    }

    /// Performs an action on the queue, reports its transitions, and serves waiting receives.
    pub(in crate::sim::world) fn act<T>(
        world: &Rc<World>,
        action: impl FnOnce(&mut SimQueue<M>, Timestamp) -> T,
    ) -> T {
        let server = M::server(world);
        let now = world.now();
        let result = {
            let queue = &mut *server.queue.borrow_mut();
            queue.advance(now);
            let result = action(queue, now);
            debug_assert!(queue.is_conserved(), "a message is lost or in two places");
            result
        };
        server.report(world);
        server.serve(world);
        server.set_timer(world);
        result
    }

    /// Draws the faults of an arriving message. A duplicate by its key is affected by none.
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
            ..MessageArrival::default()
        }
    }

    /// Reports the transitions of messages to the observers.
    fn report(&self, world: &Rc<World>) {
        let mut events = self.queue.borrow_mut().take_events();
        for event in events.drain(..) {
            world.sink.emit(&Observation::Message {
                queue: M::QUEUE,
                step: event.step,
                run: &event.headers.run,
                segment: event.headers.segment.as_ref(),
                schedule: &event.headers.schedule,
                delivery: event.delivery,
                message: event.message,
                incarnation: event.incarnation.as_ref(),
            });
            if event.is_spoiled {
                world.sink.emit(&Observation::MessageCorrupted {
                    queue: M::QUEUE,
                    message: event.message,
                });
            }
        }
        self.queue.borrow_mut().reuse(events);
    }

    /// Sets a timer for the instant at which something is due next.
    ///
    /// Renewals move the ends of leases, so one timer for all is cheaper than one for each lease.
    fn set_timer(&self, world: &Rc<World>) {
        let Some(due) = self.queue.borrow().next_due() else {
            return;
        };
        if self.timer_at.get().is_some_and(|timer_at| timer_at <= due) {
            return;
        }
        self.timer_at.set(Some(due));
        let at_world = Rc::clone(world);
        world.handle.schedule_at(due.nanos(), move || {
            let server = M::server(&at_world);
            // A timer that was replaced by an earlier one fires at its old time too.
            if server.timer_at.get() == Some(due) {
                server.timer_at.set(None);
                Self::act(&at_world, |_, _| ());
            }
        });
    }

    /// Starts to wait for a message, which a ready queue sends at once.
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

    /// Withdraws a waiting receive; returns false if a message was sent to it already.
    pub fn withdraw(&self, ticket: u64) -> bool {
        let mut waiters = self.waiters.borrow_mut();
        let index = waiters.binary_search_by_key(&ticket, |waiter| waiter.ticket);
        index.is_ok_and(|index| waiters.remove(index).is_some())
    }

    /// Leases ready messages to reachable waiting receives, first come first served.
    fn serve(&self, world: &Rc<World>) {
        while self.queue.borrow().ready() > 0 {
            let Some(waiter) = self.next_waiter(world) else {
                return;
            };
            let position = self.draw_position(world);
            let lease = self.queue.borrow_mut().lease(
                position,
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
        let index = waiters.iter().position(is_reachable)?;
        waiters.remove(index)
    }

    /// Draws the position of the ready message that is leased next.
    fn draw_position(&self, world: &Rc<World>) -> usize {
        let ready = self.queue.borrow().ready();
        if ready > 1 && world.draw_queue_fault(M::QUEUE, FaultKind::Reordering) {
            world
                .draw_below(FaultKind::Reordering, ready as u64)
                .to_index()
        } else {
            0
        }
    }

    /// Sends a leased message to the receive that waited for it.
    fn hand_over(world: &Rc<World>, waiter: ReceiveWaiter<M>, lease: Lease<M>) {
        let port = NetworkPort::of_queue(M::QUEUE);
        let timeout_ns = world.options.client_timeout_ns;
        let round_trip_ns = world.draw_call_ns(&waiter.incarnation, port);
        let now_ns = world.handle.now_ns();
        if round_trip_ns > timeout_ns {
            // The receive gives up first, and the lease ends by the clock.
            let give_up_ns = now_ns.saturating_add(timeout_ns);
            world
                .handle
                .schedule_at(give_up_ns, move || drop(waiter.sender));
            return;
        }
        let arrival_ns = now_ns + round_trip_ns;
        let at_world = Rc::clone(world);
        world.handle.schedule_at(arrival_ns, move || {
            if at_world.reaches(waiter.incarnation.process, port) {
                // If the receiver was dropped, the lease ends by the clock.
                let _ = waiter.sender.send(lease);
                return;
            }
            let give_up_ns = waiter.sent_ns.max(arrival_ns).saturating_add(timeout_ns);
            at_world
                .handle
                .schedule_at(give_up_ns, move || drop(waiter.sender));
        });
    }
}
