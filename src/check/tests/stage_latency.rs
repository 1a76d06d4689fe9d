//! `stage-latency`: each wait is once too long, and once as long as it may be.

use super::defect::Defect;
use super::fixture::Fixture;
use crate::check::InvariantName::StageLatency;
use crate::check::OracleReport;
use crate::model::fault::FaultKind;
use crate::model::observation::Observation;

pub const DEFECTS: &[Defect] = &[
    Defect::new(StageLatency, "planning begun late", || plans_after(21)),
    Defect::new(StageLatency, "planned run enqueued late", || {
        enqueues_after(31)
    }),
    Defect::new(StageLatency, "planner message leased late", || {
        leases_after(None, 16)
    }),
    Defect::new(StageLatency, "segment leased late", || {
        leases_after(Some(0), 21)
    }),
    Defect::new(StageLatency, "segment committed late", || commits_after(16)),
    Defect::new(StageLatency, "event published late", || publishes_after(31)),
];

fn plans_after(seconds: u64) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire().wait(seconds);
    let (incarnation, run) = (fixture.incarnation.clone(), fixture.run.clone().unwrap());
    fixture.see(&Observation::PlanningBegun {
        incarnation: &incarnation,
        run: &run,
    });
    fixture.stop_here()
}

fn enqueues_after(seconds: u64) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire().plan().wait(seconds).enqueue(None);
    fixture.stop_here()
}

fn leases_after(segment: Option<u32>, seconds: u64) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire().plan();
    if segment.is_some() {
        fixture.dispatch();
    }
    let message = fixture.enqueue(segment);
    fixture.wait(seconds).lease(message, segment);
    fixture.stop_here()
}

fn commits_after(seconds: u64) -> OracleReport {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    fixture.scan(0, delivery).wait(seconds);
    let commit = fixture.segment_commit(0, delivery);
    fixture.submit(commit).stop_here()
}

fn publishes_after(seconds: u64) -> OracleReport {
    publishes(seconds, false)
}

/// Publishes the events of a commit late; `fault`: after a fault.
fn publishes(seconds: u64, fault: bool) -> OracleReport {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    fixture.scan(0, delivery);
    let commit = fixture.segment_commit(0, delivery);
    let events = commit.events.clone();
    fixture.submit(commit);
    if fault {
        let kind = FaultKind::NotifyOutage;
        fixture.see(&Observation::FaultTriggered { kind });
    }
    fixture.wait(seconds).publish(&events).stop_here()
}

#[test]
fn waits_of_their_bounds_are_no_violation() {
    for report in [
        plans_after(20),
        enqueues_after(30),
        leases_after(None, 15),
        leases_after(Some(0), 20),
        commits_after(15),
        publishes_after(30),
        publishes(1_000, true),
    ] {
        assert!(
            report.is_clean(StageLatency),
            "{:?}",
            report.texts(StageLatency)
        );
    }
}
