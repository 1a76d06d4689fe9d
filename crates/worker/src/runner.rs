//! Running segments: a report per image, the delta to the last one, and one commit.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_lite::future;

use super::context::{BusyGuard, Context, MAX_COMMIT_ATTEMPTS};
use super::lease::LeasedMessage;
use super::patience::ReusableTimeout;
use super::permits::PermitPool;
use super::ports::{Ports, RunDocument, SegmentDocument, Store};
use super::scanner_client::{ScanFailure, ScanSession, ScannerReportClient};
use super::segment_commit::{ScanResults, segment_commit};
use super::{Disposition, ending, poison};
use crate::metrics::{Delta, SegmentStatus};
use crate::model::observation::QueueName;
use crate::model::{
    Applied, CommitAnswer, CommitRefusal, RunState, Segment, SegmentMessage, SegmentOutcome,
};

type LeasedSegment<'a, P> = LeasedMessage<'a, P, SegmentMessage, <P as Ports>::RunnerQueue>;

/// Takes segments off the queue; a process has several of these.
pub struct RunnerBackgroundService<'a, P: Ports> {
    context: &'a Context<P>,
    client: &'a ScannerReportClient,
}

impl<'a, P: Ports> RunnerBackgroundService<'a, P> {
    /// One place for a segment in a process. `client` is the process's own.
    pub fn new(context: &'a Context<P>, client: &'a ScannerReportClient) -> Self {
        Self { context, client }
    }

    /// Works one segment after the other until the process stops.
    pub async fn run(self) {
        let _busy = BusyGuard::new(&self.context.busy_tasks);
        while let Some(held) = self.receive().await {
            if matches!(self.work(&held).await, Disposition::ReleaseAfterBackoff) {
                let delay = self.context.options.backoff_initial;
                self.context.sleep_or_stopped(delay).await;
            }
        }
    }

    /// Waits for a segment; none when the process stops. Of all places that are free only one asks
    /// the queue, so that an idle process costs the queue one call and not one for each place.
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

    async fn work(&self, held: &LeasedSegment<'a, P>) -> Disposition {
        let service = RunnerExecutionService {
            context: self.context,
            client: self.client,
            held,
            is_scanning: AtomicBool::new(false),
            is_missing: AtomicBool::new(false),
        };
        let kept = held.keep(async || service.touch().await);
        let ended = future::or(service.execute(), kept).await;
        held.end(ended.clone()).await;
        ended
    }
}

/// Works one delivery of one segment.
pub struct RunnerExecutionService<'a, P: Ports> {
    context: &'a Context<P>,
    client: &'a ScannerReportClient,
    held: &'a LeasedSegment<'a, P>,
    /// Only scans are given up: elsewhere a commit's answer may be on its way.
    is_scanning: AtomicBool,
    /// The missing run is counted.
    is_missing: AtomicBool,
}

impl<P: Ports> RunnerExecutionService<'_, P> {
    /// Tells the store that the work goes on, so that repair leaves it alone; gives the work up if
    /// the run is over or a newer delivery has begun.
    async fn touch(&self) -> Option<Disposition> {
        let message = self.held.lease.body.as_ref().ok()?;
        let is_scanning = || self.is_scanning.load(Ordering::Relaxed);
        if !is_scanning() {
            return None;
        }
        let delivery = self.held.lease.delivery;
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
        let message = match poison::readable(self.context, &self.held.lease).await {
            Ok(message) => message,
            Err(ended) => return ended,
        };
        let key = message.key();
        let delivery = self.held.lease.delivery;
        let begin = || self.context.ports.store().begin_segment(&key, delivery);
        let begun = self.context.retry_until_ok(begin).await.value;
        let (document, segment) = match self.admit(message, begun).await {
            Ok(admitted) => admitted,
            Err(ended) => return ended,
        };
        self.is_scanning.store(true, Ordering::Relaxed);
        let scanned = future::or(self.scan(&document, &segment), self.grace_over()).await;
        self.is_scanning.store(false, Ordering::Relaxed);
        match scanned {
            Ok(results) => self.commit(message, results).await,
            Err(ended) => ended,
        }
    }

    /// Whether the segment still awaits work; if not, what is left to do.
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
                // Whoever committed it may not have enqueued what the commit released.
                match ending::enqueue_released(self.context, &segment.released_next).await {
                    true => Err(Disposition::Ack),
                    false => Err(Disposition::ReleaseAfterBackoff),
                }
            }
            Some(segment) if is_running && segment.delivery > self.held.lease.delivery => {
                Err(Disposition::Ack)
            }
            Some(segment) if is_running => Ok((document, segment)),
            _ => {
                metrics.segment_discarded(message.mode);
                Err(Disposition::Ack)
            }
        }
    }

    /// A report for each image.
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
            delivery: self.held.lease.delivery,
            permits: rate_per_second
                .map(|rate| PermitPool::new(run.schedule.clone(), run.mode, rate)),
            timeout: ReusableTimeout::new(
                self.context.ports.clock(),
                self.context.options.scanner_timeout,
            ),
        };
        let mut results = ScanResults::with_capacity(segment.digests.len());
        let mut left = segment.digests.len() as u32;
        for image in segment.digests.iter() {
            let is_live = || self.held.is_live();
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

    /// A stopping process finishes what it can within its grace, and hands the rest back, whatever it
    /// waits for.
    async fn grace_over(&self) -> Result<ScanResults, Disposition> {
        self.context.work.cancelled().await;
        Err(Disposition::Release)
    }

    async fn commit(&self, message: &SegmentMessage, results: ScanResults) -> Disposition {
        let store = self.context.ports.store();
        let key = message.key();
        let delivery = self.held.lease.delivery;
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
                    return match ending::enqueue_released(self.context, &released).await {
                        true => Disposition::Ack,
                        false => Disposition::ReleaseAfterBackoff,
                    };
                }
                // What was learned last is counted at once: nothing is left to wait for.
                CommitAnswer::Conflict if attempt == MAX_COMMIT_ATTEMPTS => {}
                CommitAnswer::Conflict => self.context.backoff_after_conflict(attempt).await,
                CommitAnswer::AppliedByAnother => return Disposition::Ack,
                CommitAnswer::Refused(CommitRefusal::Superseded) => {
                    metrics.segment(mode, SegmentStatus::PersistFailed);
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
        metrics.segment(mode, SegmentStatus::PersistFailed);
        // Contention is no poison: the delivery does not count.
        Disposition::ReleaseAfterBackoff
    }

    /// The run was purged: counted once per delivery, whoever sees it first.
    fn run_missing(&self, message: &SegmentMessage) -> Disposition {
        if !self.is_missing.swap(true, Ordering::Relaxed) {
            let metrics = &self.context.metrics;
            metrics.segment(message.mode, SegmentStatus::RunMissing);
        }
        Disposition::Ack
    }

    /// Counts a segment whose commit was learned to be applied.
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
