//! What an incarnation learns, and what its counters must then say.

use super::story::{MODE, Story};
use crate::check::instruments::{CounterSeries, SegmentFate};
use crate::check::name::InvariantName;
use crate::model::commit::{ActiveRunsDelta, AdoptOrphanedCount, EndReason, RunWrite};
use crate::model::observation::{Observation, PortName, QueueStep};
use crate::model::{
    Applied, CommitAnswer, CommitRefusal, CommitStep, IncarnationId, Run, RunState,
};

fn count(story: &mut Story, fate: SegmentFate) {
    story
        .forge(|page| page.count(CounterSeries::Segments(MODE, fate), 1))
        .settle();
}

fn violations(story: Story) -> Vec<String> {
    let report = story.end();
    let violations = report
        .findings
        .iter()
        .flat_map(|findings| &findings.violations);
    violations.map(ToString::to_string).collect()
}

#[test]
fn a_superseded_delivery_counts_once_as_persist_failed() {
    let (mut story, message, old) = Story::with_a_segment();
    story
        .wait(61)
        .step(message, old, Some(0), QueueStep::Expired);
    let delivery = story.begin(0, message);
    let commit = story.segment_commit(0, old);
    let refused = CommitAnswer::Refused(CommitRefusal::Superseded);
    story.see(&Observation::CommitSent { commit: &commit });
    story.see(&Observation::CommitLearned {
        commit: &commit,
        answer: &refused,
    });
    count(&mut story, SegmentFate::PersistFailed);
    // Told once more, it counts no more.
    story
        .see(&Observation::CommitLearned {
            commit: &commit,
            answer: &refused,
        })
        .settle();
    let report = story.end_with(message, 0, delivery);
    assert!(!report.is_violated(), "{:?}", report.findings);
}

#[test]
fn the_seventeenth_conflict_gives_a_delivery_up() {
    let (mut story, _, delivery) = Story::with_a_segment();
    for _ in 0..16 {
        let commit = story.segment_commit(0, delivery);
        story.see(&Observation::CommitSent { commit: &commit });
        story.learn(&commit, &CommitAnswer::Conflict);
    }
    let commit = story.segment_commit(0, delivery);
    story.see(&Observation::CommitSent { commit: &commit });
    story.see(&Observation::CommitLearned {
        commit: &commit,
        answer: &CommitAnswer::Conflict,
    });
    count(&mut story, SegmentFate::PersistFailed);
    story.scrape();
    let findings = story.ledger.board().findings(InvariantName::SegmentOnce);
    assert_eq!(findings.violated, 0, "{:?}", findings.violations);
}

#[test]
fn a_missing_run_counts_once_for_each_delivery() {
    let (mut story, message, delivery) = Story::with_a_segment();
    let (incarnation, key) = (story.incarnation.clone(), story.key(0));
    let begun = |delivery| Observation::SegmentBegunLearned {
        incarnation: &incarnation,
        key: &key,
        delivery,
        run: None,
    };
    story.see(&begun(delivery));
    count(&mut story, SegmentFate::RunMissing);
    story
        .see(&begun(delivery))
        .wait(61)
        .step(message, delivery, Some(0), QueueStep::Expired);
    let second = story.lease(message, Some(0));
    story.see(&begun(second));
    count(&mut story, SegmentFate::RunMissing);
    story.scrape();
    let findings = story.ledger.board().findings(InvariantName::SegmentOnce);
    assert_eq!((findings.violated, findings.checks > 0), (0, true));
}

#[test]
fn what_a_dead_incarnation_did_not_learn_is_explained() {
    let (mut story, message, delivery) = Story::with_a_segment();
    let mut commit = story.segment_commit(0, delivery);
    story.apply(&mut commit);
    story.publish(&commit.events).restart();
    story.step(message, delivery, Some(0), QueueStep::Expired);
    let second = story.lease(message, Some(0));
    story.acknowledge(message, second, Some(0)).work(1);
    // The dead incarnation's balance of 1 is still there, the new one's is -1: that is explained
    // too.
    assert_eq!(violations(story), [""; 0]);
}

