//! Segment execution: a report per image, the delta to its baseline, and one commit.
//!
//! The store fences deliveries. `begin_segment` raises the segment's fence to the delivery of the
//! lease, and the commit of an older delivery is refused. A superseded holder acknowledges its copy
//! of the message, since the newer delivery owns the work. If both copies came from one duplicated
//! message, a release would let them supersede each other endlessly.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_lite::future;
use rehearsal_convert::Index;

use crate::context::{BusyGuard, MAX_COMMIT_ATTEMPTS, WorkerContext};
use crate::flow::lease::{Disposition, LeasedMessage};
use crate::flow::permits::PermitPool;
use crate::flow::reusable_timeout::ReusableTimeout;
use crate::metrics::{Delta, SegmentStatus};
use crate::model::observation::QueueName;
use crate::model::{
    Applied, CommitAnswer, CommitRefusal, Mode, RunState, Segment, SegmentMessage, SegmentOutcome,
};
use crate::ports::{Ports, RunDocument, SegmentDocument, Store};
use crate::run_lifecycle::{end_run, poison};
use crate::scan::scanner_client::{ScanFailure, ScanSession, ScannerReportClient};
use crate::scan::segment_commit::{ScanResults, segment_commit};
use crate::services::backlog::BacklogBackgroundService;

type LeasedSegment<'a, P> = LeasedMessage<'a, P, SegmentMessage, <P as Ports>::RunnerQueue>;

/// Takes segments off the queue. A process has `segmentsAtOnce` of these.
pub struct RunnerBackgroundService<'a, P: Ports> {
    context: &'a WorkerContext<P>,
    client: &'a ScannerReportClient,
}

impl<'a, P: Ports> RunnerBackgroundService<'a, P> {
    /// Creates one of the services of a process. `client` is shared by all of them.
    pub fn new(context: &'a WorkerContext<P>, client: &'a ScannerReportClient) -> Self {
        Self { context, client }
    }

    /// Works one segment after another until the process stops.
    pub async fn run(self) {
        let _busy = BusyGuard::new(&self.context.busy_tasks);
        while let Some(leased) = self.receive().await {
            if matches!(self.work(&leased).await, Disposition::ReleaseAfterBackoff) {
                let delay = self.context.options.backoff_initial;
                self.context.sleep_or_stopped(delay).await;
            }
        }
    }

    /// Waits for a segment. Returns none when the process stops. Of all free services only one asks
    /// the queue, so that an idle process costs the queue one call and not `segmentsAtOnce`.
    async fn receive(&self) -> Option<LeasedSegment<'a, P>> {
        let turn = async { Some(self.context.receiving.acquire().await) };
        let stop = async {
            self.context.intake.cancelled().await;
            None
        };
        let _turn = future::or(stop, turn).await?;
        let queue = self.context.ports.runner_queue();
        LeasedMessage::receive(self.context, queue, QueueName::Runner).await
    }

    async fn work(&self, leased: &LeasedSegment<'a, P>) -> Disposition {
        let service = RunnerExecutionService {
            context: self.context,
            client: self.client,
            leased,
            is_scanning: AtomicBool::new(false),
            is_missing: AtomicBool::new(false),
            is_backlog_unknown: AtomicBool::new(false),
        };
        let kept = leased.keep_alive(async || service.touch().await);
        let disposition = future::or(service.execute(), kept).await;
        if service.is_backlog_unknown.into_inner() {
            let mut backlog = BacklogBackgroundService::new(self.context, false);
            backlog.refresh().await;
        }
        leased.settle(disposition.clone()).await;
        disposition
    }
}

/// Works one delivery of one segment.
pub struct RunnerExecutionService<'a, P: Ports> {
    context: &'a WorkerContext<P>,
    client: &'a ScannerReportClient,
    leased: &'a LeasedSegment<'a, P>,
    /// Set while scan requests are made. Only these are given up; elsewhere a commit's answer may
    /// be in flight.
    is_scanning: AtomicBool,
    /// Set once the missing run is counted.
    is_missing: AtomicBool,
    /// Set once the segment is counted without a commit that tells the backlog.
    is_backlog_unknown: AtomicBool,
}

