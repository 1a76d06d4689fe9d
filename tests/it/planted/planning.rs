//! Defects between a trigger and a queued run.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_lite::future;
use rehearsal::check::InvariantName as N;
use rehearsal::model::{Commit, CommitAnswer, CommitStep, RunState, TenantId};
use rehearsal::worker::ports::{
    Clock, ImpactQuery, ImpactRequest, Impacted, PortResult, Ports, RunDocument, Store, WaitingRun,
};

use super::{Expected, assert_caught};
use crate::plant::{Defect, Incarnation, Posted};

/// Store client that treats its first plan as a conflict after one millisecond. The store answers
/// later and applies the plan.
#[derive(Default)]
struct Impatient(Cell<bool>);

#[async_trait(?Send)]
impl Defect for Impatient {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let answer = incarnation.world.store().commit(commit);
        if !matches!(commit.step, CommitStep::Plan { .. }) || self.0.replace(true) {
            return answer.await;
        }
        let gives_up = async {
            incarnation
                .world
                .clock()
                .sleep(Duration::from_millis(1))
                .await;
            Ok(CommitAnswer::Conflict)
        };
        future::or(answer, gives_up).await
    }
}

#[test]
fn answer_not_awaited_violates_applied_learned() {
    let expected = Expected {
        name: N::AppliedLearned,
        also: &[],
        says: [
            "scheduler_planner_attempts_total{",
            "because the process has acknowledged that many",
            "is 1, expected 0",
        ],
    };
    assert_caught("", Impatient::default(), &expected);
}

/// Impact index that confuses two tenants.
struct OtherTenant;

#[async_trait(?Send)]
impl Defect for OtherTenant {
    async fn resolve(
        &self,
        incarnation: &Incarnation,
        request: &ImpactRequest<'_>,
    ) -> PortResult<Impacted> {
        let tenant = &TenantId::from("globex");
        let bent = ImpactRequest { tenant, ..*request };
        incarnation.world.impact_index().resolve(&bent).await
    }
}

#[test]
fn image_of_other_tenant_violates_plan_truth() {
    let expected = Expected {
        name: N::PlanTruth,
        also: &[],
        says: [
            "the plan of run run:acme:acme-",
            "belongs to another tenant",
            "images (",
        ],
    };
    assert_caught("", OtherTenant, &expected);
}

/// Store client that sets the cursor one second before the decided fire.
struct CursorLeftBehind;

#[async_trait(?Send)]
impl Defect for CursorLeftBehind {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let mut bent = Commit::clone(commit);
        if let (CommitStep::Fire { .. }, Some(write)) = (&bent.step, &mut bent.schedule) {
            write.state.cursor = write.state.cursor.before(Duration::from_secs(1));
        }
        incarnation.world.store().commit(&Arc::new(bent)).await
    }
}

#[test]
fn cursor_not_moved_violates_cron_once() {
    let expected = Expected {
        name: N::CronOnce,
        also: &[],
        says: [
            "schedule ",
            "expected none",
            "is 1 up to 2024-01-01T00:30:00Z",
        ],
    };
    assert_caught("", CursorLeftBehind, &expected);
}

/// Planner that sets a run to Running when it is planned. Dispatchers read it as Queued.
struct RunningTooSoon;

#[async_trait(?Send)]
impl Defect for RunningTooSoon {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let mut bent = Commit::clone(commit);
        if matches!(bent.step, CommitStep::Plan { .. })
            && bent.runs[0].run.state == RunState::Queued
        {
            bent.runs[0].run.state = RunState::Running;
        }
        incarnation.world.store().commit(&Arc::new(bent)).await
    }

    fn bend_run(&self, document: &mut RunDocument) {
        let run = &mut document.run.value;
        if run.state == RunState::Running && run.stats.segments == 0 {
            run.state = RunState::Queued;
        }
    }
}

#[test]
fn state_skipped_violates_state_graph() {
    let expected = Expected {
        name: N::StateGraph,
        also: &[N::PlannerConservation, N::LatencyCount],
        says: [
            "run run:",
            "expected in a state that may follow Planning",
            "is Running by the ",
        ],
    };
    assert_caught("", RunningTooSoon, &expected);
}

/// List of waiting runs that contains one tenant only if the other has none.
struct FavouredTenant;

impl Defect for FavouredTenant {
    fn bend_waiting(&self, waiting: &mut Vec<WaitingRun>) {
        let is_favoured = |head: &WaitingRun| head.tenant.as_str() == "acme";
        if waiting.iter().any(is_favoured) {
            waiting.retain(is_favoured);
        }
    }
}

#[test]
fn tenant_favoured_violates_fairness() {
    let expected = Expected {
        name: N::Fairness,
        also: &[],
        says: [
            "is acme with run number 2 of the batch",
            "expected globex",
            "because globex has had 0",
        ],
    };
    assert_caught("", FavouredTenant, &expected);
}

/// Queue that loses the messages of one schedule.
struct LosingBroker;

#[async_trait(?Send)]
impl Defect for LosingBroker {
    async fn enqueue(
        &self,
        incarnation: &Incarnation,
        posted: Posted<'_>,
        key: &str,
    ) -> PortResult<()> {
        if posted.schedule().as_str() == "globex-often" {
            return Ok(());
        }
        incarnation.enqueue(posted, key).await
    }
}

#[test]
fn message_lost_violates_liveness() {
    let expected = Expected {
        name: N::Liveness,
        also: &[],
        says: [
            "the fleet, healed at 2024-01-01T02:00:07Z",
            "with progress every 2424 s",
            "without progress for 2424 s",
        ],
    };
    assert_caught("", LosingBroker, &expected);
}
