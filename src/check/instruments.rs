//! Reads of a process's instruments, as the invariants need them.

mod extension;
mod gauge;
mod process_series;
mod recorded_scrape;

use std::fmt;
use std::ops::{Index, IndexMut};

pub use self::extension::{ExtensionSeries, PlanAttempt, RequestOutcome};
pub use self::gauge::GaugeSeries;
pub use self::process_series::ProcessSeries;
pub(crate) use self::recorded_scrape::InstrumentSource;
pub use self::recorded_scrape::{InstrumentReaders, InstrumentSet, RecordedScrape};
use crate::model::Mode;
use crate::model::commit::PlanOutcome;

/// End of a delivery of a segment, as `scheduler_runner_segments_total` counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentFate {
    /// Committed.
    Completed,
    /// Given up without a commit.
    PersistFailed,
    /// There is no such run.
    RunMissing,
}

/// Which of the four delta counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it all")]
pub enum DeltaKind {
    New,
    Critical,
    High,
    Kev,
}

const PLAN_OUTCOMES: [PlanOutcome; 3] = [
    PlanOutcome::Enqueued,
    PlanOutcome::NoWork,
    PlanOutcome::Failed,
];
const SEGMENT_FATES: [SegmentFate; 3] = [
    SegmentFate::Completed,
    SegmentFate::PersistFailed,
    SegmentFate::RunMissing,
];
const DELTA_KINDS: [DeltaKind; 4] = [
    DeltaKind::New,
    DeltaKind::Critical,
    DeltaKind::High,
    DeltaKind::Kev,
];

/// Label value of an outcome of planning.
const fn status(outcome: PlanOutcome) -> &'static str {
    match outcome {
        PlanOutcome::Enqueued => "enqueued",
        PlanOutcome::NoWork => "no_work",
        PlanOutcome::Failed => "failed",
    }
}

/// One of the counter series: the contract's, and those of the extensions whose every step a
/// process learns of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CounterSeries {
    /// `scheduler_planner_runs_total`
    PlannerRuns(Mode, PlanOutcome),
    /// `scheduler_runner_segments_total`
    Segments(Mode, SegmentFate),
    /// `scheduler_runner_images_total`; `true`: with a meaningful delta.
    Images(Mode, bool),
    /// The four `scheduler_runner_delta…_total`.
    Deltas(Mode, DeltaKind),
    /// Counter series of an extension instrument.
    Extension(ExtensionSeries),
}

impl CounterSeries {
    /// The contract's series of one mode.
    const PER_MODE: usize = 12;
    /// Number of series of the contract; they come first.
    pub const GIVEN: usize = Self::PER_MODE * Mode::ALL.len();
    /// Number of series.
    pub const COUNT: usize = Self::GIVEN + ExtensionSeries::COUNT;

    /// A number below [`CounterSeries::COUNT`].
    pub const fn index(self) -> usize {
        let (mode, offset) = match self {
            Self::PlannerRuns(mode, outcome) => (mode, outcome as usize),
            Self::Segments(mode, fate) => (mode, 3 + fate as usize),
            Self::Images(mode, changed) => (mode, 6 + changed as usize),
            Self::Deltas(mode, kind) => (mode, 8 + kind as usize),
            Self::Extension(series) => return Self::GIVEN + series.index(),
        };
        mode.index() * Self::PER_MODE + offset
    }

    /// The series with this number.
    pub const fn at(index: usize) -> Self {
        if index >= Self::GIVEN {
            return Self::Extension(ExtensionSeries::at(index - Self::GIVEN));
        }
        let mode = Mode::ALL[index / Self::PER_MODE];
        match index % Self::PER_MODE {
            offset @ 0..3 => Self::PlannerRuns(mode, PLAN_OUTCOMES[offset]),
            offset @ 3..6 => Self::Segments(mode, SEGMENT_FATES[offset - 3]),
            offset @ 6..8 => Self::Images(mode, offset == 7),
            offset => Self::Deltas(mode, DELTA_KINDS[offset - 8]),
        }
    }
}

