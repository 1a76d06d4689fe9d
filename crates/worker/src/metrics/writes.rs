//! The writes to the instruments: every way in which the worker moves one.
//!
//! The worker sees its instruments through this trait only, so that a test can put a defect between
//! the two. It is a trait object: a type parameter would go through every service and cost each of
//! them a second type to name, for one indirect call per record.

use std::time::Duration;

use rehearsal_convert::Nearest;

use super::backlog::ReadTime;
use super::instruments::SchedulerWorkerMetrics;
use super::label::{
    AttemptOutcome, Delta, EventKind, Fate, Mode, PlannerStatus, QueueName, RunResult,
    ScannerOutcome, SegmentStatus,
};
use crate::model::commit::BacklogRow;
use crate::model::{DeltaCounts, SharedList};

/// Receiver of everything that a worker records. A method is one write.
pub trait InstrumentWrites: Send + Sync {
    /// Records that a run left `Planning`: its outcome, and the time since its creation, s.
    fn planner_run(&self, mode: Mode, status: PlannerStatus, latency_seconds: f64);

    /// Records the time from a completed run's creation, s. Exactly 0 for a run without work.
    fn run_completed(&self, mode: Mode, duration_seconds: f64);

    /// Counts a processed segment.
    fn segment(&self, mode: Mode, status: SegmentStatus);

    /// Counts images of a committed segment, with or without a meaningful delta.
    fn images(&self, mode: Mode, delta: Delta, count: u64);

    /// Counts the meaningful deltas of a committed segment.
    fn deltas(&self, mode: Mode, counts: &DeltaCounts);

    /// Adds the runs that entered (+) or left (−) the open states by a commit of this process, or
    /// an orphaned count that was adopted or given up.
    fn runs_active_add(&self, mode: Mode, count: i64);

    /// Counts an ended attempt to plan a run.
    fn planner_attempt(&self, mode: Mode, outcome: AttemptOutcome);

    /// Counts a cancelled run.
    fn run_cancelled(&self, mode: Mode);

    /// Counts a segment that was discarded because its run had ended.
    fn segment_discarded(&self, mode: Mode);

    /// Counts images of a committed segment for which the Scanner permanently refused a report.
    fn images_failed(&self, mode: Mode, count: u64);

    /// Sets the number of messages in a queue at `observed_at`.
    fn queue_depth(&self, queue: QueueName, messages: u64, observed_at: Duration);

    /// Sets the age of the oldest ready message, s, at `observed_at`; 0 if there is none.
    fn queue_oldest_ready(&self, queue: QueueName, age_seconds: f64, observed_at: Duration);

    /// Counts a message that had been delivered before.
    fn redelivery(&self, queue: QueueName);

    /// Counts a dead-lettered message.
    fn dead_letter(&self, queue: QueueName);

    /// Counts a poison message that was dropped because dead letters are off.
    fn drop_message(&self, queue: QueueName);

    /// Counts a renewed lease.
    fn lease_renewal(&self, queue: QueueName);

    /// Counts a lease that was lost during work.
    fn lease_loss(&self, queue: QueueName);

    /// Counts an ended request to the Scanner.
    fn scanner_request(&self, mode: Mode, outcome: ScannerOutcome);

    /// Counts a permit that was used late, after a pause or a delay.
    fn late_permit(&self, mode: Mode);

    /// Counts a published event.
    fn event_published(&self, kind: EventKind);

    /// Sets the number of events in the outbox at `observed_at`.
    fn outbox_depth(&self, events: u64, observed_at: Duration);

    /// Counts due fires of a schedule by fate.
    fn schedule_fires(&self, mode: Mode, fate: Fate, count: u64);

    /// Sets the time since the least advanced open run made progress, s, at `observed_at`; 0 when
    /// no run is open.
    fn since_progress(&self, mode: Mode, seconds: f64, observed_at: Duration);

    /// Sets one value of the backlog that the store had at `time`.
    fn backlog_set(&self, mode: Mode, schedule: &str, images: u64, time: ReadTime);

    /// Replaces all values of the backlog by those of the store at `time`.
    fn backlog_refresh(&self, rows: &SharedList<BacklogRow>, time: ReadTime);

