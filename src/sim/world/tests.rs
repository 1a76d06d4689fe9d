//! Tests of the world through its ports: each fault has an effect while it lasts and none after it.

mod healing;
mod operations;
mod ports;
mod process_faults;
mod queue_faults;
mod service_faults;
mod service_stations;
mod store_faults;

use std::sync::Arc;
use std::time::Duration;

use crate::model::commit::RunWrite;
use crate::model::fault::FaultKind;
use crate::model::{
    Commit, CommitAnswer, CommitStep, CommitToken, ImpactSet, IncarnationId, Mode, PlannerMessage,
    Run, RunState, RunStats, Trigger,
};
use crate::sim::world::WorldPorts;
use crate::sim::world::testing::WorldHarness;
use crate::worker::ports::{PortResult, Ports, Queue, ScanRequest, Scanner, ScannerError, Store};

const LEASE: Duration = Duration::from_secs(60);

/// Faults of these tests begin one minute after the start and last four.
const DURING: Duration = Duration::from_secs(61);

const AFTER: Duration = Duration::from_secs(301);

fn harness_with(fault: &str) -> WorldHarness {
    WorldHarness::new(&format!("[[fault]]\nat = \"1m\"\n{fault}\n"))
}

fn message(run: &str) -> PlannerMessage {
    PlannerMessage {
        run: run.into(),
        schedule: "nightly".into(),
        tenant: "tenant-1".into(),
        impact: ImpactSet::default(),
    }
}

async fn enqueue(ports: WorldPorts, run: &str) -> PortResult<()> {
    ports.planner_queue().enqueue(&message(run), run).await
}

async fn lease(ports: &WorldPorts) -> Option<u64> {
    let leased = ports.planner_queue().lease(LEASE, Duration::ZERO).await;
    leased.unwrap().map(|leased| leased.delivery)
}

fn commit(sequence: u64) -> Arc<Commit> {
    let incarnation = IncarnationId {
        process: "worker-1".into(),
        number: 1,
    };
    let token = CommitToken {
        incarnation,
        sequence,
        delivery: 0,
    };
    let mut commit = Commit::new(token, CommitStep::Manual);
    commit.runs.push(RunWrite {
        run: Run {
            id: format!("run-{sequence}").as_str().into(),
            tenant: "tenant-1".into(),
            schedule: "nightly".into(),
            trigger: Trigger::Manual,
            mode: Mode::AnalysisOnly,
            state: RunState::Cancelled,
            stats: RunStats::default(),
            product_keys: Vec::new(),
            usage_only: false,
            created_at: crate::model::Timestamp::ZERO,
            planned_at: None,
            started_at: None,
            completed_at: None,
            error: None,
            planning_attempts: 0,
            not_before: None,
        },
        expected: None,
    });
    Arc::new(commit)
}

/// Scans an image.
async fn scan(ports: WorldPorts, image: crate::model::ImageDigest) -> Result<(), ScannerError> {
    let request = ScanRequest {
        tenant: &"tenant-1".into(),
        schedule: &"nightly".into(),
        rate_per_second: None,
        image: &image,
        mode: Mode::AnalysisOnly,
        delivery: 1,
        attempt: 1,
        permit: None,
    };
    ports.scanner().report(&request).await.map(|_| ())
}

impl WorldHarness {
    fn scan(&mut self) -> Result<(), ScannerError> {
        let (ports, image) = (self.ports("worker-1"), *self.world.fleet().digest(0));
        self.run("worker-1", scan(ports, image))
    }

    fn try_commit(&mut self, sequence: u64) -> PortResult<CommitAnswer> {
        let ports = self.ports("worker-1");
        let commit = commit(sequence);
        self.run(
            "worker-1",
            async move { ports.store().commit(&commit).await },
        )
    }

    fn enqueue(&mut self, run: &'static str) -> PortResult<()> {
        let ports = self.ports("worker-1");
        self.run("worker-1", enqueue(ports, run))
    }

    fn lease(&mut self) -> Option<u64> {
        let ports = self.ports("worker-1");
        self.run("worker-1", async move { lease(&ports).await })
    }

    /// Asserts that the fault has begun, had an effect and ended.
    fn assert_injected(&self, kind: FaultKind) {
        for what in ["FaultBegan", "FaultTriggered", "FaultEnded"] {
            let text = format!("{what} {{ kind: {kind:?}");
            assert!(self.count(&text) > 0, "no {text}");
        }
    }
}

#[test]
fn fault_kinds_have_a_test_each() {
    let sources = [
        include_str!("tests/process_faults.rs"),
        include_str!("tests/queue_faults.rs"),
        include_str!("tests/service_faults.rs"),
        include_str!("tests/store_faults.rs"),
    ]
    .concat();
    for kind in FaultKind::ALL {
        let name = format!("fn {}_", kind.as_str().replace('-', "_"));
        assert!(sources.contains(&name), "there is no {name}*");
    }
}
