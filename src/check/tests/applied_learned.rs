//! `applied-learned`: answers to commits.

use std::time::Duration;

use super::defect::Defect;
use super::fixture::Fixture;
use super::sample_data::MODE;
use super::test_exposition::TestExposition;
use crate::check::InvariantName::AppliedLearned;
use crate::check::OracleReport;
use crate::check::instruments::{ExtensionSeries, RequestOutcome};
use crate::model::commit::EndReason;
use crate::model::fault::FaultKind;
use crate::model::observation::{LearnedAnswer, Observation, QueueName, QueueStep, ScanAnswer};
use crate::model::{Applied, CommitAnswer, CommitRefusal, EventKind, RunState};

pub const DEFECTS: &[Defect] = &[
    Defect::new(
        AppliedLearned,
        "answer lost and not asked for again",
        || {
            let mut fixture = Fixture::new();
            let mut commit = fixture.fire().wait(2).plan_commit(&[1, 2, 3, 4]);
            fixture.apply(&mut commit);
            fixture.see(&Observation::CommitAnswerLost {
                token: &commit.token,
            });
            fixture.dispatch().work(0).work(1).end()
        },
    ),
    Defect::new(AppliedLearned, "answer in flight at quiescence", || {
        let mut fixture = Fixture::new();
        let mut commit = fixture.fire().wait(2).plan_commit(&[1, 2, 3, 4]);
        fixture.apply(&mut commit);
        fixture.dispatch().work(0).work(1).end()
    }),
    Defect::new(
        AppliedLearned,
        "commit never applied, acknowledged as applied",
        || {
            let mut fixture = Fixture::new();
            let commit = fixture.fire().wait(2).plan_commit(&[1, 2, 3, 4]);
            fixture.see(&Observation::CommitSent { commit: &commit });
            let answer = CommitAnswer::Applied(Applied {
                at: fixture.now,
                backlog: None,
                adopted: [0, 0],
            });
            fixture.see(&Observation::CommitLearned {
                commit: &commit,
                answer: &answer,
            });
            fixture.stop_here()
        },
    ),
    Defect::new(
        AppliedLearned,
        "commit applied, acknowledged as a conflict",
        || {
            let mut fixture = Fixture::new();
            let mut commit = fixture.fire().wait(2).plan_commit(&[1, 2, 3, 4]);
            fixture.apply(&mut commit);
            fixture.see(&Observation::CommitLearned {
                commit: &commit,
                answer: &CommitAnswer::Conflict,
            });
            fixture.stop_here()
        },
    ),
    Defect::new(AppliedLearned, "miscounted dead letters", || {
        miscounts(ExtensionSeries::DeadLetters(QueueName::Runner))
    }),
    Defect::new(AppliedLearned, "late permit without a permit", || {
        let mut fixture = Fixture::new();
        fixture.forge(|page: &mut TestExposition| page.late_permits[MODE.index()] = 1);
        fixture.ends().stop_here()
    }),
];

/// A whole run, after which a counter is wrong by one.
fn miscounts(series: ExtensionSeries) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture
        .whole_run()
        .forge(|page: &mut TestExposition| page.extend(series, 1));
    fixture.ends().stop_here()
}

#[test]
fn miscounted_extensions_are_each_one_violation() {
    for index in 0..ExtensionSeries::COUNT {
        let series = ExtensionSeries::at(index);
        let texts = miscounts(series).texts(AppliedLearned);
        assert_eq!(texts.len(), 1, "{texts:?}");
        assert!(texts[0].starts_with(&format!("{series} of w#1 is ")));
        assert!(texts[0].ends_with("because the process has acknowledged that many"));
    }
}

/// Asserts that a process must have counted this many discarded segments.
fn assert_discarded(fixture: &mut Fixture, count: u64) {
    let discarded = ExtensionSeries::Discarded(MODE);
    fixture
        .forge(|page: &mut TestExposition| page.extend(discarded, count))
        .ends();
    assert_eq!(fixture.texts(AppliedLearned), [""; 0]);
}

