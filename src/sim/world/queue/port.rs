//! Queue ports: access to a queue over the network.

use std::marker::PhantomData;
use std::rc::Rc;
use std::time::Duration;

use super::headers::SimQueueMessage;
use super::{MessageArrival, QueueServer, SimQueue};
use crate::model::fault::FaultKind;
use crate::model::observation::{LearnedAnswer, Observation, QueueStep};
use crate::model::time::nanos_of;
use crate::model::{PlannerMessage, PortCall, SegmentMessage, Timestamp};
use crate::sim::world::World;
use crate::sim::world::connection::Connection;
use crate::sim::world::network::NetworkPort;
use crate::sim::world::timeout::timeout;
use crate::worker::ports::{self, Lease, LeaseAnswer, PortError, PortResult, QueueDepth};

/// Queue port of an incarnation.
pub struct QueuePort<M> {
    connection: Connection,
    message: PhantomData<M>,
}

impl<M> Clone for QueuePort<M> {
    fn clone(&self) -> Self {
        Self {
            connection: self.connection.clone(),
            message: PhantomData,
        }
    }
}

/// Guard that withdraws a waiting receive when its future is dropped.
struct ReceiveGuard<'a, M: SimQueueMessage> {
    world: &'a World,
    ticket: u64,
    message: PhantomData<M>,
}

impl<M: SimQueueMessage> Drop for ReceiveGuard<'_, M> {
    fn drop(&mut self) {
        M::server(self.world).withdraw(self.ticket);
    }
}

impl<M: SimQueueMessage> QueuePort<M> {
    const PORT: NetworkPort = NetworkPort::of_queue(M::QUEUE);

    pub(in crate::sim::world) fn new(connection: Connection) -> Self {
        Self {
            connection,
            message: PhantomData,
        }
    }

    /// Returns the call of this queue, given the planner queue's and the runner queue's.
    const fn call(planner: PortCall, runner: PortCall) -> PortCall {
        PortCall::of_queue(M::QUEUE, [planner, runner])
    }

    /// Performs an action on the queue over the network. `loss` is the fault that may lose the
    /// call.
    async fn act<T: 'static>(
        &self,
        call: PortCall,
        loss: Option<FaultKind>,
        action: impl FnOnce(&mut SimQueue<M>, Timestamp) -> T + 'static,
    ) -> PortResult<T> {
        let serve = move |world: &Rc<World>| {
            let is_lost = loss.is_some_and(|kind| world.draw_queue_fault(M::QUEUE, kind));
            (!is_lost).then(|| QueueServer::<M>::act(world, action))
        };
        self.connection.call(call, serve).await
    }

    /// Waits for a lease until `give_up_ns`; `Ok(None)` if no message became ready.
    async fn wait(&self, lease: Duration, give_up_ns: u64) -> PortResult<Option<Lease<M>>> {
        let Connection { world, incarnation } = &self.connection;
        let server = M::server(world);
        let (ticket, mut receiver) = server.wait(world, incarnation, lease);
        let _guard = ReceiveGuard::<M> {
            world,
            ticket,
            message: PhantomData,
        };
        match timeout(&mut receiver, world.handle.sleep_until_ns(give_up_ns)).await {
            Some(answer) => answer.map(Some).ok_or(PortError::Unknown),
            None if !server.withdraw(ticket) => {
                let answer = receiver.await;
                answer.map(Some).ok_or(PortError::Unknown)
            }
            None if self.connection.is_reachable(Self::PORT) => Ok(None),
            None => Err(PortError::Unavailable),
        }
    }

    /// Emits that a lease is held; `attempt` is `None` for a renewal.
    fn note_held(&self, delivery: u64, attempt: Option<u32>, sent_at: Timestamp, lease: Duration) {
        let Connection { world, incarnation } = &self.connection;
        world.sink.emit(&Observation::LeaseHeld {
            incarnation: &incarnation.id,
            queue: M::QUEUE,
            delivery,
            attempt,
            sent_at,
            lease: world.real_time(incarnation.process, lease),
        });
    }

    /// Ends the work on a message by `action`, whose transition is `step`.
    async fn give_up(
        &self,
        call: PortCall,
        step: QueueStep,
        action: impl FnOnce(&mut SimQueue<M>, Timestamp) -> LeaseAnswer + 'static,
    ) -> PortResult<LeaseAnswer> {
        let answer = self.act(call, None, action).await?;
        if answer == LeaseAnswer::Done {
            let Connection { world, incarnation } = &self.connection;
            world.sink.emit(&Observation::GivenUp {
                incarnation: &incarnation.id,
                queue: M::QUEUE,
                step,
            });
        }
        Ok(answer)
    }
}

