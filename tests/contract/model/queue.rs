//! Random operations on a queue and on the reference.

use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use rehearsal::model::observation::QueueStep;
use rehearsal::model::time::nanos_of;
use rehearsal::model::{DeliveryEpoch, IncarnationId, Mode, SegmentMessage, Timestamp};
use rehearsal::sim::world::{MessageArrival, SimQueue};
use rehearsal::worker::ports::{Clock, Lease, Ports, Queue};
use rehearsal_port_contract::Bench;

use super::file::FileBench;
use super::{CLIENTS, ModelBench, ServiceModel, StepFailure, Stepped, expect_same, half_after};
use crate::planted::PlantedFault;
use crate::simulated::SimulatedBench;

/// Operation of a client.
#[derive(Debug, Clone)]
enum QueueAction {
    Enqueue {
        message: u32,
    },
    Lease {
        units: u32,
    },
    /// A call about one of the leases so far.
    Call(Index, LeaseCall),
    Redrive {
        limit: usize,
    },
    /// The queue is created anew.
    Reset,
    Wait {
        units: u32,
    },
}

/// Call about a lease.
#[derive(Debug, Clone)]
enum LeaseCall {
    Renew { units: u32 },
    Acknowledge,
    Release { units: Option<u32>, counted: bool },
    DeadLetter,
    Discard,
}

fn lease_call() -> impl Strategy<Value = LeaseCall> {
    prop_oneof![
        2 => (0..3_u32).prop_map(|units| LeaseCall::Renew { units }),
        2 => Just(LeaseCall::Acknowledge),
        3 => (proptest::option::of(0..3_u32), any::<bool>())
            .prop_map(|(units, counted)| LeaseCall::Release { units, counted }),
        2 => Just(LeaseCall::DeadLetter),
        1 => Just(LeaseCall::Discard),
    ]
}

fn action() -> impl Strategy<Value = QueueAction> {
    prop_oneof![
        4 => (0..6_u32).prop_map(|message| QueueAction::Enqueue { message }),
        6 => (0..3_u32).prop_map(|units| QueueAction::Lease { units }),
        10 => (any::<Index>(), lease_call())
            .prop_map(|(lease, call)| QueueAction::Call(lease, call)),
        1 => (0..3_usize).prop_map(|limit| QueueAction::Redrive { limit }),
        1 => Just(QueueAction::Reset),
        3 => (1..3_u32).prop_map(|units| QueueAction::Wait { units }),
    ]
}

fn message(index: u32) -> SegmentMessage {
    SegmentMessage {
        run: "run".into(),
        schedule: "nightly".into(),
        tenant: "acme".into(),
        index,
        mode: Mode::AnalysisOnly,
        digests: [].into(),
    }
}

/// Queue under test and the reference.
struct QueueModel<B: Bench> {
    clients: Vec<B::Ports>,
    reference: SimQueue<SegmentMessage>,
    /// Deliveries of all leases so far: of the queue and of the reference.
    leases: Vec<(u64, u64)>,
    epoch: DeliveryEpoch,
    incarnation: IncarnationId,
    /// Dropped last, when no client needs its services.
    bench: Rc<B>,
}

impl<B: ModelBench> ServiceModel for QueueModel<B> {
    type Bench = B;
    type Action = QueueAction;

    async fn start(bench: Rc<B>) -> Stepped<Self> {
        let window = bench.capabilities().idempotency_window.unwrap_or_default();
        Ok(Self {
            clients: (0..CLIENTS).map(|process| bench.ports(process)).collect(),
            reference: SimQueue::new(window, 0),
            leases: Vec::new(),
            epoch: DeliveryEpoch::FIRST,
            incarnation: IncarnationId::new("client".into(), 1),
            bench,
        })
    }

    async fn step(&mut self, client: usize, action: QueueAction) -> Stepped {
        self.perform(client, action).await?;
        let depth = self.clients[client].runner_queue().depth().await?;
        let now = self.advance();
        let reference = self.reference.depth(now);
        expect_same("the depth", &depth.depth, &reference.depth)?;
        let (age, expected) = (depth.oldest_ready_age, reference.oldest_ready_age);
        match age.abs_diff(expected) <= self.bench.timing().tolerance * 2 {
            true => Ok(()),
            false => expect_same("the age of the oldest ready message", &age, &expected),
        }
    }
}

impl<B: Bench> QueueModel<B> {
    fn unit(&self) -> Duration {
        self.bench.timing().lease / 2
    }

    /// Returns the time at which the reference acts, and brings the reference up to it.
    fn advance(&mut self) -> Timestamp {
        let now = Timestamp::from_nanos(nanos_of(self.clients[0].clock().elapsed()));
        self.reference.advance(now);
        now
    }