impl fmt::Display for CounterSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Extension(series) => series.fmt(f),
            Self::PlannerRuns(mode, outcome) => write!(
                f,
                "scheduler_planner_runs_total{{mode=\"{}\",status=\"{}\"}}",
                mode.as_str(),
                status(*outcome)
            ),
            Self::Segments(mode, fate) => {
                let status = match fate {
                    SegmentFate::Completed => "Completed",
                    SegmentFate::PersistFailed => "persist_failed",
                    SegmentFate::RunMissing => "RunMissing",
                };
                let mode = mode.as_str();
                write!(
                    f,
                    "scheduler_runner_segments_total{{mode=\"{mode}\",status=\"{status}\"}}"
                )
            }
            Self::Images(mode, changed) => {
                let mode = mode.as_str();
                write!(
                    f,
                    "scheduler_runner_images_total{{mode=\"{mode}\",delta=\"{changed}\"}}"
                )
            }
            Self::Deltas(mode, kind) => {
                let kind = match kind {
                    DeltaKind::New => "",
                    DeltaKind::Critical => "_critical",
                    DeltaKind::High => "_high",
                    DeltaKind::Kev => "_kev",
                };
                write!(
                    f,
                    "scheduler_runner_delta{kind}_total{{mode=\"{}\"}}",
                    mode.as_str()
                )
            }
        }
    }
}

/// A number for each counter series.
#[derive(Debug, Clone, Copy)]
pub struct CounterTable([u64; CounterSeries::COUNT]);

impl Default for CounterTable {
    fn default() -> Self {
        Self([0; CounterSeries::COUNT])
    }
}

impl Index<usize> for CounterTable {
    type Output = u64;

    fn index(&self, index: usize) -> &u64 {
        &self.0[index]
    }
}

impl IndexMut<usize> for CounterTable {
    fn index_mut(&mut self, index: usize) -> &mut u64 {
        &mut self.0[index]
    }
}

/// One of the contract's histogram series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistogramSeries {
    /// `scheduler_planner_latency_seconds`
    Latency(Mode, PlanOutcome),
    /// `scheduler_run_duration_seconds`
    Duration(Mode),
}

impl HistogramSeries {
    const PER_MODE: usize = 4;
    /// Number of series.
    pub const COUNT: usize = Self::PER_MODE * Mode::ALL.len();

    /// A number below [`HistogramSeries::COUNT`].
    pub const fn index(self) -> usize {
        match self {
            Self::Latency(mode, outcome) => mode.index() * Self::PER_MODE + outcome as usize,
            Self::Duration(mode) => mode.index() * Self::PER_MODE + 3,
        }
    }

    /// The series with this number.
    pub const fn at(index: usize) -> Self {
        let mode = Mode::ALL[index / Self::PER_MODE % Mode::ALL.len()];
        match index % Self::PER_MODE {
            offset @ 0..3 => Self::Latency(mode, PLAN_OUTCOMES[offset]),
            _ => Self::Duration(mode),
        }
    }
}

impl fmt::Display for HistogramSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latency(mode, outcome) => write!(
                f,
                "scheduler_planner_latency_seconds{{mode=\"{}\",status=\"{}\"}}",
                mode.as_str(),
                status(*outcome)
            ),
            Self::Duration(mode) => write!(
                f,
                "scheduler_run_duration_seconds{{mode=\"{}\",result=\"completed\"}}",
                mode.as_str()
            ),
        }
    }
}

/// A histogram as a scrape would show it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HistogramRead {
    /// Upper bounds of the buckets, rising; the bucket above the last one is `+Inf`.
    pub bounds: Vec<f64>,
    /// `ExactSamples` up to each bound, and last of all: up to `+Inf`.
    pub cumulative: Vec<u64>,
    /// The count of samples.
    pub count: u64,
    /// The sum of samples, s.
    pub sum: f64,
}

/// A series that identifies a process: its value is 1 from the start to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InfoSeries {
    /// `otel_scope_info`, which names the meter of the contract.
    Meter,
    /// `scheduler_worker_build_info`, which names the version.
    Build,
}

