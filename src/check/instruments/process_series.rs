//! The series that a process exposes from its start to its end.

use std::fmt;

use super::{CounterSeries, HistogramSeries, InfoSeries};
use crate::model::Mode;

/// One of the series that a process exposes from its start to its end, a histogram counting as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessSeries {
    /// Total of events, from 0.
    Counter(CounterSeries),
    /// Buckets, sum and count of samples.
    Histogram(HistogramSeries),
    /// `scheduler_runs_active`
    RunsActive(Mode),
    /// `scheduler_scanner_late_permits_total`
    LatePermits(Mode),
    /// A series that identifies the process.
    Info(InfoSeries),
}

const HISTOGRAMS_AT: usize = CounterSeries::COUNT;
const RUNS_ACTIVE_AT: usize = HISTOGRAMS_AT + HistogramSeries::COUNT;
const LATE_PERMITS_AT: usize = RUNS_ACTIVE_AT + Mode::ALL.len();
const INFO_AT: usize = LATE_PERMITS_AT + Mode::ALL.len();

impl ProcessSeries {
    /// Number of series.
    pub const COUNT: usize = INFO_AT + InfoSeries::ALL.len();

    /// A number below [`ProcessSeries::COUNT`].
    pub const fn index(self) -> usize {
        match self {
            Self::Counter(series) => series.index(),
            Self::Histogram(series) => HISTOGRAMS_AT + series.index(),
            Self::RunsActive(mode) => RUNS_ACTIVE_AT + mode.index(),
            Self::LatePermits(mode) => LATE_PERMITS_AT + mode.index(),
            Self::Info(series) => INFO_AT + series as usize,
        }
    }

    /// The series with this number.
    pub const fn at(index: usize) -> Self {
        match index {
            0..HISTOGRAMS_AT => Self::Counter(CounterSeries::at(index)),
            HISTOGRAMS_AT..RUNS_ACTIVE_AT => {
                Self::Histogram(HistogramSeries::at(index - HISTOGRAMS_AT))
            }
            RUNS_ACTIVE_AT..LATE_PERMITS_AT => Self::RunsActive(Mode::ALL[index - RUNS_ACTIVE_AT]),
            LATE_PERMITS_AT..INFO_AT => Self::LatePermits(Mode::ALL[index - LATE_PERMITS_AT]),
            _ => Self::Info(InfoSeries::ALL[index - INFO_AT]),
        }
    }
}

impl fmt::Display for ProcessSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, mode) = match self {
            Self::Counter(series) => return series.fmt(f),
            Self::Histogram(series) => return series.fmt(f),
            Self::Info(series) => return series.fmt(f),
            Self::RunsActive(mode) => ("scheduler_runs_active", mode),
            Self::LatePermits(mode) => ("scheduler_scanner_late_permits_total", mode),
        };
        write!(f, "{name}{{mode=\"{}\"}}", mode.as_str())
    }
}