    /// Confirms all values of the backlog at `time`.
    fn backlog_confirm(&self, time: ReadTime);
}

impl InstrumentWrites for SchedulerWorkerMetrics {
    #[inline]
    fn planner_run(&self, mode: Mode, status: PlannerStatus, latency_seconds: f64) {
        self.planner_runs.increment((mode, status));
        self.planner_latency.record((mode, status), latency_seconds);
    }

    #[inline]
    fn run_completed(&self, mode: Mode, duration_seconds: f64) {
        self.run_duration
            .record((mode, RunResult::Completed), duration_seconds);
    }

    #[inline]
    fn segment(&self, mode: Mode, status: SegmentStatus) {
        self.segments.increment((mode, status));
    }

    #[inline]
    fn images(&self, mode: Mode, delta: Delta, count: u64) {
        self.images.add((mode, delta), count);
    }

    #[inline]
    fn deltas(&self, mode: Mode, counts: &DeltaCounts) {
        self.deltas.add(mode, counts.new_findings);
        self.deltas_critical.add(mode, counts.new_criticals);
        self.deltas_high.add(mode, counts.new_high);
        self.deltas_kev.add(mode, counts.kev_hits);
    }

    #[inline]
    fn runs_active_add(&self, mode: Mode, count: i64) {
        self.runs_active.add(mode, count);
    }

    #[inline]
    fn planner_attempt(&self, mode: Mode, outcome: AttemptOutcome) {
        self.planner_attempts.increment((mode, outcome));
    }

    #[inline]
    fn run_cancelled(&self, mode: Mode) {
        self.runs_cancelled.increment(mode);
    }

    #[inline]
    fn segment_discarded(&self, mode: Mode) {
        self.segments_discarded.increment(mode);
    }

    #[inline]
    fn images_failed(&self, mode: Mode, count: u64) {
        self.images_failed.add(mode, count);
    }

    fn queue_depth(&self, queue: QueueName, messages: u64, observed_at: Duration) {
        self.queue_depth
            .set(queue, messages.nearest_f64(), observed_at);
    }

    fn queue_oldest_ready(&self, queue: QueueName, age_seconds: f64, observed_at: Duration) {
        self.queue_oldest_ready.set(queue, age_seconds, observed_at);
    }

    #[inline]
    fn redelivery(&self, queue: QueueName) {
        self.redeliveries.increment(queue);
    }

    #[inline]
    fn dead_letter(&self, queue: QueueName) {
        self.dead_letters.increment(queue);
    }

    #[inline]
    fn drop_message(&self, queue: QueueName) {
        self.drops.increment(queue);
    }

    #[inline]
    fn lease_renewal(&self, queue: QueueName) {
        self.lease_renewals.increment(queue);
    }

    #[inline]
    fn lease_loss(&self, queue: QueueName) {
        self.lease_losses.increment(queue);
    }

    #[inline]
    fn scanner_request(&self, mode: Mode, outcome: ScannerOutcome) {
        self.scanner_requests.increment((mode, outcome));
    }

    #[inline]
    fn late_permit(&self, mode: Mode) {
        self.late_permits.increment(mode);
    }

    #[inline]
    fn event_published(&self, kind: EventKind) {
        self.events.increment(kind);
    }

    fn outbox_depth(&self, events: u64, observed_at: Duration) {
        self.outbox_depth.set((), events.nearest_f64(), observed_at);
    }

    #[inline]
    fn schedule_fires(&self, mode: Mode, fate: Fate, count: u64) {
        self.fires.add((mode, fate), count);
    }

    fn since_progress(&self, mode: Mode, seconds: f64, observed_at: Duration) {
        self.since_progress.set(mode, seconds, observed_at);
    }

    fn backlog_set(&self, mode: Mode, schedule: &str, images: u64, time: ReadTime) {
        self.backlog.set(mode, schedule, images, time);
    }

    fn backlog_refresh(&self, rows: &SharedList<BacklogRow>, time: ReadTime) {
        self.backlog.refresh_rows(rows, time);
    }

    fn backlog_confirm(&self, time: ReadTime) {
        self.backlog.confirm(time);
    }
}
