//! A healthy rehearsal in which every invariant is exercised.

use std::sync::Arc;
use std::time::Duration;

use super::call_budget::count_calls;
use super::fixture::Fixture;
use super::no_leak::count_resources;
use super::sample_data::{additions, delta, digest, high, new_run, nightly};
use super::scrape_recorded;
use crate::check::InvariantName;
use crate::model::commit::{FireOutcome, RunWrite, SegmentCommit};
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, QueueStep, ScanAnswer, ScheduleChange};
use crate::model::{CallCount, CommitStep, PortCall, RunState, Schedule, SegmentOutcome, Trigger};

/// The first run finds no change. The second finds one, is refused an image, and meets an outage of
/// Notify, a late call and a throttled request. The third blocks a fire and is drained.
fn everything() -> Fixture {
    let mut fixture = Fixture::without_gauges();
    fixture.forge(|page| scrape_recorded::stored(&mut page.scrape));
    for _ in 0..64 {
        fixture.wait(15).scrape();
    }
    fixture.whole_run().scrape();
    second_run(&mut fixture);
    third_run(&mut fixture);
    fixture
}

fn second_run(fixture: &mut Fixture) {
    fixture.at("03:00:00").see(&Observation::ImageChanged {
        image: &digest(1),
        revision: 1,
        changes: &additions(high(2)),
    });
    waiting_tenants(fixture);
    fixture.plan().scrape();
    fixture.at("03:00:10").see(&Observation::FaultBegan {
        kind: FaultKind::NotifyOutage,
        subject: "notify",
    });
    dispatch_again(fixture);
    let delivery = fixture.begin(0, 5);
    let second = fixture.begin(1, 6);
    let permit = |fixture: &Fixture| Some((10.0, fixture.now));
    let now = permit(fixture.wait(5));
    fixture.ask(1, delivery, now);
    let until = fixture.now.after(Duration::from_secs(2));
    fixture.answer(1, delivery, ScanAnswer::Throttled(until));
    let now = permit(fixture.wait(2));
    fixture
        .ask(1, delivery, now)
        .answer(1, delivery, ScanAnswer::Report(1));
    let now = permit(fixture.wait(1));
    fixture
        .ask(2, delivery, now)
        .answer(2, delivery, ScanAnswer::Refused);
    let mut segment = SegmentCommit {
        key: fixture.key(0),
        outcome: SegmentOutcome {
            unchanged: 0,
            changed: 1,
            failed: 1,
            deltas: high(2),
        },
        reports: Vec::new(),
        deltas: vec![delta(1, high(2))],
        failed: vec![digest(2)],
    };
    let CommitStep::Segment(unchanged) = fixture.segment_commit(0, delivery).step else {
        unreachable!()
    };
    segment.reports.push(crate::model::commit::ReportWrite {
        revision: 1,
        ..unchanged.reports[0].clone()
    });
    let commit = fixture.commit_of(segment, delivery);
    let mut events = commit.events.clone();
    fixture.submit(commit).scrape();
    fixture.step(5, delivery, Some(0), QueueStep::Acknowledged);
    fixture.step(5, delivery, Some(0), QueueStep::RefusedLate);
    let commit = fixture.segment_commit(1, second);
    events.extend(commit.events.clone());
    fixture
        .submit(commit)
        .step(6, second, Some(1), QueueStep::Acknowledged);
    fixture.see(&Observation::FaultEnded {
        kind: FaultKind::NotifyOutage,
        subject: "notify",
    });
    fixture.publish(&events).scrape();
}

