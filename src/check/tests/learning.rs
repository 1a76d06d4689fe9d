//! What an incarnation learns, and what its counters must then say.

use super::fixture::{Fixture, MODE};
use crate::check::instruments::{CounterSeries, SegmentFate};
use crate::check::invariant_name::InvariantName;
use crate::model::commit::{ActiveRunsDelta, AdoptOrphanedCount, EndReason, RunWrite};
use crate::model::observation::{Observation, PortName, QueueStep};
use crate::model::{
    Applied, CommitAnswer, CommitRefusal, CommitStep, IncarnationId, Run, RunState,
};

fn count(fixture: &mut Fixture, fate: SegmentFate) {
    fixture
        .forge(|page| page.count(CounterSeries::Segments(MODE, fate), 1))
        .settle();
}

fn violations(fixture: Fixture) -> Vec<String> {
    let report = fixture.end();
    let violations = report
        .findings
        .iter()
        .flat_map(|findings| &findings.violations);
    violations.map(ToString::to_string).collect()
}

#[test]
fn a_superseded_delivery_counts_once_as_persist_failed() {
    let (mut fixture, message, old) = Fixture::with_a_segment();
    fixture
        .wait(61)
        .step(message, old, Some(0), QueueStep::Expired);
    let delivery = fixture.begin(0, message);
    let commit = fixture.segment_commit(0, old);
    let refused = CommitAnswer::Refused(CommitRefusal::Superseded);
    fixture.see(&Observation::CommitSent { commit: &commit });
    fixture.see(&Observation::CommitLearned {
        commit: &commit,
        answer: &refused,
    });
    count(&mut fixture, SegmentFate::PersistFailed);
    // Told once more, it counts no more.
    fixture
        .see(&Observation::CommitLearned {
            commit: &commit,
            answer: &refused,
        })
        .settle();
    let report = fixture.end_with(message, 0, delivery);
    assert!(!report.is_violated(), "{:?}", report.findings);
}

#[test]
fn the_seventeenth_conflict_gives_a_delivery_up() {
    let (mut fixture, _, delivery) = Fixture::with_a_segment();
    for _ in 0..16 {
        let commit = fixture.segment_commit(0, delivery);
        fixture.see(&Observation::CommitSent { commit: &commit });
        fixture.learn(&commit, &CommitAnswer::Conflict);
    }
    let commit = fixture.segment_commit(0, delivery);
    fixture.see(&Observation::CommitSent { commit: &commit });
    fixture.see(&Observation::CommitLearned {
        commit: &commit,
        answer: &CommitAnswer::Conflict,
    });
    count(&mut fixture, SegmentFate::PersistFailed);
    fixture.scrape();
    let findings = fixture
        .oracle
        .results()
        .findings(InvariantName::SegmentOnce);
    assert_eq!(findings.violated, 0, "{:?}", findings.violations);
}

#[test]
fn a_missing_run_counts_once_for_each_delivery() {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    let (incarnation, key) = (fixture.incarnation.clone(), fixture.key(0));
    let begun = |delivery| Observation::SegmentBegunLearned {
        incarnation: &incarnation,
        key: &key,
        delivery,
        run: None,
    };
    fixture.see(&begun(delivery));
    count(&mut fixture, SegmentFate::RunMissing);
    fixture
        .see(&begun(delivery))
        .wait(61)
        .step(message, delivery, Some(0), QueueStep::Expired);
    let second = fixture.lease(message, Some(0));
    fixture.see(&begun(second));
    count(&mut fixture, SegmentFate::RunMissing);
    fixture.scrape();
    let findings = fixture
        .oracle
        .results()
        .findings(InvariantName::SegmentOnce);
    assert_eq!((findings.violated, findings.checks > 0), (0, true));
}

#[test]
fn what_a_dead_incarnation_did_not_learn_is_explained() {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    let mut commit = fixture.segment_commit(0, delivery);
    fixture.apply(&mut commit);
    fixture.publish(&commit.events).restart();
    fixture.step(message, delivery, Some(0), QueueStep::Expired);
    let second = fixture.lease(message, Some(0));
    fixture.acknowledge(message, second, Some(0)).work(1);
    // The dead incarnation's balance of 1 is still there, the new one's is -1: that is explained
    // too.
    assert_eq!(violations(fixture), [""; 0]);
}