#[test]
fn a_balance_moves_to_another_incarnation_and_a_zombie_gives_it_up() {
    let mut story = Story::new();
    story.fire().plan();
    let first = story.incarnation.clone();
    // Another process takes the balance over; the first one does not know yet.
    let taker = IncarnationId {
        process: "x".into(),
        number: 1,
    };
    story.see(&Observation::IncarnationStarted {
        incarnation: &taker,
    });
    let page = story.attach_page(&taker);
    page.borrow_mut().backlog.insert("nightly".into(), 4);
    story.incarnation = taker;
    let mut commit = story.new_commit(CommitStep::AdoptOrphanedCount, 0);
    commit.adoption = Some(AdoptOrphanedCount {
        from: first.clone(),
        expected: 1,
    });
    let answer = CommitAnswer::Applied(Applied {
        at: story.now,
        backlog: None,
        adopted: [1, 0],
    });
    story.see(&Observation::CommitSent { commit: &commit });
    story
        .see(&Observation::CommitApplied {
            commit: &commit,
            answer: &answer,
        })
        .settle();
    story.see(&Observation::CommitLearned {
        commit: &commit,
        answer: &answer,
    });
    page.borrow_mut().active[0] += 1;
    story.settle();
    story.see(&Observation::AdoptionLearned {
        incarnation: &first,
        surrendered: [1, 0],
    });
    story.forge(|page| page.active[0] -= 1).settle();
    assert_eq!(violations(story), [""; 0]);
}

#[test]
fn a_zombie_that_keeps_its_balance_is_seen() {
    let mut story = Story::new();
    story.fire().plan();
    let incarnation = story.incarnation.clone();
    story
        .see(&Observation::AdoptionLearned {
            incarnation: &incarnation,
            surrendered: [1, 0],
        })
        .settle();
    assert_eq!(
        story
            .ledger
            .board()
            .findings(InvariantName::ActiveTruth)
            .violations[0]
            .to_string(),
        "active-truth at 2024-01-01T02:00:02Z, scheduler_runs_active{mode=\"analysisOnly\"} of w#1: it \
         is not the balance that the process has learned; expected 0, found 1"
    );
}

#[test]
fn a_run_that_times_out_in_planning_counts_as_failed() {
    let mut story = Story::new();
    let run = story.start_by_hand("slow").run.clone().unwrap();
    story.wait(25 * 3_600);
    let mut commit = story.new_commit(CommitStep::End(EndReason::TimedOut), 0);
    let ended = Run {
        state: RunState::Error,
        ..run
    };
    commit.runs.push(RunWrite {
        run: ended,
        expected: Some(1),
    });
    story.submit(commit);
    let findings = story
        .ledger
        .board()
        .findings(InvariantName::PlannerConservation);
    assert_eq!(
        findings.violated, 1,
        "the story's process does not count it"
    );
    let told = findings.violations[0].to_string();
    assert!(
        told.contains("status=\"failed\"} of w#1") && told.ends_with("expected 1, found 0"),
        "{told}"
    );
    let blame = &story
        .ledger
        .board()
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
    let mut story = Story::new();
    let mut commit = story.fire().wait(2).plan_commit(&[1, 2, 3, 4]);
    commit.active_runs_delta = Some(ActiveRunsDelta {
        mode: crate::model::Mode::ContentRefresh,
        change: 1,
    });
    story.submit(commit);
    let first = &story
        .ledger
        .board()
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
    let mut story = Story::new();
    let commit = story.new_commit(CommitStep::AdoptOrphanedCount, 0);
    let process = story.incarnation.process.clone();
    story.see(&Observation::CommitSent { commit: &commit });
    assert!(!story.ledger.is_quiescent(), "its answer may come");
    story.see(&Observation::CutOff {
        process: &process,
        port: PortName::Store,
    });
    assert!(story.ledger.is_quiescent());
    story.see(&Observation::Reconnected {
        process: &process,
        port: PortName::Store,
    });
    assert!(!story.ledger.is_quiescent(), "now it may come again");
}
