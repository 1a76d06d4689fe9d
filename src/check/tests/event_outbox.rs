//! `event-outbox`: events of commits, and their publication.

use super::defect::Defect;
use super::fixture::Fixture;
use super::sample_data::{delta, delta_event, digest, high, report_event};
use crate::check::InvariantName::EventOutbox;
use crate::check::OracleReport;
use crate::model::observation::Observation;
use crate::model::{Commit, CommitStep, Event, EventId, EventKind, EventPayload, RunId, Timestamp};

pub const DEFECTS: &[Defect] = &[
    Defect::new(EventOutbox, "report without its event", || {
        let mut fixture = Fixture::new();
        fixture.fire().plan().dispatch();
        let message = fixture.message_of(0);
        let delivery = fixture.begin(0, message);
        let mut commit = fixture.segment_commit(0, delivery);
        commit.events.pop();
        let events = commit.events.clone();
        fixture
            .submit(commit)
            .publish(&events)
            .acknowledge(message, delivery, Some(0));
        fixture.work(1).end()
    }),
    Defect::new(
        EventOutbox,
        "event that the policy does not ask for",
        || {
            segment_commit_with(|fixture, commit| {
                let run = fixture.run.clone().unwrap();
                commit.events.push(delta_event(&run, &delta(1, high(1))));
            })
        },
    ),
    Defect::new(EventOutbox, "event with another run's identity", || {
        segment_commit_with(|fixture, commit| {
            let mut run = fixture.run.clone().unwrap();
            run.id = "run:acme:nightly:manual:other".into();
            commit.events[0] = report_event(&run, digest(1));
        })
    }),
    Defect::new(
        EventOutbox,
        "event of a commit that is not of a segment",
        || {
            let mut fixture = Fixture::new();
            let run = fixture.fire().run.clone().unwrap();
            let mut commit = fixture.new_commit(CommitStep::Requeue, 0);
            commit.events.push(report_event(&run, digest(1)));
            fixture.submit(commit).stop_here()
        },
    ),
    Defect::new(EventOutbox, "event written twice", || {
        let (mut fixture, _, delivery) = Fixture::with_a_segment();
        let commit = fixture.segment_commit(0, delivery);
        let again = commit.events.clone();
        fixture.submit(commit);
        let mut commit = fixture.new_commit(CommitStep::Requeue, 0);
        commit.events = again;
        fixture.submit(commit).stop_here()
    }),
    Defect::new(
        EventOutbox,
        "event forgotten before its publication",
        || {
            let (mut fixture, _, delivery) = Fixture::with_a_segment();
            let commit = fixture.segment_commit(0, delivery);
            let id = commit.events[0].event_id;
            fixture.submit(commit);
            fixture.see(&Observation::EventForgotten { id });
            fixture.stop_here()
        },
    ),
    Defect::new(EventOutbox, "event forgotten that no commit wrote", || {
        let mut fixture = Fixture::new();
        fixture.see(&Observation::EventForgotten { id: EventId(7) });
        fixture.stop_here()
    }),
    Defect::new(EventOutbox, "event left in the outbox", || {
        let (mut fixture, message, delivery) = Fixture::with_a_segment();
        let commit = fixture.segment_commit(0, delivery);
        fixture
            .submit(commit)
            .acknowledge(message, delivery, Some(0));
        fixture.work(1).end()
    }),
    Defect::new(EventOutbox, "event published that no commit wrote", || {
        publishes_after_a_run(|_| EventId(7))
    }),
    Defect::new(EventOutbox, "event of another tenant", || {
        first_event_with(|event| event.tenant = "other".into())
    }),
    Defect::new(
        EventOutbox,
        "event with the time of an earlier report",
        || first_event_with(|event| event.ts = Timestamp::ZERO),
    ),
    Defect::new(EventOutbox, "event with another number of findings", || {
        first_event_with(|event| {
            event.payload = EventPayload::ReportReady {
                image_digest: event.attributes.image,
                findings: 3,
            };
        })
    }),
    Defect::new(EventOutbox, "event published with other content", || {
        let (mut fixture, _, delivery) = Fixture::with_a_segment();
        let commit = fixture.segment_commit(0, delivery);
        let mut event = Event::clone(&commit.events[0]);
        fixture.submit(commit);
        event.tenant = "other".into();
        fixture.publish(&[event.into()]).stop_here()
    }),
];

fn first_event_with(change: fn(&mut Event)) -> OracleReport {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    let mut commit = fixture.segment_commit(0, delivery);
    let mut event = Event::clone(&commit.events[0]);
    change(&mut event);
    commit.events[0] = event.into();
    fixture.submit(commit).stop_here()
}

fn segment_commit_with(change: fn(&Fixture, &mut Commit)) -> OracleReport {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    let mut commit = fixture.segment_commit(0, delivery);
    change(&fixture, &mut commit);
    fixture.submit(commit).stop_here()
}

fn publishes_after_a_run(identity: impl FnOnce(&RunId) -> EventId) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.whole_run().wait(1);
    let run = fixture.run.clone().unwrap();
    let mut event = Event::clone(&report_event(&run, digest(1)));
    event.event_id = identity(&run.id);
    fixture.see(&Observation::EventPublished { event: &event });
    fixture.wait(60).end()
}

#[test]
fn late_repeat_of_a_publication_is_no_violation() {
    let known = |run: &RunId| EventId::of(EventKind::ReportReady, run, &digest(1));
    assert!(publishes_after_a_run(known).is_clean(EventOutbox));
}
