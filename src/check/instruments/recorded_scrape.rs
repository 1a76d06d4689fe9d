//! The last scrape of a process, as the recording holds it.

use std::rc::Rc;

use super::{InstrumentReader, ProcessSeries};
use crate::metrics::{InstrumentKind, Labels};

/// The last scrape of one process, over all of its incarnations.
pub trait RecordedScrape {
    /// Time of the scrape, ms since 1970. `None` if there was none yet.
    fn at_ms(&self) -> Option<i64>;
    /// Recorded value of `up`.
    fn up(&self) -> Option<f64>;
    /// Number of series with a value, `up` not counted.
    fn series_count(&self) -> usize;
    /// Instruments whose series came, moved or ended with the scrape.
    fn changed(&self) -> InstrumentSet;
    /// Shows each series that a process exposes from its start and that has no value. Shows none if
    /// no series came or ended with the scrape.
    fn show_missing(&self, show: &mut dyn FnMut(ProcessSeries));
    /// Shows every series with a value, `up` left out: name, labels, value.
    fn show_samples(&self, show: &mut dyn FnMut(&str, &Labels, f64));
    /// Recorded type of a metric.
    fn kind(&self, metric: &str) -> Option<InstrumentKind>;
    /// The page in the Prometheus text format that the process serves at this moment.
    fn page(&self) -> String;
}

/// Instruments that a scrape changed.
#[derive(Debug, Clone, Copy, Default)]
pub struct InstrumentSet {
    /// Counters, one bit each.
    pub counters: u128,
    /// Histograms, one bit each.
    pub histograms: u8,
}

impl InstrumentSet {
    /// Every counter and histogram.
    pub const ALL: Self = Self {
        counters: u128::MAX >> (u128::BITS as usize - super::CounterSeries::COUNT),
        histograms: u8::MAX,
    };

    /// Adds an instrument. Only counters and histograms are kept.
    pub const fn add(&mut self, series: ProcessSeries) {
        match series {
            ProcessSeries::Counter(series) => self.counters |= 1 << series.index(),
            ProcessSeries::Histogram(series) => self.histograms |= 1 << series.index(),
            _ => {}
        }
    }
}

/// Instruments of an incarnation, as the checks read them.
pub struct InstrumentReaders {
    /// Values that a collection at this moment shows.
    pub exposed: Box<dyn InstrumentReader>,
    /// Values that the last scrape has recorded.
    pub recorded: Box<dyn InstrumentReader>,
    /// The last scrape as a whole.
    pub scrape: Rc<dyn RecordedScrape>,
}

/// Where the values of an incarnation's instruments come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstrumentSource {
    /// A collection at this moment.
    Exposed,
    /// The last scrape in the recording.
    Recorded,
}

impl InstrumentReaders {
    /// Reader of one of the views.
    pub(crate) fn view(&self, view: InstrumentSource) -> &dyn InstrumentReader {
        match view {
            InstrumentSource::Exposed => &*self.exposed,
            InstrumentSource::Recorded => &*self.recorded,
        }
    }
}
