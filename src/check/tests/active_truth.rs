//! `active-truth`: active-run gauges and open runs.

use super::defect::Defect;
use super::fixture::Fixture;
use crate::check::InvariantName::ActiveTruth;
use crate::check::OracleReport;
use crate::model::commit::{ActiveRunsDelta, AdoptOrphanedCount, EndReason};
use crate::model::observation::{Observation, PortName, QueueStep};
use crate::model::{Applied, CommitAnswer, CommitStep, IncarnationId, Mode, RunState};

pub const DEFECTS: &[Defect] = &[
    Defect::new(ActiveTruth, "cancellation without delta", || {
        let mut fixture = Fixture::new();
        let run = fixture.fire().plan().run_id();
        fixture.see(&Observation::CancelRequested { run: &run });
        let commit = fixture.end_commit(EndReason::Command, RunState::Cancelled);
        fixture.submit(commit).end()
    }),
    Defect::new(ActiveTruth, "delta of the wrong mode", || {
        let mut fixture = Fixture::new();
        let mut commit = fixture.fire().wait(2).plan_commit(&[1, 2, 3, 4]);
        commit.active_runs_delta = Some(ActiveRunsDelta {
            mode: Mode::ContentRefresh,
            change: 1,
        });
        fixture.submit(commit).stop_here()
    }),
    Defect::new(ActiveTruth, "former owner keeps an adopted count", || {
        let mut fixture = Fixture::new();
        let incarnation = fixture.fire().plan().incarnation.clone();
        fixture
            .see(&Observation::AdoptionLearned {
                incarnation: &incarnation,
                surrendered: [1, 0],
            })
            .settle()
            .stop_here()
    }),
    Defect::new(ActiveTruth, "gauge that is one too high", || {
        let mut fixture = Fixture::new();
        fixture.whole_run().forge(|page| page.active[0] += 1).end()
    }),
    Defect::new(ActiveTruth, "count that no process adopts", || {
        adopts_after(241)
    }),
    Defect::new(
        ActiveTruth,
        "count of a stopped process not adopted",
        || adopts_after_a_stop(61, 61, true),
    ),
    Defect::new(ActiveTruth, "former owner that stays unaware", || {
        unaware_for(61, true)
    }),
];

/// Another process adopts the count of a living one, which does not learn of it for `seconds`.
fn unaware_for(seconds: u64, reads_store: bool) -> OracleReport {
    let mut fixture = Fixture::new();
    fixture.fire().plan();
    let first = fixture.incarnation.clone();
    if !reads_store {
        fixture.cut_off(PortName::Store);
    }
    adopt(&mut fixture, &first);
    fixture.wait(seconds).settle().stop_here()
}

/// A second process adopts the count of 1 of the first.
fn adopt(fixture: &mut Fixture, first: &IncarnationId) {
    let heir = IncarnationId {
        process: "x".into(),
        number: 1,
    };
    fixture.see(&Observation::IncarnationStarted { incarnation: &heir });
    let page = fixture.attach_page(&heir);
    page.borrow_mut().backlog.insert("nightly".into(), 4);
    fixture.incarnation = heir;
    let mut commit = fixture.new_commit(CommitStep::AdoptOrphanedCount, 0);
    commit.adoption = Some(AdoptOrphanedCount {
        from: first.clone(),
        expected: 1,
    });
    let (commit, answer) = (
        &commit,
        &CommitAnswer::Applied(Applied {
            at: fixture.now,
            backlog: None,
            adopted: [1, 0],
        }),
    );
    fixture.see(&Observation::CommitSent { commit });
    fixture
        .see(&Observation::CommitApplied { commit, answer })
        .settle();
    fixture.see(&Observation::CommitLearned { commit, answer });
    page.borrow_mut().active[0] += 1;
    fixture.settle();
}

