//! Defects in the content of runs.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rehearsal::check::InvariantName as N;
use rehearsal::model::{Commit, CommitAnswer, CommitStep, Mode, RunState};
use rehearsal::worker::ports::{PortResult, Ports, Store};

use super::{Expected, assert_caught};
use crate::plant::{Defect, Incarnation};

/// Store client that changes every commit.
struct Bent(fn(&mut Commit));

#[async_trait(?Send)]
impl Defect for Bent {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let mut bent = Commit::clone(commit);
        (self.0)(&mut bent);
        incarnation.world.store().commit(&Arc::new(bent)).await
    }
}

/// Advisories that concern images by use only, and a schedule that subscribes to them.
const ADVISORIES: &str = r#"
[[schedule]]
id = "acme-advisories"
tenant = "acme"
triggers = ["conselier"]

[advisories]
interval = { kind = "constant", value = "20m" }
components = 3
usageOnlyShare = 1.0
"#;

/// An owner cancels runs.
const CANCELLATIONS: &str = r#"
[[operation]]
kind = "cancel"
every = "30m"
from = "5s"
schedule = "acme-often"
"#;

/// The impact index is away for a while, so that planning is tried again.
const IMPACT_OUTAGE: &str = r#"
[[fault]]
kind = "impact-outage"
at = "29m50s"
duration = "30s"
"#;

#[test]
fn run_of_another_mode_violates_state_graph() {
    let expected = Expected {
        name: N::StateGraph,
        also: &[N::AppliedLearned],
        says: [
            "`mode` of new run run:acme:acme-often:cron:",
            "is contentRefresh, expected analysisOnly",
            "because it follows from a cron fire of schedule acme-often",
        ],
    };
    let defect = Bent(|commit| {
        if matches!(commit.step, CommitStep::Fire { .. }) {
            let runs = commit.runs.iter_mut();
            runs.for_each(|write| write.run.mode = Mode::ContentRefresh);
        }
    });
    assert_caught("", defect, &expected);
}

#[test]
fn usage_only_forgotten_violates_state_graph() {
    let expected = Expected {
        name: N::StateGraph,
        also: &[],
        says: [
            "`usageOnly` of new run run:acme:acme-advisories:conselier:",
            "is false, expected true",
            "because it follows from export ",
        ],
    };
    let defect = Bent(|commit| {
        if commit.step == CommitStep::Export {
            let runs = commit.runs.iter_mut();
            runs.for_each(|write| write.run.usage_only = false);
        }
    });
    assert_caught(ADVISORIES, defect, &expected);
}

#[test]
fn cancellation_that_ends_in_error_violates_state_graph() {
    let expected = Expected {
        name: N::StateGraph,
        also: &[],
        says: [
            "`state` of run run:acme:acme-often:cron:",
            "is error, expected cancelled",
            "because the end commit of ",
        ],
    };
    let defect = Bent(|commit| {
        if matches!(commit.step, CommitStep::End(_)) {
            let runs = commit.runs.iter_mut();
            runs.for_each(|write| write.run.state = RunState::Error);
        }
    });
    assert_caught(CANCELLATIONS, defect, &expected);
}

#[test]
fn intent_left_behind_violates_no_loss() {
    let expected = Expected {
        name: N::NoLoss,
        also: &[N::Liveness],
        says: [
            "the enqueue intent of run run:",
            "is left, since 2024-01-01T",
            "expected removed, because the segment commit of ",
        ],
    };
    let defect = Bent(|commit| {
        if commit.step == CommitStep::Dispatch {
            commit.intent_done = None;
        }
    });
    assert_caught("", defect, &expected);
}

#[test]
fn attempt_put_off_too_far_violates_limits() {
    let expected = Expected {
        name: N::Limits,
        also: &[],
        says: [
            "the delay of attempt 2 to plan run run:",
            "expected at most 5s",
            "because `backoffInitial` bounds the delay after the first failed attempt",
        ],
    };
    let defect = Bent(|commit| {
        if commit.step == CommitStep::PlanRetry {
            let runs = commit.runs.iter_mut();
            runs.for_each(|write| {
                let next = write.run.not_before.unwrap_or_default();
                write.run.not_before = Some(next.after(Duration::from_secs(60)));
            });
        }
    });
    assert_caught(IMPACT_OUTAGE, defect, &expected);
}