    async fn perform(&mut self, client: usize, action: QueueAction) -> Stepped {
        let ports = self.clients[client].clone();
        let queue = ports.runner_queue();
        match action {
            QueueAction::Enqueue { message: index } => {
                let key = format!("key-{index}");
                queue.enqueue(&message(index), &key).await?;
                let now = self.advance();
                let (arrival, incarnation) = (MessageArrival::default(), &self.incarnation);
                let reference = &mut self.reference;
                reference.enqueue(message(index), None, &key, arrival, incarnation, now);
                Ok(())
            }
            QueueAction::Lease { units } => {
                let lease = half_after(self.unit(), units);
                let leased = queue.lease(lease, Duration::ZERO).await?;
                self.compare_lease(leased, lease)
            }
            QueueAction::Call(..) if self.leases.is_empty() => Ok(()),
            QueueAction::Call(lease, call) => {
                let (own, known) = self.leases[lease.index(self.leases.len())];
                self.call(queue, own, known, &call).await
            }
            QueueAction::Redrive { limit } => {
                let count = queue.redrive(limit).await?;
                let now = self.advance();
                let expected = self.reference.redrive(limit, None, now);
                expect_same("the number of redriven letters", &count, &expected)
            }
            QueueAction::Reset => {
                self.bench.reset_queues().await;
                self.advance();
                self.epoch = self.epoch.next();
                self.reference.reset(self.epoch);
                Ok(())
            }
            QueueAction::Wait { units } => {
                ports.clock().sleep(self.unit() * units).await;
                Ok(())
            }
        }
    }

    /// Makes a call about a lease, whose deliveries are `own` in the queue and `known` in the
    /// reference.
    async fn call(
        &mut self,
        queue: &<B::Ports as Ports>::RunnerQueue,
        own: u64,
        known: u64,
        call: &LeaseCall,
    ) -> Stepped {
        let unit = self.unit();
        let (answer, expected) = match call {
            LeaseCall::Renew { units } => {
                let length = half_after(unit, *units);
                let answer = queue.renew(own, length).await?;
                let now = self.advance();
                (answer, self.reference.renew(known, length, now))
            }
            LeaseCall::Acknowledge => {
                let answer = queue.acknowledge(own).await?;
                self.advance();
                let expected = self.reference.remove(known, QueueStep::Acknowledged);
                (answer, expected)
            }
            LeaseCall::Release { units, counted } => {
                let delay = units.map_or(Duration::ZERO, |units| half_after(unit, units));
                let answer = queue.release(own, delay, *counted).await?;
                let now = self.advance();
                (answer, self.reference.release(known, delay, *counted, now))
            }
            LeaseCall::DeadLetter => {
                let answer = queue.dead_letter(own, "model").await?;
                self.advance();
                (answer, self.reference.dead_letter(known, "model".into()))
            }
            LeaseCall::Discard => {
                let answer = queue.discard(own, "model").await?;
                self.advance();
                (answer, self.reference.remove(known, QueueStep::Dropped))
            }
        };
        expect_same(&format!("the answer to {call:?}"), &answer, &expected)
    }

    /// Leases the message from the reference that the queue has leased.
    fn compare_lease(
        &mut self,
        leased: Option<Lease<SegmentMessage>>,
        length: Duration,
    ) -> Stepped {
        let now = self.advance();
        let Some(leased) = leased else {
            return expect_same("the number of ready messages", &0, &self.reference.ready());
        };
        let mut ready = self.reference.ready_bodies();
        let Some(position) = ready.position(|body| *body == leased.body) else {
            let because = "the reference has no such message ready";
            return Err(StepFailure(format!(
                "the leased message is {:?}, expected a ready one, because {because}",
                leased.body
            )));
        };
        drop(ready);
        let reference = &mut self.reference;
        let known = reference.lease(position, &self.incarnation, length, now);
        let known = known.expect("the reference leases a message that is ready");
        self.leases.push((leased.delivery, known.delivery));
        let content =
            |lease: Lease<SegmentMessage>| (lease.body, lease.run, lease.schedule, lease.attempt);
        expect_same("the lease", &content(leased), &content(known))
    }
}

fn agree<B: ModelBench>(cases: u32, planted: Option<PlantedFault>) -> Result<(), String> {
    super::agree::<QueueModel<B>>(cases, 39, action(), planted)
}

#[test]
fn random_operations_on_a_queue_agree_with_the_reference() {
    if let Err(difference) = agree::<SimulatedBench>(192, None) {
        panic!("{difference}");
    }
}

#[test]
fn random_operations_on_a_queue_in_a_file_agree_with_the_reference() {
    if let Err(difference) = agree::<FileBench>(96, None) {
        panic!("{difference}");
    }
}

#[test]
fn random_operations_on_a_queue_in_a_file_find_planted_faults() {
    for fault in [PlantedFault::KeysLost, PlantedFault::DelayLost] {
        assert!(agree::<FileBench>(96, Some(fault)).is_err(), "{fault:?}");
    }
}

#[test]
fn random_operations_on_a_queue_find_planted_faults() {
    for fault in [
        PlantedFault::KeysLost,
        PlantedFault::UnfencedAcknowledgement,
        PlantedFault::ReleaseAlwaysCounted,
        PlantedFault::DelayLost,
        PlantedFault::DeadLetterLost,
    ] {
        assert!(
            agree::<SimulatedBench>(192, Some(fault)).is_err(),
            "{fault:?}"
        );
    }
}
