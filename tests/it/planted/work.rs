//! Defects between the lease of a segment and its published events.

use std::cell::Cell;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_lite::future;
use rehearsal::check::InvariantName as N;
use rehearsal::model::observation::{Observation, Observer, QueueName};
use rehearsal::model::{
    Applied, Commit, CommitAnswer, CommitStep, Event, EventId, ScanReport, Timestamp,
};
use rehearsal::worker::ports::{
    Clock, EventPublisher, PortResult, Ports, RunDocument, ScanRequest, Scanner, ScannerError,
    Store,
};

use super::{Expected, assert_caught};
use crate::plant::{Defect, Incarnation};

/// Store client that treats "applied by another" and "refused" as success.
struct Hopeful;

#[async_trait(?Send)]
impl Defect for Hopeful {
    async fn commit(
        &self,
        incarnation: &Incarnation,
        commit: &Arc<Commit>,
    ) -> PortResult<CommitAnswer> {
        let answer = incarnation.world.store().commit(commit).await?;
        let is_over = matches!(
            answer,
            CommitAnswer::AppliedByAnother | CommitAnswer::Refused(_)
        );
        if !is_over || !matches!(commit.step, CommitStep::Segment(_)) {
            return Ok(answer);
        }
        Ok(CommitAnswer::Applied(Applied {
            at: commit.runs[0].run.created_at,
            backlog: None,
            adopted: [0; 2],
        }))
    }
}

/// Fault that delivers messages twice.
pub const DUPLICATES: &str = r#"
[[fault]]
kind = "duplicate-delivery"
at = "10m"
duration = "90m"
probability = 0.3
"#;

#[test]
fn refusal_counted_as_success_violates_segment_once() {
    let expected = Expected {
        name: N::SegmentOnce,
        // It also counts the other effects of the refused commit, and of a run that it ends.
        also: &[
            N::LatencyCount,
            N::LatencyQuantile,
            N::ImageConservation,
            N::DeltaConservation,
            N::ActiveTruth,
        ],
        says: [
            "scheduler_runner_segments_total{mode=\"",
            "because the process has acknowledged that many",
            " is ",
        ],
    };
    assert_caught(DUPLICATES, Hopeful, &expected);
}

/// Scanner client that reads only the first page of a report.
struct FirstPageOnly;

#[async_trait(?Send)]
impl Defect for FirstPageOnly {
    async fn report(
        &self,
        incarnation: &Incarnation,
        request: &ScanRequest<'_>,
    ) -> Result<ScanReport, ScannerError> {
        let mut report = incarnation.world.scanner().report(request).await?;
        report.findings = report.findings.iter().take(2).cloned().collect();
        Ok(report)
    }
}

#[test]
fn report_read_partially_violates_delta_truth() {
    let expected = Expected {
        name: N::DeltaTruth,
        also: &[],
        says: [
            "because the world changed the image by that much",
            "expected ",
            " is ",
        ],
    };
    assert_caught("", FirstPageOnly, &expected);
}

/// Scanner client that refuses some images by itself.
struct Squeamish;

#[async_trait(?Send)]
impl Defect for Squeamish {
    async fn report(
        &self,
        incarnation: &Incarnation,
        request: &ScanRequest<'_>,
    ) -> Result<ScanReport, ScannerError> {
        if request.image.as_bytes()[0].is_multiple_of(4) {
            return Err(ScannerError::Refused);
        }
        incarnation.world.scanner().report(request).await
    }
}

#[test]
fn failure_without_cause_violates_blame() {
    let expected = Expected {
        name: N::Blame,
        also: &[N::AppliedLearned],
        says: [
            "image sha256:",
            "is failed, expected reported",
            "because the scanner never refused it",
        ],
    };
    assert_caught("", Squeamish, &expected);
}

/// Scanner client that sends two requests on one permit.
struct AsksTwice;

#[async_trait(?Send)]
impl Defect for AsksTwice {
    async fn report(
        &self,
        incarnation: &Incarnation,
        request: &ScanRequest<'_>,
    ) -> Result<ScanReport, ScannerError> {
        incarnation.world.scanner().report(request).await?;
        incarnation.world.scanner().report(request).await
    }
}

#[test]
fn permit_used_twice_violates_scanner_manners() {
    let expected = Expected {
        name: N::ScannerManners,
        also: &[N::AppliedLearned],
        says: [
            "for schedule globex-often by worker-",
            "is used again",
            "expected used once",
        ],
    };
    assert_caught("", AsksTwice, &expected);
}

/// Store replica without the limits of schedules.
struct NoLimits;

impl Defect for NoLimits {
    fn bend_run(&self, document: &mut RunDocument) {
        let schedule = Arc::make_mut(&mut document.schedule.schedule);
        schedule.limits.parallelism = None;
    }
}

#[test]
fn limit_ignored_violates_parallelism() {
    let expected = Expected {
        name: N::Parallelism,
        also: &[],
        says: [
            "the number of leased segments of schedule acme-often",
            "expected at most 2",
            "is 3 with segment ",
        ],
    };
    assert_caught("", NoLimits, &expected);
}

/// Process clocks that run three times too slowly.
struct SlowClock;

impl Defect for SlowClock {
    fn clock_slowness(&self) -> u32 {
        3
    }
}

/// Scenario with segments that take longer than a lease.
pub const SLOW_SCANNER: &str = r#"
[scanner]
latency = { kind = "constant", value = "15s" }
"#;

#[test]
fn deadline_missed_violates_lease_discipline() {
    let expected = Expected {
        name: N::LeaseDiscipline,
        // Leases are lost without a recorded fault, and the backlog is read too rarely.
        also: &[N::BacklogTruth, N::Blame, N::ScannerManners, N::Limits],
        says: ["a scanner request of worker-", "expected ", "is sent at "],
    };
    assert_caught(SLOW_SCANNER, SlowClock, &expected);
}

