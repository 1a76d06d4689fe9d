//! An exposition that the fixture can change without an observation.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::sample_data::MODE;
use crate::check::instruments::{
    CounterSeries, CounterTable, ExtensionSeries, GaugeSeries, HistogramRead, HistogramSeries,
    InfoSeries, InstrumentReader,
};
use crate::model::Mode;

/// Exposition of one process.
#[derive(Default)]
pub struct TestExposition {
    pub counters: CounterTable,
    pub samples: [Vec<f64>; HistogramSeries::COUNT],
    pub active: [i64; 2],
    pub backlog: BTreeMap<String, u64>,
    pub gauges: Vec<(GaugeSeries, f64)>,
    pub late_permits: [u64; 2],
    pub series: usize,
    /// An identifying series that is not exposed.
    pub lacks: Option<InfoSeries>,
    /// Whether the last bucket of each histogram is empty.
    pub has_falling_buckets: bool,
}

impl TestExposition {
    pub fn count(&mut self, series: CounterSeries, amount: u64) {
        self.counters[series.index()] += amount;
    }

    pub fn extend(&mut self, series: ExtensionSeries, amount: u64) {
        self.count(CounterSeries::Extension(series), amount);
    }

    pub fn sample(&mut self, series: HistogramSeries, seconds: f64) {
        self.samples[series.index()].push(seconds);
    }
}

/// An exposition that fixture and oracle share.
pub struct SharedExposition(pub Rc<RefCell<TestExposition>>);

impl InstrumentReader for SharedExposition {
    fn counter(&self, series: CounterSeries) -> u64 {
        self.0.borrow().counters[series.index()]
    }

    fn histogram(&self, series: HistogramSeries) -> HistogramRead {
        let page = self.0.borrow();
        let samples = &page.samples[series.index()];
        let bounds = vec![1.0, 10.0, 100.0];
        let up_to = |bound: f64| samples.iter().filter(|sample| **sample <= bound).count() as u64;
        let mut cumulative: Vec<u64> = bounds.iter().map(|bound| up_to(*bound)).collect();
        cumulative.push(match page.has_falling_buckets {
            true => 0,
            false => samples.len() as u64,
        });
        HistogramRead {
            bounds,
            cumulative,
            count: samples.len() as u64,
            // The sum of no numbers is -0.0 in Rust, and 0 in an exposition.
            sum: samples.iter().sum::<f64>() + 0.0,
        }
    }

    fn info(&self, series: InfoSeries) -> Option<f64> {
        (self.0.borrow().lacks != Some(series)).then_some(1.0)
    }

    fn runs_active(&self, mode: Mode) -> i64 {
        self.0.borrow().active[mode.index()]
    }

    fn backlog(&self, show: &mut dyn FnMut(Mode, &str, u64)) {
        for (schedule, images) in &self.0.borrow().backlog {
            show(MODE, schedule, *images);
        }
    }

    fn backlog_of(&self, mode: Mode, schedule: &str) -> Option<u64> {
        let page = self.0.borrow();
        let images = page.backlog.get(schedule).filter(|_| mode == MODE);
        images.copied()
    }

    fn gauge(&self, series: GaugeSeries) -> Option<f64> {
        let page = self.0.borrow();
        let shown = page.gauges.iter().find(|(known, _)| *known == series);
        shown.map(|(_, value)| *value)
    }

    fn late_permits(&self, mode: Mode) -> u64 {
        self.0.borrow().late_permits[mode.index()]
    }

    fn series_count(&self) -> usize {
        self.0.borrow().series
    }

    fn series_max(&self, schedules: usize) -> usize {
        50 + 2 * schedules
    }
}