impl<M: SimQueueMessage> ports::Queue<M> for QueuePort<M> {
    async fn enqueue(&self, message: &M, idempotency_key: &str) -> PortResult<()> {
        let (message, key) = (message.clone(), idempotency_key.to_owned());
        let incarnation = self.connection.incarnation.id.clone();
        let Connection { world, .. } = &self.connection;
        let schema = world.processes.schema(self.connection.incarnation.process);
        let serve = move |world: &Rc<World>| {
            let arrival = MessageArrival {
                schema,
                ..M::server(world).draw_arrival(world, &key)
            };
            let segment = message.segment();
            QueueServer::act(world, |queue: &mut SimQueue<M>, now| {
                queue.enqueue(message, segment, &key, arrival, &incarnation, now);
            });
            Some(())
        };
        self.connection
            .call(
                Self::call(PortCall::PlannerEnqueue, PortCall::RunnerEnqueue),
                serve,
            )
            .await
    }

    async fn lease(&self, lease: Duration, wait_time: Duration) -> PortResult<Option<Lease<M>>> {
        let call = Self::call(PortCall::PlannerLease, PortCall::RunnerLease);
        let open = self.connection.connect(call).await?;
        let world = &self.connection.world;
        let sent_at = world.now();
        if let Some(station) = world.stations.of(Self::PORT) {
            Box::pin(self.connection.be_served(station, &open)).await?;
        }
        let served_at = world.now();
        let round_trip_ns = world.draw_round_trip_ns(Self::PORT);
        let round_trip_ns = round_trip_ns.min(world.options.client_timeout_ns);
        let wait_ns = nanos_of(wait_time).saturating_add(round_trip_ns);
        let give_up_ns = served_at.nanos().saturating_add(wait_ns);
        let leased = self.wait(lease, give_up_ns).await;
        let leased = leased.map_err(|error| self.connection.failed(call, error))?;
        if let Some(leased) = &leased {
            self.note_held(leased.delivery, Some(leased.attempt), sent_at, lease);
        }
        Ok(leased)
    }

    async fn renew(&self, delivery: u64, lease: Duration) -> PortResult<LeaseAnswer> {
        let sent_at = self.connection.world.now();
        let loss = Some(FaultKind::RenewalLost);
        let renew = move |queue: &mut SimQueue<M>, now| queue.renew(delivery, lease, now);
        let answer = self
            .act(
                Self::call(PortCall::PlannerRenew, PortCall::RunnerRenew),
                loss,
                renew,
            )
            .await?;
        match answer {
            LeaseAnswer::Done => self.note_held(delivery, None, sent_at, lease),
            LeaseAnswer::Expired => {
                let Connection { world, incarnation } = &self.connection;
                world.sink.emit(&Observation::AnswerLearned {
                    incarnation: &incarnation.id,
                    answer: LearnedAnswer::LeaseLost(M::QUEUE),
                });
            }
        }
        Ok(answer)
    }

    async fn acknowledge(&self, delivery: u64) -> PortResult<LeaseAnswer> {
        let loss = Some(FaultKind::AcknowledgementLost);
        let remove =
            move |queue: &mut SimQueue<M>, _| queue.remove(delivery, QueueStep::Acknowledged);
        self.act(
            Self::call(PortCall::PlannerAcknowledge, PortCall::RunnerAcknowledge),
            loss,
            remove,
        )
        .await
    }

    async fn release(
        &self,
        delivery: u64,
        delay: Duration,
        counted: bool,
    ) -> PortResult<LeaseAnswer> {
        let release =
            move |queue: &mut SimQueue<M>, now| queue.release(delivery, delay, counted, now);
        self.act(
            Self::call(PortCall::PlannerRelease, PortCall::RunnerRelease),
            None,
            release,
        )
        .await
    }

    async fn dead_letter(&self, delivery: u64, reason: &str) -> PortResult<LeaseAnswer> {
        let reason: Rc<str> = reason.into();
        let dead_letter = move |queue: &mut SimQueue<M>, _| queue.dead_letter(delivery, reason);
        self.give_up(
            Self::call(PortCall::PlannerDeadLetter, PortCall::RunnerDeadLetter),
            QueueStep::DeadLettered,
            dead_letter,
        )
        .await
    }

    async fn discard(&self, delivery: u64, _reason: &str) -> PortResult<LeaseAnswer> {
        let step = QueueStep::Dropped;
        let remove = move |queue: &mut SimQueue<M>, _| queue.remove(delivery, step);
        self.give_up(
            Self::call(PortCall::PlannerDiscard, PortCall::RunnerDiscard),
            step,
            remove,
        )
        .await
    }

    async fn redrive(&self, limit: usize) -> PortResult<u64> {
        let incarnation = self.connection.incarnation.id.clone();
        let redrive =
            move |queue: &mut SimQueue<M>, now| queue.redrive(limit, Some(&incarnation), now);
        self.act(
            Self::call(PortCall::PlannerRedrive, PortCall::RunnerRedrive),
            None,
            redrive,
        )
        .await
    }

    async fn depth(&self) -> PortResult<QueueDepth> {
        let depth = |world: &World| {
            let now = world.now();
            M::server(world).look(|queue| queue.depth(now))
        };
        self.connection
            .read(
                Self::call(PortCall::PlannerDepth, PortCall::RunnerDepth),
                depth,
            )
            .await
    }
}

/// Planner queue port of an incarnation.
pub type PlannerQueuePort = QueuePort<PlannerMessage>;
/// Runner queue port of an incarnation.
pub type RunnerQueuePort = QueuePort<SegmentMessage>;