impl<P: Ports> RunnerExecutionService<'_, P> {
    /// Marks the segment as worked in the store, so that repair leaves it alone. Ends the work if
    /// the run is terminal or a newer delivery has begun.
    async fn touch(&self) -> Option<Disposition> {
        let message = self.leased.lease.body.as_ref().ok()?;
        let is_scanning = || self.is_scanning.load(Ordering::Relaxed);
        if !is_scanning() {
            return None;
        }
        let delivery = self.leased.lease.delivery;
        let store = self.context.ports.store();
        let answer = store.begin_segment(&message.key(), delivery).await;
        let begun = self.context.track_store_health(answer).ok()?.value;
        if begun.run.is_none() {
            self.run_missing(message);
        }
        let is_running = |document: &RunDocument| document.run.value.state == RunState::Running;
        let is_own = |segment: &Segment| segment.delivery <= delivery;
        let goes_on = begun.run.as_ref().is_some_and(is_running)
            && begun.segment.as_ref().is_some_and(is_own);
        if goes_on || !is_scanning() {
            return None;
        }
        if begun.run.is_some_and(|document| !is_running(&document)) {
            self.context.metrics.segment_discarded(message.mode);
        }
        Some(Disposition::Ack)
    }

    async fn execute(&self) -> Disposition {
        let message = match poison::readable(self.context, &self.leased.lease).await {
            Ok(message) => message,
            Err(disposition) => return disposition,
        };
        let key = message.key();
        let delivery = self.leased.lease.delivery;
        let begin = || self.context.ports.store().begin_segment(&key, delivery);
        let begun = self.context.retry_until_ok(begin).await.value;
        let (document, segment) = match self.admit(message, begun).await {
            Ok(admitted) => admitted,
            Err(disposition) => return disposition,
        };
        self.is_scanning.store(true, Ordering::Relaxed);
        let scanned = future::or(self.scan(&document, &segment), self.grace_over()).await;
        self.is_scanning.store(false, Ordering::Relaxed);
        match scanned {
            Ok(results) => self.commit(message, results).await,
            Err(disposition) => disposition,
        }
    }

    /// Returns run and segment if the segment awaits work, or else the disposition of the message.
    async fn admit(
        &self,
        message: &SegmentMessage,
        begun: SegmentDocument,
    ) -> Result<(RunDocument, Segment), Disposition> {
        let metrics = &self.context.metrics;
        let Some(document) = begun.run else {
            return Err(self.run_missing(message));
        };
        let is_running = document.run.value.state == RunState::Running;
        match begun.segment {
            Some(segment) if segment.committed_by.is_some() => {
                // The committing worker may have died before it enqueued the released segments.
                match end_run::enqueue_released(self.context, &segment.released_next).await {
                    true => Err(Disposition::Ack),
                    false => Err(Disposition::ReleaseAfterBackoff),
                }
            }
            Some(segment) if is_running && segment.delivery > self.leased.lease.delivery => {
                Err(Disposition::Ack)
            }
            Some(segment) if is_running => Ok((document, segment)),
            _ => {
                metrics.segment_discarded(message.mode);
                Err(Disposition::Ack)
            }
        }
    }

    /// Requests a report for each image.
    async fn scan(
        &self,
        document: &RunDocument,
        segment: &Segment,
    ) -> Result<ScanResults, Disposition> {
        let run = &document.run.value;
        let rate_per_second = document.schedule.schedule.limits.rate_per_second;
        let mut session = ScanSession {
            run,
            rate_per_second,
            delivery: self.leased.lease.delivery,
            permits: rate_per_second
                .map(|rate| PermitPool::new(run.schedule.clone(), run.mode, rate)),
            timeout: ReusableTimeout::new(
                self.context.ports.clock(),
                self.context.options.scanner_timeout,
            ),
        };
        let mut results = ScanResults::with_capacity(segment.digests.len());
        let mut left = segment.digests.len().index_u32();
        for image in segment.digests.iter() {
            let is_live = || self.leased.is_held();
            match self
                .client
                .report(self.context, &mut session, image, left, is_live)
                .await
            {
                Ok(report) => results.reports.push(report),
                Err(ScanFailure::Refused) => results.failed.push(*image),
                Err(ScanFailure::Unavailable) => return Err(Disposition::ReleaseAfterBackoff),
                Err(ScanFailure::Interrupted) => return Err(Disposition::Release),
            }
            left -= 1;
        }
        Ok(results)
    }

    /// Resolves when the grace of a stopping process is over: the scan is then given up, whatever
    /// it waits for.
    async fn grace_over(&self) -> Result<ScanResults, Disposition> {
        self.context.work.cancelled().await;
        Err(Disposition::Release)
    }

    async fn commit(&self, message: &SegmentMessage, results: ScanResults) -> Disposition {
        let store = self.context.ports.store();
        let key = message.key();
        let delivery = self.leased.lease.delivery;
        let metrics = &self.context.metrics;
        let mode = message.mode;
        for attempt in 1..=MAX_COMMIT_ATTEMPTS {
            let begin = || store.begin_segment(&key, delivery);
            let begun = self.context.retry_until_ok(begin).await.value;
            let Some(document) = begun.run else {
                return self.run_missing(message);
            };
            let Some(segment) = begun.segment else {
                metrics.segment_discarded(mode);
                return Disposition::Ack;
            };
            let tenant = &document.run.value.tenant;
            let images: Vec<_> = results.reports.iter().map(|report| report.image).collect();
            let baselines = self
                .context
                .retry_until_ok(|| store.baselines(tenant, &images))
                .await;
            let (commit, outcome) = segment_commit(
                self.context,
                &document,
                &segment,
                &results,
                &baselines,
                delivery,
            );
            let released = commit.release.clone();
            let completes = commit.active_runs_delta.is_some();
            match self.context.commit(commit).await {
                CommitAnswer::Applied(applied) => {
                    self.count(&document, &outcome, &applied, completes);
                    return match end_run::enqueue_released(self.context, &released).await {
                        true => Disposition::Ack,
                        false => Disposition::ReleaseAfterBackoff,
                    };
                }
                // No attempt is left, so no backoff either.
                CommitAnswer::Conflict if attempt == MAX_COMMIT_ATTEMPTS => {}
                CommitAnswer::Conflict => {
                    if !self.context.backoff_after_conflict(attempt).await {
                        return Disposition::Release;
                    }
                }
                CommitAnswer::AppliedByAnother => return Disposition::Ack,
                CommitAnswer::Refused(CommitRefusal::Superseded) => {
                    self.count_failed(mode, SegmentStatus::PersistFailed);
                    return Disposition::Ack;
                }
                CommitAnswer::Refused(CommitRefusal::RunMissing) => {
                    return self.run_missing(message);
                }
                CommitAnswer::Refused(CommitRefusal::RunTerminal) => {
                    metrics.segment_discarded(mode);
                    return Disposition::Ack;
                }
            }
        }
        self.count_failed(mode, SegmentStatus::PersistFailed);
        // Contention does not make the message poison: the delivery does not count.
        Disposition::ReleaseAfterBackoff
    }

    /// Counts a purged run, once per delivery.
    fn run_missing(&self, message: &SegmentMessage) -> Disposition {
        if !self.is_missing.swap(true, Ordering::Relaxed) {
            self.count_failed(message.mode, SegmentStatus::RunMissing);
        }
        Disposition::Ack
    }

    /// Counts a segment that ends without a commit.
    fn count_failed(&self, mode: Mode, status: SegmentStatus) {
        self.context.metrics.segment(mode, status);
        self.is_backlog_unknown.store(true, Ordering::Relaxed);
    }

    /// Counts a segment whose commit is acknowledged as applied.
    fn count(
        &self,
        document: &RunDocument,
        outcome: &SegmentOutcome,
        applied: &Applied,
        completes: bool,
    ) {
        let metrics = &self.context.metrics;
        let mode = document.run.value.mode;
        metrics.segment(mode, SegmentStatus::Completed);
        metrics.images(mode, Delta(false), outcome.unchanged + outcome.failed);
        metrics.images(mode, Delta(true), outcome.changed);
        metrics.images_failed(mode, outcome.failed);
        metrics.deltas(mode, &outcome.deltas);
        if completes {
            let duration: Duration = applied.at.since(document.run.value.created_at);
            metrics.run_completed(mode, duration.as_secs_f64());
        }
        self.context.events.notify_one();
    }
}