/// Queue client that acknowledges messages on receipt.
struct AcknowledgesFirst;

#[async_trait(?Send)]
impl Defect for AcknowledgesFirst {
    async fn leased(
        &self,
        incarnation: &Incarnation,
        queue: QueueName,
        delivery: u64,
    ) -> PortResult<()> {
        incarnation.acknowledge(queue, delivery).await.map(drop)
    }
}

#[test]
fn acknowledgement_before_commit_violates_no_loss() {
    let expected = Expected {
        name: N::NoLoss,
        also: &[N::LeaseDiscipline, N::CallBudget],
        says: [
            "because its last message was acknowledged",
            "expected committed",
            "is unfinished in a run that is Queued",
        ],
    };
    assert_caught("", AcknowledgesFirst, &expected);
}

/// Relay that reports events as published without calling Notify.
struct NotifyNotTold;

#[async_trait(?Send)]
impl Defect for NotifyNotTold {
    async fn publish(&self, _: &Incarnation, _: &[Arc<Event>]) -> PortResult<()> {
        Ok(())
    }
}

#[test]
fn event_not_published_violates_event_outbox() {
    let expected = Expected {
        name: N::EventOutbox,
        also: &[N::AppliedLearned, N::CallBudget],
        says: [
            "event ",
            "is forgotten by the store, expected kept",
            "because Notify never took it",
        ],
    };
    assert_caught("", NotifyNotTold, &expected);
}

/// Relay that reads the outbox three times.
struct OutboxReadThrice;

#[async_trait(?Send)]
impl Defect for OutboxReadThrice {
    async fn outbox(&self, incarnation: &Incarnation, limit: usize) -> PortResult<Vec<Arc<Event>>> {
        let store = incarnation.world.store();
        store.outbox(limit).await?;
        store.outbox(limit).await?;
        store.outbox(limit).await
    }
}

#[test]
fn outbox_read_thrice_violates_call_budget() {
    let expected = Expected {
        name: N::CallBudget,
        also: &[],
        says: [
            "the number of calls `store.outbox` by worker-",
            "expected at most ",
            "because its reasons are: `relayPoll`; an applied commit, a full batch",
        ],
    };
    assert_caught("", OutboxReadThrice, &expected);
}

/// Relay that finds the outbox empty three times out of four.
#[derive(Default)]
struct OutboxHidden {
    reads: Cell<u32>,
}

#[async_trait(?Send)]
impl Defect for OutboxHidden {
    async fn outbox(&self, incarnation: &Incarnation, limit: usize) -> PortResult<Vec<Arc<Event>>> {
        self.reads.set(self.reads.get() + 1);
        let events = incarnation.world.store().outbox(limit).await?;
        let is_shown = self.reads.get().is_multiple_of(4);
        Ok(if is_shown { events } else { Vec::new() })
    }
}

#[test]
fn event_published_by_a_later_poll_violates_stage_latency() {
    let expected = Expected {
        name: N::StageLatency,
        also: &[],
        says: [
            "the time from the commit of event ",
            "expected at most 30s",
            "because no fault is on record since then",
        ],
    };
    assert_caught("", OutboxHidden::default(), &expected);
}

/// Relay whose reads of the outbox leave their time limits behind.
struct TimersForgotten;

#[async_trait(?Send)]
impl Defect for TimersForgotten {
    async fn outbox(&self, incarnation: &Incarnation, limit: usize) -> PortResult<Vec<Arc<Event>>> {
        let day = Duration::from_secs(86_400);
        let mut time_limit = Box::pin(incarnation.world.clock().sleep(day));
        let _ = future::poll_once(&mut time_limit).await;
        mem::forget(time_limit);
        incarnation.world.store().outbox(limit).await
    }
}

#[test]
fn timers_of_ended_calls_violate_no_leak() {
    let expected = Expected {
        name: N::NoLeak,
        also: &[],
        says: [
            "the number of pending timers of worker-",
            " at rest is ",
            "because an incarnation whose work is done has the tasks that it was launched with",
        ],
    };
    assert_caught("", TimersForgotten, &expected);
}

/// World in which each event is published under a second identity.
struct EventsTwice;

impl Defect for EventsTwice {
    fn observe(&self, at: Timestamp, observation: &Observation<'_>, oracle: &mut dyn Observer) {
        oracle.observe(at, observation);
        if let Observation::EventPublished { event } = observation {
            let mut event = Event::clone(event);
            event.event_id = EventId(!event.event_id.0);
            oracle.observe(at, &Observation::EventPublished { event: &event });
        }
    }
}

#[test]
fn event_without_commit_violates_event_outbox() {
    let expected = Expected {
        name: N::EventOutbox,
        also: &[],
        says: [
            "event ",
            "is published, expected absent",
            "because no commit wrote it",
        ],
    };
    assert_caught("", EventsTwice, &expected);
}

/// Runner that calls Notify after each scan.
struct TellsNotify;

#[async_trait(?Send)]
impl Defect for TellsNotify {
    async fn report(
        &self,
        incarnation: &Incarnation,
        request: &ScanRequest<'_>,
    ) -> Result<ScanReport, ScannerError> {
        let _ = incarnation.world.notify().publish(&[]).await;
        incarnation.world.scanner().report(request).await
    }
}

#[test]
fn notify_called_by_runner_violates_notify_independent() {
    let expected = Expected {
        name: N::NotifyIndependent,
        // It holds a permit meanwhile.
        also: &[N::ScannerManners],
        says: [
            "worker-",
            "is runner, expected event-relay",
            "because no other task may wait for Notify",
        ],
    };
    assert_caught("", TellsNotify, &expected);
}
