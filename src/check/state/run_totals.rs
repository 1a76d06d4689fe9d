//! Counts for gates and reports.

use crate::model::Mode;
use crate::model::commit::{FireOutcome, PlanOutcome};

/// Totals of runs, segments, images and requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunTotals {
    /// Number of created runs.
    pub runs_created: u64,
    /// Runs that completed, those without work included.
    pub runs_completed: u64,
    /// Completed runs without work.
    pub runs_without_work: u64,
    /// Runs that ended in `Error`.
    pub runs_failed: u64,
    /// Runs that were cancelled.
    pub runs_cancelled: u64,
    /// Segments committed.
    pub segments: u64,
    /// Images in committed segments with a report: committed scans.
    pub images: u64,
    /// Images that the scanner refused, in committed segments.
    pub images_failed: u64,
    /// Meaningful deltas committed.
    pub deltas: u64,
    /// Requests sent to the scanner.
    pub scanner_requests: u64,
    /// Requests on a permit made late by a pause or a delay.
    pub late_requests: u64,
    /// Events published, each once.
    pub events: u64,
    /// Cron fires by fate, in the order of [`FireOutcome::ALL`].
    pub fires: [u64; 4],
    /// Exports published.
    pub exports: u64,
    /// Images that await a runner, over all schedules, now.
    pub backlog: u64,
    /// The most that ever awaited one.
    pub peak_backlog: u64,
    /// Segments whose committer learned of it.
    pub(crate) segments_counted: u64,
    /// Segments whose committer ended before it could.
    pub(crate) segments_lost_with_incarnation: u64,
    /// Runs that left planning, by mode and outcome; cancelled ones apart.
    pub(crate) planned: [[u64; 3]; 2],
}

impl RunTotals {
    /// Runs that reached a terminal state.
    pub fn runs_ended(&self) -> u64 {
        self.runs_completed + self.runs_failed + self.runs_cancelled
    }

    pub(crate) fn plan(&mut self, mode: Mode, outcome: PlanOutcome) {
        self.planned[mode.index()][outcome as usize] += 1;
    }

    pub(crate) fn fire(&mut self, fate: FireOutcome, count: u64) {
        self.fires[fate.index()] += count;
    }

    pub(crate) fn move_backlog(&mut self, before: u64, after: u64) {
        self.backlog = (self.backlog + after).saturating_sub(before);
        self.peak_backlog = self.peak_backlog.max(self.backlog);
    }
}
