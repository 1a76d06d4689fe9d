//! `event-outbox`: events of commits, and their publication.

use super::defect::Defect;
use super::fixture::Fixture;
use super::sample_data::{digest, event};
use crate::check::InvariantName::EventOutbox;
use crate::check::OracleReport;
use crate::model::observation::Observation;
use crate::model::{Commit, CommitStep, EventId, EventKind};

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
                commit
                    .events
                    .push(event(EventKind::RescanDelta, &run, digest(1)));
            })
        },
    ),
    Defect::new(EventOutbox, "event with another run's identity", || {
        segment_commit_with(|fixture, commit| {
            let mut run = fixture.run.clone().unwrap();
            run.id = "run:acme:nightly:manual:other".into();
            commit.events[0] = event(EventKind::ReportReady, &run, digest(1));
        })
    }),
    Defect::new(
        EventOutbox,
        "event of a commit that is not of a segment",
        || {
            let mut fixture = Fixture::new();
            let run = fixture.fire().run.clone().unwrap();
            let mut commit = fixture.new_commit(CommitStep::Requeue, 0);
            commit
                .events
                .push(event(EventKind::ReportReady, &run, digest(1)));
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
        publishes_after_a_run(EventId(7))
    }),
];

fn segment_commit_with(change: fn(&Fixture, &mut Commit)) -> OracleReport {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    let mut commit = fixture.segment_commit(0, delivery);
    change(&fixture, &mut commit);
    fixture.submit(commit).stop_here()
}

fn publishes_after_a_run(id: EventId) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.whole_run().wait(1);
    fixture.see(&Observation::EventPublished { id });
    fixture.wait(60).end()
}

#[test]
fn late_repeat_of_a_publication_is_no_violation() {
    let mut fixture = Fixture::new();
    let run = fixture.whole_run().run_id();
    let known = EventId::of(EventKind::ReportReady, &run, &digest(1));
    assert!(publishes_after_a_run(known).is_clean(EventOutbox));
}
