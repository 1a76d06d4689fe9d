//! What the queue promises: nothing is lost, one holder at a time, no belief in ended leases.

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
fn a_key_within_the_window_is_a_repeat() {
    let mut queue = SimQueue::new(WINDOW, 1);
    enqueue(&mut queue, "run", "run", at(0));
    enqueue(&mut queue, "run", "run", at(119));
    assert_eq!(queue.depth(at(119)).depth, 1);
    enqueue(&mut queue, "run", "run:1", at(119));
    enqueue(&mut queue, "run", "run", at(120));
    assert_eq!(queue.depth(at(120)).depth, 3);
}

#[test]
fn an_ended_lease_counts_and_makes_ready_again() {
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
    let is_late = |incident: &QueueEvent| incident.step == QueueStep::RefusedLate;
    assert_eq!(
        queue
            .take_incidents()
            .iter()
            .filter(|it| is_late(it))
            .count(),
        4
    );
    assert_eq!(
        queue.remove(second.delivery, QueueStep::Acknowledged),
        LeaseAnswer::Done
    );
    assert_eq!(queue.depth(at(61)).depth, 0);
}

#[test]
fn a_renewal_counts_from_its_own_time() {
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
fn a_release_comes_back_after_its_delay_and_counts_if_asked() {
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
fn dead_letters_come_back_with_a_fresh_count() {
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
fn a_spoiled_message_keeps_its_headers_in_every_copy() {
    let mut queue = SimQueue::new(WINDOW, 1);
    let arrival = MessageArrival {
        is_poisoned: true,
        is_doubled: true,
        delay: Duration::ZERO,
    };
    queue.enqueue(message("run"), None, "run", arrival, &incarnation(), at(0));
    for _ in 0..2 {
        let lease = queue.lease(0, &incarnation(), LEASE, at(0)).unwrap();
        assert!(lease.body.is_err());
        assert_eq!(lease.run, "run".into());
    }
    assert_eq!(
        queue
            .take_incidents()
            .iter()
            .filter(|it| it.is_spoiled)
            .count(),
        2
    );
}

/// Something done to a queue.
#[derive(Debug, Clone)]
enum Deed {
    Enqueue(u8),
    Lease(u8),
    Renew(u8),
    Acknowledge(u8),
    Release(u8, u8, bool),
    DeadLetter(u8),
    Redrive,
    Wait(u8),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        any::<u8>().prop_map(Deed::Enqueue),
        any::<u8>().prop_map(Deed::Lease),
        any::<u8>().prop_map(Deed::Renew),
        any::<u8>().prop_map(Deed::Acknowledge),
        (any::<u8>(), 0..90_u8, any::<bool>())
            .prop_map(|(which, delay, counted)| Deed::Release(which, delay, counted)),
        any::<u8>().prop_map(Deed::DeadLetter),
        Just(Deed::Redrive),
        (1..90_u8).prop_map(Deed::Wait),
    ]
}

/// Plays deeds, and checks after each that every message is in exactly one place.
struct Play {
    queue: SimQueue<PlannerMessage>,
    seconds: u64,
    enqueued: u64,
    acknowledged: u64,
    dead: u64,
    /// Deliveries with what the queue should believe of them: message and end of lease.
    held: Vec<(u64, u64, u64)>,
}

impl Play {
    fn pick(&self, which: u8) -> Option<(usize, u64, bool)> {
        let place = usize::from(which).checked_rem(self.held.len())?;
        let (delivery, _, until) = self.held[place];
        Some((place, delivery, until > self.seconds))
    }

    fn play(&mut self, deed: &Deed) {
        let now = at(self.seconds);
        self.queue.advance(now);
        match deed {
            Deed::Enqueue(name) => {
                self.enqueued += 1;
                let key = format!("{name}:{}", self.enqueued);
                enqueue(&mut self.queue, "run", &key, now);
            }
            Deed::Lease(which) => {
                let ready = self.queue.ready();
                let place = usize::from(*which).checked_rem(ready).unwrap_or(0);
                let lease = self.queue.lease(place, &incarnation(), LEASE, now);
                assert_eq!(lease.is_some(), ready > 0);
                if let Some(lease) = lease {
                    let message = self.queue.deliveries.last().unwrap().message;
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
            Deed::Renew(which) => {
                if let Some((place, delivery, is_held)) = self.pick(*which) {
                    let answer = self.queue.renew(delivery, LEASE, now);
                    assert_eq!(answer == LeaseAnswer::Done, is_held);
                    if is_held {
                        self.held[place].2 = self.seconds + 60;
                    }
                }
            }
            Deed::Acknowledge(which) => self.end(
                *which,
                |queue, delivery| queue.remove(delivery, QueueStep::Acknowledged),
                |play| play.acknowledged += 1,
            ),
            Deed::Release(which, delay, counted) => self.end(
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
            Deed::DeadLetter(which) => self.end(
                *which,
                |queue, delivery| queue.dead_letter(delivery, "bad".into()),
                |play| play.dead += 1,
            ),
            Deed::Redrive => self.dead -= self.queue.redrive(2, None, now),
            Deed::Wait(seconds) => self.seconds += u64::from(*seconds),
        }
        self.check();
    }

    fn end(
        &mut self,
        which: u8,
        act: impl Fn(&mut SimQueue<PlannerMessage>, u64) -> LeaseAnswer,
        then: impl Fn(&mut Self),
    ) {
        if let Some((place, delivery, is_held)) = self.pick(which) {
            let answer = act(&mut self.queue, delivery);
            assert_eq!(answer == LeaseAnswer::Done, is_held);
            if is_held {
                self.held[place].2 = 0;
                then(self);
            }
        }
    }

    fn check(&mut self) {
        let now = at(self.seconds);
        self.queue.advance(now);
        let live = self.queue.depth(now).depth;
        assert_eq!(
            live + self.acknowledged + self.dead,
            self.enqueued,
            "a message is lost"
        );
        let places = self.queue.ready.len() + self.queue.delayed.len() + self.queue.leased.len();
        assert_eq!(places as u64, live);
        let ready: BTreeSet<_> = self.queue.ready.iter().collect();
        assert_eq!(ready.len(), self.queue.ready.len());
        let held = self.held.iter().filter(|(.., until)| *until > self.seconds);
        assert_eq!(held.count(), self.queue.leased.len());
    }
}

proptest! {
    #[test]
    fn every_message_is_in_one_place_and_has_one_holder(deeds in prop::collection::vec(deed(), 0..200)) {
        let mut play = Play {
            queue: SimQueue::new(WINDOW, 1),
            seconds: 1,
            enqueued: 0,
            acknowledged: 0,
            dead: 0,
            held: Vec::new(),
        };
        for deed in &deeds {
            play.play(deed);
        }
    }
}
