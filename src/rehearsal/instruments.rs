//! Reads the instruments of an incarnation for the checks, as a collection would show them.

mod recorded_instruments;
mod recorded_process;
mod scrape_index;
mod series_name;

use rehearsal_convert::{Nearest, Saturating};

pub use recorded_instruments::RecordedInstruments;
pub use recorded_process::RecordedProcess;
use series_name::{BACKLOG, GAUGES, PROCESS_SERIES, SeriesName};

use crate::check::{
    CounterSeries, GaugeSeries, HistogramRead, HistogramSeries, InfoSeries, InstrumentReader,
    ProcessSeries,
};
use crate::metrics::{
    CollectContext, ExposedSeries, Family, HistogramReading, Labels, Reading, Registry,
    SnapshotVisitor,
};
use crate::model::Mode;
use crate::sim::world::WorldPorts;
use crate::worker::ports::{Clock, Ports};

/// Instruments of one incarnation, with the values that a scrape at the same instant would show.
/// Each series is found by the name and the labels under which it is exposed.
pub struct ExposedInstruments {
    registry: Registry,
    ports: WorldPorts,
    /// By [`ProcessSeries::index`].
    series: Vec<Option<ExposedSeries>>,
    /// In the order of [`GaugeSeries::ALL`].
    gauges: Vec<Option<ExposedSeries>>,
    /// Number of series that exist from the start.
    static_series: usize,
}

impl ExposedInstruments {
    /// Creates a reader of a registry in which nothing is recorded yet. `ports` supplies the clock
    /// of the process.
    pub fn new(registry: Registry, ports: WorldPorts) -> Self {
        let find = |name: &SeriesName| registry.series(&name.metric, &name.labels);
        let series = PROCESS_SERIES.iter().map(find).collect();
        let gauges = GAUGES.iter().map(find).collect();
        let mut instruments = Self {
            registry,
            ports,
            series,
            gauges,
            static_series: 0,
        };
        instruments.static_series = instruments.series_count();
        instruments
    }

    fn context(&self) -> CollectContext {
        CollectContext::at(self.ports.clock().elapsed())
    }

    fn read<R>(&self, series: ProcessSeries, map: impl FnOnce(Reading<'_>) -> R) -> Option<R> {
        let series = self.series[series.index()].as_ref()?;
        // The series of a process have cells or are constant: their readings need no time.
        series.read(&CollectContext::default(), map)
    }

    fn count(&self, series: ProcessSeries) -> u64 {
        let count = |reading: Reading<'_>| match reading {
            Reading::Counter(count) => count,
            _ => 0,
        };
        self.read(series, count).unwrap_or(0)
    }
}

impl InstrumentReader for ExposedInstruments {
    fn counter(&self, series: CounterSeries) -> u64 {
        self.count(ProcessSeries::Counter(series))
    }

    fn histogram(&self, series: HistogramSeries) -> HistogramRead {
        let series = ProcessSeries::Histogram(series);
        let bounds = self.series[series.index()].as_ref();
        let bounds = bounds.map_or_else(Vec::new, |found| found.bounds().to_vec());
        let read = |reading: Reading<'_>| match reading {
            Reading::Histogram(reading) => cumulative(bounds, reading),
            _ => HistogramRead::default(),
        };
        self.read(series, read).unwrap_or_default()
    }

    fn info(&self, series: InfoSeries) -> Option<f64> {
        self.read(ProcessSeries::Info(series), number)
    }

    fn runs_active(&self, mode: Mode) -> i64 {
        let runs = self.read(ProcessSeries::RunsActive(mode), number);
        runs.unwrap_or(0.0).saturating_i64()
    }

    fn backlog(&self, show: &mut dyn FnMut(Mode, &str, u64)) {
        let mut visitor = BacklogVisitor {
            is_backlog: false,
            show,
        };
        self.registry.visit(&self.context(), &mut visitor);
    }

    fn backlog_of(&self, mode: Mode, schedule: &str) -> Option<u64> {
        let pairs = [("mode", mode.as_str()), ("scheduleId", schedule)];
        let pairs = pairs.map(|(name, value)| (name.into(), value.to_owned().into()));
        let series = self.registry.series(BACKLOG, &Labels::of_pairs(pairs))?;
        let images = series.read(&self.context(), number)?;
        Some(images.saturating_u64())
    }

    fn gauge(&self, series: GaugeSeries) -> Option<f64> {
        let series = self.gauges[series.index()].as_ref()?;
        series.read(&self.context(), number)
    }

    fn late_permits(&self, mode: Mode) -> u64 {
        self.count(ProcessSeries::LatePermits(mode))
    }

    fn series_count(&self) -> usize {
        let mut count = SeriesCount(0);
        self.registry.visit(&self.context(), &mut count);
        count.0
    }

    fn series_max(&self, schedules: usize) -> usize {
        self.static_series + GaugeSeries::ALL.len() + Mode::ALL.len() * schedules
    }
}

/// Number of a series that is no histogram.
fn number(reading: Reading<'_>) -> f64 {
    match reading {
        Reading::Counter(value) => value.nearest_f64(),
        Reading::UpDownCounter(value) => value.nearest_f64(),
        Reading::Gauge(value) => value,
        Reading::Histogram(_) => f64::NAN,
    }
}

fn cumulative(bounds: Vec<f64>, reading: &HistogramReading) -> HistogramRead {
    HistogramRead {
        bounds,
        cumulative: reading.cumulative().collect(),
        count: reading.count(),
        sum: reading.sum(),
    }
}

/// Counts series as a scrape stores them.
struct SeriesCount(usize);

impl SnapshotVisitor for SeriesCount {
    fn family(&mut self, _: &Family) {}

    fn series(&mut self, _: &Labels, reading: Reading<'_>) {
        self.0 += match reading {
            // The sum and the count.
            Reading::Histogram(reading) => reading.counts().len() + 2,
            _ => 1,
        };
    }
}

/// Shows the rows of the backlog.
struct BacklogVisitor<'s> {
    is_backlog: bool,
    show: &'s mut dyn FnMut(Mode, &str, u64),
}

impl SnapshotVisitor for BacklogVisitor<'_> {
    fn family(&mut self, family: &Family) {
        self.is_backlog = family.name == BACKLOG;
    }

    fn series(&mut self, labels: &Labels, reading: Reading<'_>) {
        if self.is_backlog
            && let Some((mode, schedule)) = backlog_labels(labels)
        {
            (self.show)(mode, schedule, number(reading).saturating_u64());
        }
    }
}

/// Mode and schedule of a row of the backlog.
fn backlog_labels(labels: &Labels) -> Option<(Mode, &str)> {
    let mode = labels.get("mode")?;
    let mode = Mode::ALL.into_iter().find(|known| known.as_str() == mode)?;
    Some((mode, labels.get("scheduleId")?))
}
