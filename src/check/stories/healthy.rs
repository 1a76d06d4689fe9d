//! A healthy story in which every invariant is exercised.

use std::time::Duration;

use super::story::{MODE, Story, delta, digest, high};
use crate::check::name::InvariantName;
use crate::model::commit::{FireFate, RunWrite, SegmentCommit};
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, QueueStep, ScanAnswer};
use crate::model::{CommitStep, RunState, SegmentOutcome};

/// A run in which nothing changes; the next one finds a change, is refused an image, blocks a fire,
/// meets an outage of Notify, a late call and a throttled request; a third is drained.
fn everything() -> Story {
    let mut story = Story::new();
    story.whole_run().scrape();
    second_run(&mut story);
    third_run(&mut story);
    story
}

fn second_run(story: &mut Story) {
    story.at("03:00:00").see(&Observation::ImageChanged {
        image: &digest(1),
        revision: 1,
        added: &high(2),
    });
    waiting_tenants(story);
    story.plan().scrape();
    story.at("03:00:10").see(&Observation::FaultBegan {
        kind: FaultKind::NotifyOutage,
        subject: "notify",
    });
    dispatch_again(story);
    let delivery = story.begin(0, 5);
    let second = story.begin(1, 6);
    let permit = |story: &Story| Some((10.0, story.now));
    let now = permit(story.wait(5));
    story.ask(1, delivery, now);
    let until = story.now.after(Duration::from_secs(2));
    story.answer(1, delivery, ScanAnswer::Throttled(until));
    let now = permit(story.wait(2));
    story
        .ask(1, delivery, now)
        .answer(1, delivery, ScanAnswer::Report(1));
    let now = permit(story.wait(1));
    story
        .ask(2, delivery, now)
        .answer(2, delivery, ScanAnswer::Refused);
    let mut segment = SegmentCommit {
        key: story.key(0),
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
    let CommitStep::Segment(unchanged) = story.segment_commit(0, delivery).step else {
        unreachable!()
    };
    segment.reports.push(crate::model::commit::ReportWrite {
        revision: 1,
        ..unchanged.reports[0].clone()
    });
    let commit = story.commit_of(segment, delivery);
    let mut events = commit.events.clone();
    story.submit(commit).scrape();
    story.step(5, delivery, Some(0), QueueStep::Acknowledged);
    story.step(5, delivery, Some(0), QueueStep::RefusedLate);
    let commit = story.segment_commit(1, second);
    events.extend(commit.events.clone());
    story
        .submit(commit)
        .step(6, second, Some(1), QueueStep::Acknowledged);
    story.see(&Observation::FaultEnded {
        kind: FaultKind::NotifyOutage,
        subject: "notify",
    });
    story.publish(&events).scrape();
}

/// Two tenants wait, and take turns; the second run of the story is taken up.
fn waiting_tenants(story: &mut Story) {
    story.start_by_hand("second");
    let mut rival = story.run.clone().unwrap();
    rival.id = "run:other:weekly:manual:1".into();
    rival.tenant = "other".into();
    let mine = story.run.clone().unwrap();
    let mut commit = story.new_commit(CommitStep::Manual, 0);
    commit.runs.push(RunWrite {
        run: rival.clone(),
        expected: None,
    });
    story.submit(commit);
    let incarnation = story.incarnation.clone();
    let waiting = [
        (mine.id.clone(), mine.tenant.clone(), story.now),
        (rival.id.clone(), rival.tenant.clone(), story.now),
    ];
    story.see(&Observation::PlanningRead {
        incarnation: &incarnation,
        waiting: &waiting,
    });
    story.see(&Observation::PlanningBegun {
        incarnation: &incarnation,
        run: &rival,
    });
    story.see(&Observation::PlanningBegun {
        incarnation: &incarnation,
        run: &mine,
    });
    // The rival is cancelled by its owner.
    story.see(&Observation::CancelRequested { run: &rival.id });
    let mut commit = story.new_commit(CommitStep::End(crate::model::commit::EndReason::Command), 0);
    let mut ended = story.run.clone().unwrap();
    ended.state = RunState::Cancelled;
    commit.runs.push(RunWrite {
        run: ended,
        expected: Some(1),
    });
    story.submit(commit);
    story.run = Some(mine);
    story.run.as_mut().unwrap().created_at = story.now;
}

/// Like [`Story::dispatch`], with the messages 4, 5 and 6.
fn dispatch_again(story: &mut Story) {
    let message = story.enqueue(None);
    let delivery = story.lease(message, None);
    let commit = story.dispatch_commit(delivery);
    story.submit(commit);
    story.enqueue(Some(0));
    story.enqueue(Some(1));
    story.acknowledge(message, delivery, None);
}

/// A cron run that blocks the next fire and is drained at the end.
fn third_run(story: &mut Story) {
    story.change_schedule(
        crate::model::observation::ScheduleChange::Edited,
        |schedule| {
            schedule.when_cron = Some("0 4,5 * * *".into());
        },
    );
    story.at("04:00:00");
    let commit = story.fire_commit("04:00:00", FireFate::Run);
    story.submit(commit);
    story.at("05:00:00");
    let commit = story.fire_commit("05:00:00", FireFate::Skipped);
    story.submit(commit);
    story
        .ledger
        .expect_drain(story.now, Duration::from_secs(600));
    story.plan();
    dispatch_again(story);
    for (index, message) in [(0, 8), (1, 9)] {
        let delivery = story.begin(index, message);
        story.scan(index, delivery);
        let CommitStep::Segment(mut segment) = story.segment_commit(index, delivery).step else {
            unreachable!()
        };
        // Image 1 stands at revision 1 since the second run.
        segment.reports[0].revision = u64::from(index == 0);
        let commit = story.commit_of(segment, delivery);
        let events = commit.events.clone();
        story
            .submit(commit)
            .publish(&events)
            .acknowledge(message, delivery, Some(index));
    }
    story.scrape();
}

#[test]
fn every_invariant_is_exercised_and_none_is_violated() {
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
fn the_report_counts_what_happened() {
    let story = everything();
    assert!(story.ledger.is_quiescent());
    let report = story.end();
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
    let _ = MODE;
}