#[test]
fn former_owner_unaware_for_a_lease_or_without_the_store_is_no_violation() {
    assert!(unaware_for(60, true).is_clean(ActiveTruth));
    assert!(unaware_for(61, false).is_clean(ActiveTruth));
}

/// An incarnation ends with an open run; another one commits something after `seconds`.
fn adopts_after(seconds: u64) -> OracleReport {
    let (mut fixture, ..) = Fixture::with_a_segment();
    fixture.restart().wait(seconds);
    let commit = fixture.new_commit(CommitStep::Requeue, 0);
    fixture.submit(commit).stop_here()
}

/// A process stops in good order with an open run, `seconds` ago, with an answer to its last
/// heartbeat or without; another one reads the store since `heir_seconds` ago.
fn adopts_after_a_stop(seconds: u64, heir_seconds: u64, has_answer: bool) -> OracleReport {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    fixture.acknowledge(message, delivery, Some(0)).wait(1);
    let stopped = fixture.stop().incarnation.clone();
    if has_answer {
        fixture.see(&Observation::AdoptionLearned {
            incarnation: &stopped,
            surrendered: [0; 2],
        });
    }
    fixture.ends().wait(seconds - heir_seconds);
    let heir = IncarnationId {
        process: "x".into(),
        number: 1,
    };
    fixture.see(&Observation::IncarnationStarted { incarnation: &heir });
    let backlog = fixture.page.borrow().backlog.clone();
    fixture.attach_page(&heir).borrow_mut().backlog = backlog;
    fixture.incarnation = heir;
    fixture.wait(heir_seconds);
    let commit = fixture.new_commit(CommitStep::Requeue, 0);
    fixture.submit(commit).stop_here()
}

#[test]
fn count_of_a_stopped_process_has_a_lease_and_an_heir() {
    assert!(adopts_after_a_stop(60, 60, true).is_clean(ActiveTruth));
    assert!(adopts_after_a_stop(90, 59, true).is_clean(ActiveTruth));
    assert!(adopts_after_a_stop(61, 61, false).is_clean(ActiveTruth));
}

#[test]
fn orphaned_count_within_four_leases_is_no_violation() {
    assert!(adopts_after(240).is_clean(ActiveTruth));
}

#[test]
fn commit_of_an_ended_incarnation_is_no_violation() {
    let (mut fixture, message, delivery) = Fixture::with_a_segment();
    let mut commit = fixture.segment_commit(0, delivery);
    fixture.apply(&mut commit);
    fixture.publish(&commit.events).restart();
    fixture.step(message, delivery, Some(0), QueueStep::Expired);
    let second = fixture.lease(message, Some(0));
    fixture.acknowledge(message, second, Some(0)).work(1);
    // The count of 1 of the ended incarnation is still there, that of the new one is -1.
    assert!(!fixture.end().is_violated());
}

#[test]
fn adopted_count_moves_without_a_violation() {
    let mut fixture = Fixture::new();
    fixture.fire().plan();
    let first = fixture.incarnation.clone();
    // Another process adopts the count; the first one does not know yet.
    adopt(&mut fixture, &first);
    fixture.see(&Observation::AdoptionLearned {
        incarnation: &first,
        surrendered: [1, 0],
    });
    fixture.forge(|page| page.active[0] -= 1).settle();
    assert!(!fixture.end().is_violated());
}

#[test]
fn incarnation_without_the_store_does_not_delay_quiescence() {
    let mut fixture = Fixture::new();
    let commit = fixture.new_commit(CommitStep::AdoptOrphanedCount, 0);
    let (process, port) = (fixture.incarnation.process.clone(), PortName::Store);
    let process = &process;
    fixture.see(&Observation::CommitSent { commit: &commit });
    assert!(!fixture.oracle.is_quiescent(), "its answer may come");
    fixture.see(&Observation::CutOff { process, port });
    assert!(fixture.oracle.is_quiescent());
    fixture.see(&Observation::Reconnected { process, port });
    assert!(!fixture.oracle.is_quiescent(), "now it may come again");
}
