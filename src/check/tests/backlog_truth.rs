//! `backlog-truth`: exposed backlogs.

use std::time::Duration;

use super::defect::Defect;
use super::fixture::Fixture;
use crate::check::InvariantName::BacklogTruth;
use crate::check::OracleReport;
use crate::model::observation::{Observation, PortName, ScheduleChange};

pub const DEFECTS: &[Defect] = &[
    Defect::new(BacklogTruth, "value older than a refresh", || {
        let mut fixture = Fixture::new();
        fixture.whole_run().wait(16);
        fixture
            .forge(|page| *page.backlog.get_mut("nightly").unwrap() = 2)
            .scrape()
            .end()
    }),
    Defect::new(BacklogTruth, "value of before a plan", || {
        zero_after_a_plan(16)
    }),
    Defect::new(BacklogTruth, "series absent after reconnection", || {
        absent_after_reconnection(30)
    }),
    Defect::new(BacklogTruth, "series of a deleted schedule", || {
        exposed_after_deletion(16)
    }),
    Defect::new(BacklogTruth, "series of no schedule", || {
        let mut fixture = Fixture::new();
        fixture.forge(|page| {
            page.backlog.insert("ghost".into(), 0);
        });
        fixture.scrape().stop_here()
    }),
    Defect::new(BacklogTruth, "committed row that is not shown", || {
        shown_after_a_commit(0, Some(3))
    }),
    Defect::new(
        BacklogTruth,
        "backlog not read after a failed delivery",
        || settled_after_a_failure(|_| ()),
    ),
];

/// A process that shows this backlog when it learns of a commit after `seconds`.
fn shown_after_a_commit(seconds: u64, images: Option<u64>) -> OracleReport {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    let mut commit = fixture.segment_commit(0, delivery);
    let answer = fixture.apply(&mut commit);
    fixture.wait(seconds).see(&Observation::CommitLearned {
        commit: &commit,
        answer: &answer,
    });
    fixture.forge(|page| {
        page.backlog.remove("nightly");
        page.backlog
            .extend(images.map(|images| ("nightly".to_owned(), images)));
    });
    fixture.settle().stop_here()
}

/// A process that settles a message whose run is gone.
fn settled_after_a_failure(before: fn(&mut Fixture)) -> OracleReport {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    fixture.begun(0, delivery, None);
    before(&mut fixture);
    fixture.acknowledge(message, delivery, Some(0)).stop_here()
}

/// A process that still exposes 0, `seconds` after a plan.
fn zero_after_a_plan(seconds: u64) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire().plan();
    fixture.forge(|page| *page.backlog.get_mut("nightly").unwrap() = 0);
    fixture.wait(seconds).scrape().stop_here()
}

/// A process that exposes nothing, while it has no store and `seconds` after that.
fn absent_after_reconnection(seconds: u64) -> OracleReport {
    let mut fixture = Fixture::new();
    let process = &fixture.incarnation.process.clone();
    fixture.whole_run().forge(|page| page.backlog.clear());
    let port = PortName::Store;
    fixture.see(&Observation::CutOff { process, port });
    fixture.wait(600).scrape();
    fixture.see(&Observation::Reconnected { process, port });
    fixture.wait(seconds).scrape().end()
}

/// A process that exposes a deleted schedule after `seconds`.
fn exposed_after_deletion(seconds: u64) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture
        .whole_run()
        .change_schedule(ScheduleChange::Deleted, |_| ());
    fixture.forge(|page| {
        page.backlog.insert("nightly".into(), 0);
    });
    fixture.wait(seconds).scrape().end()
}

#[test]
fn backlog_value_at_most_a_refresh_old_is_no_violation() {
    assert!(zero_after_a_plan(15).is_clean(BacklogTruth));
}

#[test]
fn backlog_absent_within_two_refreshes_of_reconnection_is_no_violation() {
    assert!(absent_after_reconnection(29).is_clean(BacklogTruth));
}

#[test]
fn backlog_of_a_schedule_deleted_within_a_refresh_is_no_violation() {
    assert!(exposed_after_deletion(15).is_clean(BacklogTruth));
}

#[test]
fn backlog_absent_within_two_refreshes_of_a_slow_call_is_no_violation() {
    let absent = |port: PortName, seconds: u64| {
        let mut fixture = Fixture::new();
        fixture.whole_run().forge(|page| page.backlog.clear());
        fixture.see(&Observation::CallSlow {
            incarnation: &fixture.incarnation.clone(),
            port,
            until: fixture.now.after(Duration::from_secs(5)),
        });
        fixture.wait(seconds).scrape().end()
    };
    assert!(absent(PortName::Store, 34).is_clean(BacklogTruth));
    assert!(!absent(PortName::Store, 35).is_clean(BacklogTruth));
    assert!(!absent(PortName::Queue, 34).is_clean(BacklogTruth));
}

#[test]
fn committed_row_shown_in_the_same_step_is_no_violation() {
    assert!(shown_after_a_commit(0, Some(2)).is_clean(BacklogTruth));
}

#[test]
fn committed_row_of_a_commit_sent_long_ago_may_be_withheld() {
    assert!(shown_after_a_commit(8, None).is_clean(BacklogTruth));
    assert!(!shown_after_a_commit(7, None).is_clean(BacklogTruth));
}

#[test]
fn committed_row_older_than_a_read_need_not_be_shown() {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    let mut commit = fixture.segment_commit(0, delivery);
    let answer = fixture.apply(&mut commit);
    fixture.wait(1).read_backlog();
    fixture.see(&Observation::CommitLearned {
        commit: &commit,
        answer: &answer,
    });
    assert!(fixture.settle().texts(BacklogTruth).is_empty());
}

#[test]
fn backlog_read_or_unreadable_after_a_failed_delivery_is_no_violation() {
    let read = settled_after_a_failure(|fixture| _ = fixture.read_backlog());
    assert!(read.is_clean(BacklogTruth));
    let cut_off = settled_after_a_failure(|fixture| _ = fixture.cut_off(PortName::Store));
    assert!(cut_off.is_clean(BacklogTruth));
}