#[test]
fn segment_of_an_ended_run_is_discarded_once_when_its_holder_learns_so() {
    let (mut fixture, message, first) = Fixture::with_a_segment();
    fixture.begun(0, first, Some(RunState::Running));
    fixture.begun(0, first, Some(RunState::Cancelled));
    fixture.step(message, first, Some(0), QueueStep::Expired);
    let second = fixture.lease(message, Some(0));
    fixture.begun(0, second, Some(RunState::Cancelled));
    assert_discarded(&mut fixture, 2);
}

#[test]
fn segment_that_is_scanned_is_discarded_when_its_commit_is_refused() {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    fixture.scan(0, delivery);
    fixture.begun(0, delivery, Some(RunState::Cancelled));
    let commit = fixture.segment_commit(0, delivery);
    fixture.see(&Observation::CommitSent { commit: &commit });
    fixture.see(&Observation::CommitLearned {
        commit: &commit,
        answer: &CommitAnswer::Refused(CommitRefusal::RunTerminal),
    });
    assert_discarded(&mut fixture, 1);
}

#[test]
fn committed_segment_of_an_ended_run_is_not_discarded() {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    let commit = fixture.segment_commit(0, delivery);
    fixture.submit(commit);
    let commit = fixture.end_commit(EndReason::Command, RunState::Cancelled);
    fixture.submit(commit);
    fixture.step(message, delivery, Some(0), QueueStep::Expired);
    let second = fixture.lease(message, Some(0));
    fixture.begun(0, second, Some(RunState::Cancelled));
    assert_discarded(&mut fixture, 0);
}

/// A process that sends a request with a late permit of two, and counts this many late permits.
fn late_permits_counted(count: u64) -> bool {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    let permit = fixture.now;
    fixture.grant(permit.after(Duration::from_secs(1)), 1);
    fixture.wait(9).ask(1, delivery, Some((10.0, permit)));
    fixture.forge(|page: &mut TestExposition| page.late_permits[MODE.index()] = count);
    fixture.ends().texts(AppliedLearned).is_empty()
}

#[test]
fn late_permits_lie_between_late_requests_and_granted_permits() {
    let is_right: Vec<bool> = (0..=3).map(late_permits_counted).collect();
    assert_eq!(is_right, [false, true, true, false]);
}

#[test]
fn permit_reserved_under_a_wrong_clock_may_be_late_long_after() {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    let (kind, subject) = (FaultKind::ClockSkew, "w");
    fixture.see(&Observation::FaultBegan { kind, subject });
    fixture
        .wait(2)
        .see(&Observation::FaultEnded { kind, subject });
    let permit = fixture.now;
    fixture.wait(600).ask(1, delivery, Some((10.0, permit)));
    assert_eq!(fixture.ends().texts(AppliedLearned), [""; 0]);
}

#[test]
fn each_learned_answer_is_counted_once() {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    let incarnation = fixture.incarnation.clone();
    let event = fixture.segment_commit(0, delivery).events[0].clone();
    let events = [event.clone(), event];
    for answer in [
        LearnedAnswer::LeaseLost(QueueName::Runner),
        LearnedAnswer::ScannerUnreachable(MODE),
        LearnedAnswer::Published(&events),
    ] {
        fixture.see(&Observation::AnswerLearned {
            incarnation: &incarnation,
            answer,
        });
    }
    for answer in [
        ScanAnswer::Failed,
        ScanAnswer::TimedOut,
        ScanAnswer::Unreachable,
        ScanAnswer::Report(0),
        ScanAnswer::Abandoned,
    ] {
        fixture.ask(1, delivery, None).answer(1, delivery, answer);
    }
    fixture.forge(|page| {
        page.extend(ExtensionSeries::Losses(QueueName::Runner), 1);
        page.extend(
            ExtensionSeries::Requests(MODE, RequestOutcome::Unreachable),
            1,
        );
        page.extend(ExtensionSeries::Events(EventKind::ReportReady), 2);
    });
    assert_eq!(fixture.ends().texts(AppliedLearned), [""; 0]);
}
