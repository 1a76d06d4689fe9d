//! Guarantees of the queue: no message is lost, each has one holder, and ended leases are refused.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::PlannerMessage;

const LEASE: Duration = Duration::from_secs(60);
const WINDOW: Duration = Duration::from_mins(2);

fn message(run: &str) -> PlannerMessage {
    PlannerMessage {
        run: run.into(),
        schedule: "nightly".into(),
        tenant: "acme".into(),
        impact: crate::model::ImpactSet::default(),
    }
}

fn incarnation() -> IncarnationId {
    IncarnationId {
        process: "worker-1".into(),
        number: 1,
    }
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn enqueue(queue: &mut SimQueue<PlannerMessage>, run: &str, key: &str, now: Timestamp) {
    queue.enqueue(
        message(run),
        None,
        key,
        MessageArrival::default(),
        &incarnation(),
        now,
    );
}

/// A queue with one message, leased from second 0.
fn leased() -> (SimQueue<PlannerMessage>, Lease<PlannerMessage>) {
    let mut queue = SimQueue::new(WINDOW, 1);
    enqueue(&mut queue, "run", "run", at(0));
    let lease = queue.lease(0, &incarnation(), LEASE, at(0)).unwrap();
    (queue, lease)
}

#[test]
fn key_within_the_window_is_deduplicated() {
    let mut queue = SimQueue::new(WINDOW, 1);
    enqueue(&mut queue, "run", "run", at(0));
    enqueue(&mut queue, "run", "run", at(119));
    assert_eq!(queue.depth(at(119)).depth, 1);
    enqueue(&mut queue, "run", "run:1", at(119));
    enqueue(&mut queue, "run", "run", at(120));
    assert_eq!(queue.depth(at(120)).depth, 3);
}

#[test]
fn lease_after_expiry_counts_and_refuses_late_calls() {
    let (mut queue, first) = leased();
    assert_eq!((first.attempt, first.delivery), (1, 1));
    queue.advance(at(59));
    assert!(queue.lease(0, &incarnation(), LEASE, at(59)).is_none());
    queue.advance(at(60));
    let second = queue.lease(0, &incarnation(), LEASE, at(60)).unwrap();
    assert_eq!(second.attempt, 2);
    assert!(second.delivery > first.delivery);
    for late in [
        queue.renew(1, LEASE, at(61)),
        queue.remove(1, QueueStep::Acknowledged),
        queue.release(1, Duration::ZERO, true, at(61)),
        queue.dead_letter(1, "late".into()),
    ] {
        assert_eq!(late, LeaseAnswer::Expired);
    }
    let is_late = |event: &QueueEvent| event.step == QueueStep::RefusedLate;
    assert_eq!(
        queue.take_events().iter().filter(|it| is_late(it)).count(),
        4
    );
    assert_eq!(
        queue.remove(second.delivery, QueueStep::Acknowledged),
        LeaseAnswer::Done
    );
    assert_eq!(queue.depth(at(61)).depth, 0);
}

#[test]
fn renewal_extends_the_lease_from_its_own_time() {
    let (mut queue, lease) = leased();
    assert_eq!(
        queue.renew(lease.delivery, LEASE, at(40)),
        LeaseAnswer::Done
    );
    queue.advance(at(99));
    assert_eq!(queue.ready(), 0);
    assert_eq!(queue.next_due(), Some(at(100)));
    queue.advance(at(100));
    assert_eq!(queue.ready(), 1);
}

#[test]
fn released_message_is_ready_after_its_delay() {
    for (counted, attempt) in [(false, 1), (true, 2)] {
        let (mut queue, lease) = leased();
        let delay = Duration::from_secs(5);
        let answer = queue.release(lease.delivery, delay, counted, at(1));
        assert_eq!(answer, LeaseAnswer::Done);
        queue.advance(at(5));
        assert!(queue.lease(0, &incarnation(), LEASE, at(5)).is_none());
        queue.advance(at(6));
        assert_eq!(queue.depth(at(9)).oldest_ready_age, Duration::from_secs(3));
        assert_eq!(
            queue
                .lease(0, &incarnation(), LEASE, at(9))
                .unwrap()
                .attempt,
            attempt
        );
    }
}

#[test]
fn messages_that_become_ready_in_one_step_are_in_the_order_of_their_times() {
    let (mut queue, _) = leased();
    enqueue(&mut queue, "delayed", "delayed", at(10));
    let delayed = queue.lease(0, &incarnation(), LEASE, at(10)).unwrap();
    queue.release(delayed.delivery, Duration::from_secs(5), false, at(10));
    queue.advance(at(70));
    let bodies = queue.ready_bodies().flatten();
    let runs: Vec<_> = bodies.map(|body| body.run.as_str()).collect();
    assert_eq!(runs, ["delayed", "run"]);
    let age = queue.depth(at(70)).oldest_ready_age;
    assert_eq!(age, Duration::from_secs(55));
}

#[test]
fn redriven_dead_letter_has_no_failed_delivery() {
    let (mut queue, lease) = leased();
    assert_eq!(
        queue.dead_letter(lease.delivery, "bad".into()),
        LeaseAnswer::Done
    );
    assert_eq!(queue.depth(at(1)).depth, 0);
    let (_, entry, reason) = &queue.dead[0];
    assert_eq!((entry.headers.run.as_str(), &**reason), ("run", "bad"));
    assert_eq!(queue.redrive(10, None, at(2)), 1);
    assert_eq!(queue.redrive(10, None, at(2)), 0);
    assert_eq!(
        queue
            .lease(0, &incarnation(), LEASE, at(2))
            .unwrap()
            .attempt,
        1
    );
}

#[test]
fn reset_queue_has_lost_its_messages_and_keys_and_counts_deliveries_in_the_next_epoch() {
    let (mut queue, held) = leased();
    enqueue(&mut queue, "dead", "dead", at(1));
    let dead = queue.lease(0, &incarnation(), LEASE, at(1)).unwrap();
    queue.dead_letter(dead.delivery, "poison".into());
    for (run, delay) in [("ready", Duration::ZERO), ("delayed", LEASE)] {
        let arrival = MessageArrival {
            delay,
            ..MessageArrival::default()
        };
        queue.enqueue(message(run), None, run, arrival, &incarnation(), at(1));
    }
    let epoch = DeliveryEpoch::FIRST.next();
    assert_eq!(queue.reset(epoch), 3);
    assert!(queue.is_conserved());
    assert_eq!((queue.depth(at(2)).depth, queue.next_due()), (0, None));
    let late = queue.renew(held.delivery, LEASE, at(2));
    assert_eq!(late, LeaseAnswer::Expired);
    // The key is forgotten, and the first delivery is higher than all before.
    enqueue(&mut queue, "run", "run", at(2));
    let again = queue.lease(0, &incarnation(), LEASE, at(2)).unwrap();
    assert_eq!((again.delivery, again.attempt), (epoch.delivery(1), 1));
    let late = queue.remove(held.delivery, QueueStep::Acknowledged);
    assert_eq!(late, LeaseAnswer::Expired);
    let done = queue.remove(again.delivery, QueueStep::Acknowledged);
    assert_eq!(done, LeaseAnswer::Done);
    // A dead letter is kept, and is delivered in the new epoch.
    assert_eq!(queue.redrive(1, None, at(3)), 1);
    let redriven = queue.lease(0, &incarnation(), LEASE, at(3)).unwrap();
    assert_eq!(redriven.delivery, epoch.delivery(3));
}

#[test]
fn unreadable_message_keeps_its_headers_in_every_copy() {
    let mut queue = SimQueue::new(WINDOW, 1);
    let arrival = MessageArrival {
        is_poisoned: true,
        is_doubled: true,
        ..MessageArrival::default()
    };
    queue.enqueue(message("run"), None, "run", arrival, &incarnation(), at(0));
    for _ in 0..2 {
        let lease = queue.lease(0, &incarnation(), LEASE, at(0)).unwrap();
        assert!(lease.body.is_err());
        assert_eq!(lease.run, "run".into());
    }
    assert_eq!(
        queue
            .take_events()
            .iter()
            .filter(|it| it.is_spoiled)
            .count(),
        2
    );
}

/// Operation on a queue.
#[derive(Debug, Clone)]
enum QueueOperation {
    Enqueue(u8),
    Lease(u8),
    Renew(u8),
    Acknowledge(u8),
    Release(u8, u8, bool),
    DeadLetter(u8),
    Redrive,
    Reset,
    Wait(u8),
}

fn operation() -> impl Strategy<Value = QueueOperation> {
    prop_oneof![
        2 => any::<u8>().prop_map(QueueOperation::Enqueue),
        2 => any::<u8>().prop_map(QueueOperation::Lease),
        2 => any::<u8>().prop_map(QueueOperation::Renew),
        2 => any::<u8>().prop_map(QueueOperation::Acknowledge),
        2 => (any::<u8>(), 0..90_u8, any::<bool>())
            .prop_map(|(which, delay, counted)| QueueOperation::Release(which, delay, counted)),
        2 => any::<u8>().prop_map(QueueOperation::DeadLetter),
        2 => Just(QueueOperation::Redrive),
        1 => Just(QueueOperation::Reset),
        2 => (1..90_u8).prop_map(QueueOperation::Wait),
    ]
}

/// Performs operations, and checks after each that every message is in exactly one place.
struct QueueModel {
    queue: SimQueue<PlannerMessage>,
    seconds: u64,
    enqueued: u64,
    acknowledged: u64,
    dead: u64,
    lost: u64,
    epoch: DeliveryEpoch,
    /// Deliveries with their messages and the ends of their leases.
    held: Vec<(u64, u64, u64)>,
}

impl QueueModel {
    fn pick(&self, which: u8) -> Option<(usize, u64, bool)> {
        let index = usize::from(which).checked_rem(self.held.len())?;
        let (delivery, _, until) = self.held[index];
        Some((index, delivery, until > self.seconds))
    }

    fn perform(&mut self, operation: &QueueOperation) {
        let now = at(self.seconds);
        self.queue.advance(now);
        match operation {
            QueueOperation::Enqueue(name) => {
                self.enqueued += 1;
                let key = format!("{name}:{}", self.enqueued);
                enqueue(&mut self.queue, "run", &key, now);
            }
            QueueOperation::Lease(which) => {
                let ready = self.queue.ready();
                let index = usize::from(*which).checked_rem(ready).unwrap_or(0);
                let lease = self.queue.lease(index, &incarnation(), LEASE, now);
                assert_eq!(lease.is_some(), ready > 0);
                if let Some(lease) = lease {
                    let given = self.queue.deliveries.get(lease.delivery);
                    let message = given.unwrap().message;
                    let is_newest = self.held.iter().all(|(other, ..)| *other < lease.delivery);
                    assert!(is_newest, "fencing numbers grow");
                    let is_held =
                        |held: &&(u64, u64, u64)| held.1 == message && held.2 > self.seconds;
                    assert!(
                        self.held.iter().find(is_held).is_none(),
                        "two holders of one message"
                    );
                    self.held.push((lease.delivery, message, self.seconds + 60));
                }
            }
            QueueOperation::Renew(which) => {
                if let Some((index, delivery, is_held)) = self.pick(*which) {
                    let answer = self.queue.renew(delivery, LEASE, now);
                    assert_eq!(answer == LeaseAnswer::Done, is_held);
                    if is_held {
                        self.held[index].2 = self.seconds + 60;
                    }
                }
            }
            QueueOperation::Acknowledge(which) => self.end(
                *which,
                |queue, delivery| queue.remove(delivery, QueueStep::Acknowledged),
                |model| model.acknowledged += 1,
            ),
            QueueOperation::Release(which, delay, counted) => self.end(
                *which,
                |queue, delivery| {
                    queue.release(
                        delivery,
                        Duration::from_secs(u64::from(*delay)),
                        *counted,
                        now,
                    )
                },
                |_| (),
            ),
            QueueOperation::DeadLetter(which) => self.end(
                *which,
                |queue, delivery| queue.dead_letter(delivery, "bad".into()),
                |model| model.dead += 1,
            ),
            QueueOperation::Redrive => self.dead -= self.queue.redrive(2, None, now),
            QueueOperation::Reset => {
                self.epoch = self.epoch.next();
                self.lost += self.queue.reset(self.epoch) as u64;
                for (.., until) in &mut self.held {
                    *until = 0;
                }
            }
            QueueOperation::Wait(seconds) => self.seconds += u64::from(*seconds),
        }
        self.check();
    }

    fn end(
        &mut self,
        which: u8,
        act: impl Fn(&mut SimQueue<PlannerMessage>, u64) -> LeaseAnswer,
        then: impl Fn(&mut Self),
    ) {
        if let Some((index, delivery, is_held)) = self.pick(which) {
            let answer = act(&mut self.queue, delivery);
            assert_eq!(answer == LeaseAnswer::Done, is_held);
            if is_held {
                self.held[index].2 = 0;
                then(self);
            }
        }
    }

    fn check(&mut self) {
        let now = at(self.seconds);
        self.queue.advance(now);
        let live = self.queue.depth(now).depth;
        assert_eq!(
            live + self.acknowledged + self.dead + self.lost,
            self.enqueued,
            "a message is lost"
        );
        let places = self.queue.ready.len() + self.queue.delayed.len() + self.queue.leased.len();
        assert_eq!(places as u64, live);
        assert!(self.queue.is_conserved());
        let ready: BTreeSet<_> = self.queue.ready.iter().collect();
        assert_eq!(ready.len(), self.queue.ready.len());
        let held = self.held.iter().filter(|(.., until)| *until > self.seconds);
        assert_eq!(held.count(), self.queue.leased.len());
    }
}

proptest! {
    #[test]
    fn operations_keep_every_message_in_one_place_with_one_holder(
        operations in prop::collection::vec(operation(), 0..200),
    ) {
        let mut model = QueueModel {
            queue: SimQueue::new(WINDOW, 1),
            seconds: 1,
            enqueued: 0,
            acknowledged: 0,
            dead: 0,
            lost: 0,
            epoch: DeliveryEpoch::FIRST,
            held: Vec::new(),
        };
        for operation in &operations {
            model.perform(operation);
        }
    }
}