/// Two tenants wait and take turns; the second run of the fixture is taken up.
fn waiting_tenants(fixture: &mut Fixture) {
    fixture.start_by_hand("second");
    let mine = fixture.run.clone().unwrap();
    let weekly = Arc::new(Schedule {
        id: "weekly".into(),
        tenant: "other".into(),
        when_cron: None,
        ..nightly()
    });
    fixture.forge(|page| {
        page.backlog.insert("weekly".into(), 0);
    });
    fixture.see(&Observation::ScheduleChanged {
        schedule: &weekly,
        change: ScheduleChange::Created,
    });
    fixture.see(&Observation::ManualRunRequested {
        schedule: &weekly.id,
        occurrence: "1",
        retried: None,
    });
    let rival = new_run(&weekly, Trigger::Manual, &"1");
    let mut commit = fixture.new_commit(CommitStep::Manual, 0);
    commit.runs.push(RunWrite {
        run: rival.clone(),
        expected: None,
    });
    fixture.submit(commit);
    let incarnation = fixture.incarnation.clone();
    let waiting = [
        (mine.id.clone(), mine.tenant.clone(), fixture.now),
        (rival.id.clone(), rival.tenant.clone(), fixture.now),
    ];
    fixture.see(&Observation::PlanningRead {
        incarnation: &incarnation,
        waiting: &waiting,
    });
    fixture.see(&Observation::PlanningBegun {
        incarnation: &incarnation,
        run: &rival,
    });
    fixture.see(&Observation::PlanningBegun {
        incarnation: &incarnation,
        run: &mine,
    });
    // The owner cancels the rival.
    fixture.see(&Observation::CancelRequested { run: &rival.id });
    let mut commit =
        fixture.new_commit(CommitStep::End(crate::model::commit::EndReason::Command), 0);
    let mut ended = fixture.run.clone().unwrap();
    ended.state = RunState::Cancelled;
    commit.runs.push(RunWrite {
        run: ended,
        expected: Some(1),
    });
    fixture.submit(commit);
    fixture.run = Some(mine);
    fixture.run.as_mut().unwrap().created_at = fixture.now;
}

/// Like [`Fixture::dispatch`], with the messages 4, 5 and 6.
fn dispatch_again(fixture: &mut Fixture) {
    let message = fixture.enqueue(None);
    let delivery = fixture.lease(message, None);
    let commit = fixture.dispatch_commit(delivery);
    fixture.submit(commit);
    fixture.enqueue(Some(0));
    fixture.enqueue(Some(1));
    fixture.acknowledge(message, delivery, None);
}

/// A cron run that blocks the next fire and is drained at the end.
fn third_run(fixture: &mut Fixture) {
    fixture.change_schedule(ScheduleChange::Edited, |schedule| {
        schedule.when_cron = Some("0 4,5 * * *".into());
    });
    fixture.at("04:00:00");
    let commit = fixture.fire_commit("04:00:00", FireOutcome::Run);
    fixture.submit(commit);
    fixture.at("05:00:00");
    let commit = fixture.fire_commit("05:00:00", FireOutcome::Skipped);
    fixture.submit(commit);
    fixture
        .oracle
        .expect_drain(fixture.now, Duration::from_secs(600));
    fixture.plan();
    dispatch_again(fixture);
    for (index, message) in [(0, 8), (1, 9)] {
        let delivery = fixture.begin(index, message);
        fixture.scan(index, delivery);
        let CommitStep::Segment(mut segment) = fixture.segment_commit(index, delivery).step else {
            unreachable!()
        };
        // Image 1 stands at revision 1 since the second run.
        segment.reports[0].revision = u64::from(index == 0);
        let commit = fixture.commit_of(segment, delivery);
        let events = commit.events.clone();
        fixture
            .submit(commit)
            .publish(&events)
            .acknowledge(message, delivery, Some(index));
    }
    let count = CallCount {
        begun: 3,
        failed: 0,
    };
    count_calls(fixture, PortCall::Heartbeat, count);
    count_resources(fixture, 10, 12);
    fixture.scrape();
}

#[test]
fn healthy_rehearsal_exercises_every_invariant_and_violates_none() {
    let report = everything().end();
    for findings in &report.findings {
        assert!(findings.violations.is_empty(), "{}", findings.violations[0]);
        let is_exercised = findings.exercised > 0 && findings.checks >= findings.exercised;
        assert!(
            is_exercised || findings.name == InvariantName::Determinism,
            "{findings:?}"
        );
    }
    assert!(!report.is_violated());
    assert!(report.stuck.is_empty());
}

#[test]
fn report_counts_what_happened() {
    let mut fixture = everything();
    assert!(fixture.oracle.is_quiescent());
    let report = fixture.end();
    let tally = &report.tally;
    assert_eq!(
        (
            tally.runs_created,
            tally.runs_completed,
            tally.runs_cancelled
        ),
        (4, 3, 1)
    );
    assert_eq!(
        (
            tally.segments,
            tally.images,
            tally.images_failed,
            tally.deltas
        ),
        (6, 11, 1, 1)
    );
    assert_eq!((tally.scanner_requests, tally.events), (11, 12));
    assert_eq!((tally.peak_backlog, tally.backlog), (4, 0));
    assert_eq!(tally.fires, [2, 0, 1, 0]);
    assert_eq!(
        (report.messages.enqueued, report.messages.acknowledged),
        (9, 9)
    );
    assert_eq!(report.faults, [(FaultKind::NotifyOutage, 1, 0)]);
    assert_eq!(report.latency_micros.len(), 3);
    assert_eq!(report.duration_micros.len(), 3);
}