#[test]
fn a_balance_moves_to_another_incarnation_and_a_zombie_gives_it_up() {
    let mut fixture = Fixture::new();
    fixture.fire().plan();
    let first = fixture.incarnation.clone();
    // Another process takes the balance over; the first one does not know yet.
    let taker = IncarnationId {
        process: "x".into(),
        number: 1,
    };
    fixture.see(&Observation::IncarnationStarted {
        incarnation: &taker,
    });
    let page = fixture.attach_page(&taker);
    page.borrow_mut().backlog.insert("nightly".into(), 4);
    fixture.incarnation = taker;
    let mut commit = fixture.new_commit(CommitStep::AdoptOrphanedCount, 0);
    commit.adoption = Some(AdoptOrphanedCount {
        from: first.clone(),
        expected: 1,
    });
    let answer = CommitAnswer::Applied(Applied {
        at: fixture.now,
        backlog: None,
        adopted: [1, 0],
    });
    fixture.see(&Observation::CommitSent { commit: &commit });
    fixture
        .see(&Observation::CommitApplied {
            commit: &commit,
            answer: &answer,
        })
        .settle();
    fixture.see(&Observation::CommitLearned {
        commit: &commit,
        answer: &answer,
    });
    page.borrow_mut().active[0] += 1;
    fixture.settle();
    fixture.see(&Observation::AdoptionLearned {
        incarnation: &first,
        surrendered: [1, 0],
    });
    fixture.forge(|page| page.active[0] -= 1).settle();
    assert_eq!(violations(fixture), [""; 0]);
}

#[test]
fn a_zombie_that_keeps_its_balance_is_seen() {
    let mut fixture = Fixture::new();
    fixture.fire().plan();
    let incarnation = fixture.incarnation.clone();
    fixture
        .see(&Observation::AdoptionLearned {
            incarnation: &incarnation,
            surrendered: [1, 0],
        })
        .settle();
    assert_eq!(
        fixture
            .oracle
            .results()
            .findings(InvariantName::ActiveTruth)
            .violations[0]
            .to_string(),
        "active-truth at 2024-01-01T02:00:02Z, scheduler_runs_active{mode=\"analysisOnly\"} of w#1: it \
         is not the balance that the process has learned; expected 0, found 1"
    );
}

#[test]
fn a_run_that_times_out_in_planning_counts_as_failed() {
    let mut fixture = Fixture::new();
    let run = fixture.start_by_hand("slow").run.clone().unwrap();
    fixture.wait(25 * 3_600);
    let mut commit = fixture.new_commit(CommitStep::End(EndReason::TimedOut), 0);
    let ended = Run {
        state: RunState::Error,
        ..run
    };
    commit.runs.push(RunWrite {
        run: ended,
        expected: Some(1),
    });
    fixture.submit(commit);
    let findings = fixture
        .oracle
        .results()
        .findings(InvariantName::PlannerConservation);
    assert_eq!(
        findings.violated, 1,
        "the fixture's process does not count it"
    );
    let told = findings.violations[0].to_string();
    assert!(
        told.contains("status=\"failed\"} of w#1") && told.ends_with("expected 1, found 0"),
        "{told}"
    );
    let blame = &fixture
        .oracle
        .results()
        .findings(InvariantName::Blame)
        .violations[0];
    assert_eq!(
        blame.to_string(),
        "blame at 2024-01-02T01:00:00Z, run run:acme:nightly:manual:slow: it timed out (Error), and \
         nothing on record explains that; expected runTimeout to have passed, and a fault or a \
         declared overload, found an age of 90000 s and no fault"
    );
}

#[test]
fn a_booking_of_the_wrong_mode_is_seen() {
    let mut fixture = Fixture::new();
    let mut commit = fixture.fire().wait(2).plan_commit(&[1, 2, 3, 4]);
    commit.active_runs_delta = Some(ActiveRunsDelta {
        mode: crate::model::Mode::ContentRefresh,
        change: 1,
    });
    fixture.submit(commit);
    let first = &fixture
        .oracle
        .results()
        .findings(InvariantName::ActiveTruth)
        .violations[0];
    assert_eq!(
        first.to_string(),
        "active-truth at 2024-01-01T02:00:02Z, plan commit of w#1 for \
         run:acme:nightly:cron:2024-01-01T02:00:00Z: it does not book what enters or leaves {Queued, \
         Running}; expected +1 analysisOnly, +0 contentRefresh, found +0 analysisOnly, +1 \
         contentRefresh"
    );
}

#[test]
fn an_incarnation_without_a_way_to_the_store_keeps_nobody_waiting() {
    let mut fixture = Fixture::new();
    let commit = fixture.new_commit(CommitStep::AdoptOrphanedCount, 0);
    let process = fixture.incarnation.process.clone();
    fixture.see(&Observation::CommitSent { commit: &commit });
    assert!(!fixture.oracle.is_quiescent(), "its answer may come");
    fixture.see(&Observation::CutOff {
        process: &process,
        port: PortName::Store,
    });
    assert!(fixture.oracle.is_quiescent());
    fixture.see(&Observation::Reconnected {
        process: &process,
        port: PortName::Store,
    });
    assert!(!fixture.oracle.is_quiescent(), "now it may come again");
}
