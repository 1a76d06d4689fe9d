//! Reads the instruments of an incarnation for the checks, as the last scrape recorded them.

use std::rc::Rc;

use rehearsal_convert::Saturating;

use super::{ExposedInstruments, RecordedProcess};
use crate::check::{
    BacklogChange, CounterSeries, GaugeSeries, HistogramRead, HistogramSeries, InfoSeries,
    InstrumentReader, ProcessSeries, RecordedScrape,
};
use crate::model::Mode;

/// Instruments of one process, with the values of the last scrape.
pub struct RecordedInstruments {
    process: Rc<RecordedProcess>,
    /// Maximum number of series without schedules.
    series_max: usize,
}

impl RecordedInstruments {
    /// Creates a reader for the incarnation of these instruments.
    pub fn new(process: Rc<RecordedProcess>, exposed: &ExposedInstruments) -> Self {
        Self {
            process,
            series_max: exposed.series_max(0),
        }
    }

    fn value(&self, series: ProcessSeries) -> Option<f64> {
        let id = *self.process.index().process.get(series.index())?;
        self.process.recording().current(id?)
    }
}

impl InstrumentReader for RecordedInstruments {
    fn counter(&self, series: CounterSeries) -> u64 {
        let value = self.value(ProcessSeries::Counter(series));
        value.unwrap_or(0.0).saturating_u64()
    }

    fn histogram(&self, series: HistogramSeries) -> HistogramRead {
        let recording = self.process.recording();
        self.process.index().histograms[series.index()].read(&recording)
    }

    fn info(&self, series: InfoSeries) -> Option<f64> {
        self.value(ProcessSeries::Info(series))
    }

    fn runs_active(&self, mode: Mode) -> i64 {
        let value = self.value(ProcessSeries::RunsActive(mode));
        value.unwrap_or(0.0).saturating_i64()
    }

    fn backlog(&self, show: &mut dyn FnMut(Mode, &str, u64)) {
        let recording = self.process.recording();
        for row in &self.process.index().backlog {
            if let Some(images) = recording.current(row.id) {
                show(row.mode, &row.schedule, images.saturating_u64());
            }
        }
    }

    fn take_backlog_changes(&self, take: &mut dyn FnMut(BacklogChange<'_>)) -> bool {
        self.process.take_backlog_changes(take)
    }

    fn backlog_of(&self, mode: Mode, schedule: &str) -> Option<u64> {
        let series = self.process.index();
        let mut rows = series.backlog.iter();
        let row = rows.find(|row| row.mode == mode && *row.schedule == *schedule)?;
        let images = self.process.recording().current(row.id)?;
        Some(images.saturating_u64())
    }

    fn gauge(&self, series: GaugeSeries) -> Option<f64> {
        let id = self.process.index().gauges[series.index()]?;
        self.process.recording().current(id)
    }

    fn late_permits(&self, mode: Mode) -> u64 {
        let value = self.value(ProcessSeries::LatePermits(mode));
        value.unwrap_or(0.0).saturating_u64()
    }

    fn series_count(&self) -> usize {
        self.process.series_count()
    }

    fn series_max(&self, schedules: usize) -> usize {
        self.series_max + Mode::ALL.len() * schedules
    }
}
