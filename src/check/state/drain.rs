//! The drain: the time in which a healed core must finish the work that is left.
//!
//! ```text
//! allowance = base + 3 × Σ over unfinished runs (images × image time + segments × segment time)
//! patience  = base + 3 × max over unfinished runs (images of a segment × slots × image time)
//! image time = max(mean scan time / slots, 1 / ratePerSecond)
//! slots      = min(parallelism, segmentsAtOnce)
//! ```
//!
//! The sum is the time that one process needs if it works the schedules one after another. Within
//! the allowance there must be progress: the drain ends early when for the length of the patience
//! no run was planned, no segment was committed and no run ended. A segment is committed after its
//! last image, so the longest one bounds the time between two steps.

use std::time::Duration;

use super::WorldState;
use super::run::RunRecord;
use crate::model::Timestamp;
use rehearsal_convert::Nearest;

/// Factor of the computed time, for retries, lost leases and uneven segments.
const SLACK: f64 = 3.0;

/// Maximum computed time, in seconds: 30 years are as good as no limit.
const SECONDS_MAX: f64 = 1e9;

/// Allowance for the work that is left when triggers have stopped and a core is healed.
#[derive(Debug, Clone, Copy)]
pub struct DrainDeadline {
    /// When the core was healed.
    pub healed_at: Timestamp,
    /// Time allowed without progress.
    pub patience: Duration,
    /// Time allowed since healing, for the work that was left.
    pub allowance: Duration,
    /// Runs that were unfinished at that time.
    pub unfinished: usize,
    /// Number of steps of progress so far, and the time at which it was last seen to grow.
    progress: (u64, Timestamp),
}

impl DrainDeadline {
    /// When the drain is over at the latest, if no more progress is seen.
    pub fn ends_at(&self) -> Timestamp {
        let last = self.healed_at.after(self.allowance);
        self.progress.1.after(self.patience).min(last)
    }

    /// When progress was last seen.
    pub const fn progress_at(&self) -> Timestamp {
        self.progress.1
    }
}

/// Mean times of work without faults.
#[derive(Debug, Clone, Copy, Default)]
pub struct WorkTimes {
    /// Time to scan one image, by mode index.
    pub scan: [Duration; 2],
    /// Time of the calls that each segment takes besides its scans.
    pub segment: Duration,
}

/// Time that is left for the work of a run.
#[derive(Debug, Clone, Copy)]
struct DrainTime {
    /// Time for all of its images, in seconds.
    seconds: f64,
    /// Time from the start of its longest segment to its commit, in seconds.
    segment_seconds: f64,
}

fn with_slack(seconds: f64) -> Duration {
    Duration::from_secs_f64((SLACK * seconds).min(SECONDS_MAX))
}

impl WorldState {
    /// Begins the drain.
    pub(crate) fn begin_drain(&mut self, at: Timestamp, base: Duration) {
        let unfinished = self.runs.unfinished.iter();
        let times = unfinished.map(|run| self.drain_time(&self.runs[*run]));
        let (needed, longest) = times.fold((0.0, 0.0_f64), |(needed, longest), time| {
            (needed + time.seconds, longest.max(time.segment_seconds))
        });
        self.drain = Some(DrainDeadline {
            healed_at: at,
            patience: base.saturating_add(with_slack(longest)),
            allowance: base.saturating_add(with_slack(needed)),
            unfinished: self.runs.unfinished.len(),
            progress: (self.progress(), at),
        });
    }

    /// Returns the maximum time that the longest segment of an unfinished run needs.
    pub(crate) fn longest_segment_time(&self) -> Duration {
        let unfinished = self.runs.unfinished.iter();
        let times = unfinished.map(|run| self.drain_time(&self.runs[*run]).segment_seconds);
        with_slack(times.fold(0.0, f64::max))
    }

    /// Notes the progress that was made until now.
    pub(crate) fn note_progress(&mut self, now: Timestamp) {
        let steps = self.progress();
        if let Some(drain) = &mut self.drain
            && drain.progress.0 != steps
        {
            drain.progress = (steps, now);
        }
    }

    /// Number of steps that lead to the end of the work. Repeated and failed work is none.
    fn progress(&self) -> u64 {
        let planned: u64 = self.tally.planned.iter().flatten().sum();
        planned + self.tally.segments + self.tally.runs_ended()
    }

    /// Whether the work that was left at healing takes longer than a run may be open.
    pub(crate) fn is_overloaded(&self) -> bool {
        let drain = self.drain.as_ref();
        drain.is_some_and(|drain| drain.allowance >= self.options.worker.run_timeout)
    }

    /// Time that one process needs for a run.
    fn drain_time(&self, run: &RunRecord) -> DrainTime {
        let options = &self.options;
        let definition = self.schedules[run.schedule].definition.as_ref();
        let limits = definition
            .map(|schedule| schedule.limits)
            .unwrap_or_default();
        let planned = run.work.as_ref().filter(|work| !work.segments.is_empty());
        let segment_size = u64::from(options.worker.segment_size.max(1));
        let (images, segments, largest) = match planned {
            Some(work) => {
                let open = work.segments.iter().filter(|it| it.committed_by.is_none());
                open.fold((0, 0_u64, 0), |(images, segments, largest), segment| {
                    let length = u64::from(segment.length);
                    (images + length, segments + 1, length.max(largest))
                })
            }
            None => {
                let all = u64::from(options.inventory.len());
                let images = limits
                    .max_jobs
                    .map_or(all, |jobs| all.min(u64::from(jobs.get())));
                let segments = images.div_ceil(segment_size);
                (images, segments, images.min(segment_size))
            }
        };
        let slots = limits
            .parallelism
            .map_or(options.worker.segments_at_once, |limit| {
                limit.get().min(options.worker.segments_at_once)
            });
        let slots = f64::from(slots.max(1));
        let times = &options.work_times;
        let scan = times.scan[run.mode.index()].as_secs_f64() / slots;
        let image = limits
            .rate_per_second
            .map_or(scan, |rate| scan.max(1.0 / rate));
        let segment = times.segment.as_secs_f64();
        DrainTime {
            seconds: images.nearest_f64() * image + segments.nearest_f64() * segment / slots,
            segment_seconds: largest.nearest_f64() * slots * image + segment,
        }
    }
}
