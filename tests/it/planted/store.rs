//! Stores that apply commits that they should refuse.

use std::cell::Cell;

use rehearsal::check::InvariantName as N;
use rehearsal::model::observation::{Observation, Observer};
use rehearsal::model::{Commit, CommitAnswer, CommitStep, Timestamp};

use super::{Expected, assert_caught};
use crate::plant::Defect;

/// Segment commit of an observation, with its answer if it was applied.
fn taken_segment<'a>(observation: &Observation<'a>) -> Option<(&'a Commit, &'a CommitAnswer)> {
    match *observation {
        Observation::CommitApplied { commit, answer } => {
            matches!(commit.step, CommitStep::Segment(_)).then_some((commit, answer))
        }
        _ => None,
    }
}

/// Store that applies the first segment again from a repeat under another token.
#[derive(Default)]
struct TakesTwice(Cell<bool>);

impl Defect for TakesTwice {
    fn observe(&self, at: Timestamp, observation: &Observation<'_>, oracle: &mut dyn Observer) {
        oracle.observe(at, observation);
        let Some((commit, answer)) = taken_segment(observation) else {
            return;
        };
        if self.0.replace(true) {
            return;
        }
        let mut again = commit.clone();
        again.token.sequence += 1 << 40;
        let commit = &again;
        oracle.observe(at, &Observation::CommitApplied { commit, answer });
    }
}

#[test]
fn segment_committed_twice_violates_segment_once() {
    let expected = Expected {
        name: N::SegmentOnce,
        // All other effects of the commit are doubled too, and the incarnation gets no
        // acknowledgement of them.
        also: &[N::AppliedLearned, N::ImageConservation, N::EventOutbox],
        says: [
            "segment run:",
            "is committed again by worker-",
            "expected committed once",
        ],
    };
    assert_caught("", TakesTwice::default(), &expected);
}

/// Store without fencing: it applies the first segment from the delivery before the newest.
#[derive(Default)]
struct NoFence(Cell<bool>);

impl Defect for NoFence {
    fn observe(&self, at: Timestamp, observation: &Observation<'_>, oracle: &mut dyn Observer) {
        match taken_segment(observation) {
            Some((commit, answer)) if !self.0.replace(true) => {
                let mut superseded = commit.clone();
                superseded.token.delivery -= 1;
                let commit = &superseded;
                oracle.observe(at, &Observation::CommitApplied { commit, answer });
            }
            _ => oracle.observe(at, observation),
        }
    }
}

#[test]
fn commit_after_supersession_violates_lease_discipline() {
    let expected = Expected {
        name: N::LeaseDiscipline,
        also: &[],
        says: [
            "because the newer delivery had begun work on it",
            "expected committed under delivery ",
            "or newer",
        ],
    };
    assert_caught("", NoFence::default(), &expected);
}