impl InfoSeries {
    /// Both series.
    pub const ALL: [Self; 2] = [Self::Meter, Self::Build];

    /// Meter name of the contract. The worker's own constant is what this one is compared with.
    pub const METER: &'static str = "StellaOps.Scheduler.Worker";

    /// Name of the metric.
    pub const fn metric(self) -> &'static str {
        match self {
            Self::Meter => "otel_scope_info",
            Self::Build => "scheduler_worker_build_info",
        }
    }
}

impl fmt::Display for InfoSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Meter => write!(
                f,
                "{}{{otel_scope_name=\"{}\"}}",
                self.metric(),
                Self::METER
            ),
            Self::Build => f.write_str(self.metric()),
        }
    }
}

/// A row of the backlog that a scrape has changed.
#[derive(Debug, Clone, Copy)]
pub struct BacklogChange<'a> {
    /// Number of the row, which it keeps over all incarnations of its process.
    pub row: usize,
    /// Mode of the row.
    pub mode: Mode,
    /// Schedule of the row.
    pub schedule: &'a str,
    /// Value after the scrape; none if the series has ended.
    pub images: Option<u64>,
}

/// The instruments of one process incarnation: what a collection at this moment shows, or what the
/// last scrape has recorded. A counter or histogram that is missing reads as empty.
pub trait InstrumentReader {
    /// Current value of a counter.
    fn counter(&self, series: CounterSeries) -> u64;
    /// Current count, sum and buckets of a histogram.
    fn histogram(&self, series: HistogramSeries) -> HistogramRead;
    /// A series that identifies the process; none if it is not exposed.
    fn info(&self, series: InfoSeries) -> Option<f64>;
    /// `scheduler_runs_active`
    fn runs_active(&self, mode: Mode) -> i64;
    /// Shows every `scheduler_runner_backlog` that is not withheld now: mode, schedule, images.
    fn backlog(&self, show: &mut dyn FnMut(Mode, &str, u64));
    /// Takes the rows of the backlog that scrapes have changed since the last call. Returns false,
    /// after any number of rows, if the changes are not known; then `backlog` has all rows.
    fn take_backlog_changes(&self, take: &mut dyn FnMut(BacklogChange<'_>)) -> bool {
        let _ = take;
        false
    }
    /// One `scheduler_runner_backlog`; none if it is withheld now.
    fn backlog_of(&self, mode: Mode, schedule: &str) -> Option<u64>;
    /// An observed gauge of the extensions; none if it is withheld now.
    fn gauge(&self, series: GaugeSeries) -> Option<f64>;
    /// `scheduler_scanner_late_permits_total`
    fn late_permits(&self, mode: Mode) -> u64;
    /// Number of series that the process exposes, each bucket counting as one.
    fn series_count(&self) -> usize;
    /// Maximum number of series with this number of schedules: the closed set, the observed gauges,
    /// and two per schedule.
    fn series_max(&self, schedules: usize) -> usize;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_has_its_own_number() {
        for index in 0..CounterSeries::COUNT {
            assert_eq!(CounterSeries::at(index).index(), index);
        }
        for index in 0..HistogramSeries::COUNT {
            assert_eq!(HistogramSeries::at(index).index(), index);
        }
        for (index, series) in GaugeSeries::ALL.into_iter().enumerate() {
            assert_eq!(series.index(), index);
        }
        for index in 0..ProcessSeries::COUNT {
            assert_eq!(ProcessSeries::at(index).index(), index);
        }
    }

    #[test]
    fn series_are_spelled_as_on_the_page() {
        let mode = Mode::ContentRefresh;
        assert_eq!(
            CounterSeries::Segments(mode, SegmentFate::PersistFailed).to_string(),
            "scheduler_runner_segments_total{mode=\"contentRefresh\",status=\"persist_failed\"}"
        );
        assert_eq!(
            CounterSeries::Deltas(mode, DeltaKind::Kev).to_string(),
            "scheduler_runner_delta_kev_total{mode=\"contentRefresh\"}"
        );
    }
}
