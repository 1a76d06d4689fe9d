//! Random operations on a queue and on the reference.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use rehearsal::model::observation::QueueStep;
use rehearsal::model::time::nanos_of;
use rehearsal::model::{IncarnationId, Mode, SegmentMessage, Timestamp};
use rehearsal::sim::world::{MessageArrival, SimQueue};
use rehearsal::worker::ports::{Clock, Lease, LeaseAnswer, PortError, Ports, Queue};
use rehearsal_port_contract::Bench;

use super::{CLIENTS, expect_same, half_after, test_sequences};
use crate::planted::PlantedFault;
use crate::simulated::Simulation;

/// Operation of a client.
#[derive(Debug, Clone)]
enum QueueAction {
    Enqueue {
        message: u32,
    },
    Lease {
        units: u32,
    },
    Renew {
        lease: Index,
        units: u32,
    },
    Acknowledge {
        lease: Index,
    },
    Release {
        lease: Index,
        units: Option<u32>,
        counted: bool,
    },
    DeadLetter {
        lease: Index,
    },
    Discard {
        lease: Index,
    },
    Redrive {
        limit: usize,
    },
    Wait {
        units: u32,
    },
}

fn action() -> impl Strategy<Value = QueueAction> {
    let lease = any::<Index>;
    prop_oneof![
        4 => (0..6_u32).prop_map(|message| QueueAction::Enqueue { message }),
        6 => (0..3_u32).prop_map(|units| QueueAction::Lease { units }),
        2 => (lease(), 0..3_u32).prop_map(|(lease, units)| QueueAction::Renew { lease, units }),
        2 => lease().prop_map(|lease| QueueAction::Acknowledge { lease }),
        3 => (lease(), proptest::option::of(0..3_u32), any::<bool>()).prop_map(
            |(lease, units, counted)| QueueAction::Release { lease, units, counted }
        ),
        2 => lease().prop_map(|lease| QueueAction::DeadLetter { lease }),
        1 => lease().prop_map(|lease| QueueAction::Discard { lease }),
        1 => (0..3_usize).prop_map(|limit| QueueAction::Redrive { limit }),
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
struct QueueModel<P> {
    clients: Vec<P>,
    reference: SimQueue<SegmentMessage>,
    /// Deliveries of all leases so far: of the queue and of the reference.
    leases: Vec<(u64, u64)>,
    unit: Duration,
    tolerance: Duration,
    incarnation: IncarnationId,
}

impl<P: Ports> QueueModel<P> {
    fn new<B: Bench<Ports = P>>(bench: &B) -> Self {
        let window = bench.capabilities().idempotency_window.unwrap_or_default();
        Self {
            clients: (0..CLIENTS).map(|process| bench.ports(process)).collect(),
            reference: SimQueue::new(window, 0),
            leases: Vec::new(),
            unit: bench.timing().lease / 2,
            tolerance: bench.timing().tolerance,
            incarnation: IncarnationId::new("client".into(), 1),
        }
    }

    /// Returns the time at which the reference acts, and brings the reference up to it.
    fn advance(&mut self) -> Timestamp {
        let now = Timestamp::from_nanos(nanos_of(self.clients[0].clock().elapsed()));
        self.reference.advance(now);
        now
    }

    async fn step(&mut self, client: usize, action: QueueAction) -> Result<(), String> {
        self.perform(client, action)
            .await
            .map_err(|error| error.to_string())??;
        let depth = self.clients[client].runner_queue().depth().await;
        let depth = depth.map_err(|error| error.to_string())?;
        let now = self.advance();
        let reference = self.reference.depth(now);
        expect_same("the depth", &depth.depth, &reference.depth)?;
        let (age, expected) = (depth.oldest_ready_age, reference.oldest_ready_age);
        match age.abs_diff(expected) <= self.tolerance * 2 {
            true => Ok(()),
            false => expect_same("the age of the oldest ready message", &age, &expected),
        }
    }

    async fn perform(
        &mut self,
        client: usize,
        action: QueueAction,
    ) -> Result<Result<(), String>, PortError> {
        let ports = self.clients[client].clone();
        let queue = ports.runner_queue();
        let (unit, chosen) = (self.unit, |lease: &Index| {
            (!self.leases.is_empty()).then(|| self.leases[lease.index(self.leases.len())])
        });
        let (answer, expected) = match &action {
            QueueAction::Enqueue { message: index } => {
                let key = format!("key-{index}");
                queue.enqueue(&message(*index), &key).await?;
                let now = self.advance();
                let (arrival, incarnation) = (MessageArrival::default(), &self.incarnation);
                let reference = &mut self.reference;
                reference.enqueue(message(*index), None, &key, arrival, incarnation, now);
                return Ok(Ok(()));
            }
            QueueAction::Lease { units } => {
                let lease = half_after(unit, *units);
                let leased = queue.lease(lease, Duration::ZERO).await?;
                return Ok(self.compare_lease(leased, lease));
            }
            QueueAction::Redrive { limit } => {
                let count = queue.redrive(*limit).await?;
                let now = self.advance();
                let expected = self.reference.redrive(*limit, None, now);
                return Ok(expect_same(
                    "the number of redriven letters",
                    &count,
                    &expected,
                ));
            }
            QueueAction::Wait { units } => {
                ports.clock().sleep(unit * *units).await;
                return Ok(Ok(()));
            }
            QueueAction::Renew { lease, units } => {
                let Some((own, known)) = chosen(lease) else {
                    return Ok(Ok(()));
                };
                let length = half_after(unit, *units);
                let answer = queue.renew(own, length).await?;
                let now = self.advance();
                (answer, self.reference.renew(known, length, now))
            }
            QueueAction::Acknowledge { lease } => {
                let Some((own, known)) = chosen(lease) else {
                    return Ok(Ok(()));
                };
                let answer = queue.acknowledge(own).await?;
                self.advance();
                (
                    answer,
                    self.reference.remove(known, QueueStep::Acknowledged),
                )
            }
            QueueAction::Release {
                lease,
                units,
                counted,
            } => {
                let Some((own, known)) = chosen(lease) else {
                    return Ok(Ok(()));
                };
                let delay = units.map_or(Duration::ZERO, |units| half_after(unit, units));
                let answer = queue.release(own, delay, *counted).await?;
                let now = self.advance();
                (answer, self.reference.release(known, delay, *counted, now))
            }
            QueueAction::DeadLetter { lease } => {
                let Some((own, known)) = chosen(lease) else {
                    return Ok(Ok(()));
                };
                let answer = queue.dead_letter(own, "model").await?;
                self.advance();
                (answer, self.reference.dead_letter(known, "model".into()))
            }
            QueueAction::Discard { lease } => {
                let Some((own, known)) = chosen(lease) else {
                    return Ok(Ok(()));
                };
                let answer = queue.discard(own, "model").await?;
                self.advance();
                (answer, self.reference.remove(known, QueueStep::Dropped))
            }
        };
        let object = format!("the answer to {action:?}");
        Ok(expect_same::<LeaseAnswer>(&object, &answer, &expected))
    }

    /// Leases the message from the reference that the queue has leased.
    fn compare_lease(
        &mut self,
        leased: Option<Lease<SegmentMessage>>,
        length: Duration,
    ) -> Result<(), String> {
        let now = self.advance();
        let Some(leased) = leased else {
            return expect_same("the number of ready messages", &0, &self.reference.ready());
        };
        let mut ready = self.reference.ready_bodies();
        let Some(position) = ready.position(|body| *body == leased.body) else {
            let because = "the reference has no such message ready";
            return Err(format!(
                "the leased message is {:?}, expected a ready one, because {because}",
                leased.body
            ));
        };
        drop(ready);
        let reference = &mut self.reference;
        let known = reference.lease(position, &self.incarnation, length, now);
        let known = known.ok_or("the reference leases a message that is ready")?;
        self.leases.push((leased.delivery, known.delivery));
        let content =
            |lease: Lease<SegmentMessage>| (lease.body, lease.run, lease.schedule, lease.attempt);
        expect_same("the lease", &content(leased), &content(known))
    }
}

/// Performs random operations on a queue with a planted fault.
fn agree(cases: u32, planted: Option<PlantedFault>) -> Result<(), String> {
    let sequences = vec((0..CLIENTS, action()), 1..40);
    test_sequences(cases, sequences, |steps| {
        let mut simulation = Simulation::start(1, planted);
        let bench = simulation.bench();
        let sequence = async move {
            let mut model = QueueModel::new(&*bench);
            for (client, action) in steps {
                model.step(client, action).await?;
            }
            Ok(())
        };
        simulation
            .run(sequence)
            .unwrap_or_else(|| Err("it does not end".to_owned()))
    })
}

#[test]
fn random_operations_on_a_queue_agree_with_the_reference() {
    if let Err(difference) = agree(192, None) {
        panic!("{difference}");
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
        assert!(agree(192, Some(fault)).is_err(), "{fault:?}");
    }
}
