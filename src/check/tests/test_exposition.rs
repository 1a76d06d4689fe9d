//! An exposition that the fixture can change without an observation.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::sample_data::MODE;
use crate::check::contract;
use crate::check::instruments::{
    BacklogChange, CounterSeries, CounterTable, ExtensionSeries, GaugeSeries, HistogramRead,
    HistogramSeries, InfoSeries, InstrumentReader, InstrumentReaders, InstrumentSet, ProcessSeries,
    RecordedScrape,
};
use crate::metrics::{InstrumentKind, Labels};
use crate::model::Mode;

/// Exposition of one process.
#[derive(Default)]
pub struct TestExposition {
    pub counters: CounterTable,
    pub samples: [Vec<f64>; HistogramSeries::COUNT],
    pub active: [i64; 2],
    pub backlog: BTreeMap<String, u64>,
    /// Rows of the backlog as they were last taken.
    pub taken: Vec<(String, Option<u64>)>,
    pub gauges: Vec<(GaugeSeries, f64)>,
    pub late_permits: [u64; 2],
    pub series: usize,
    /// An identifying series that is not exposed.
    pub lacks: Option<InfoSeries>,
    /// Whether the last bucket of each histogram is empty.
    pub has_falling_buckets: bool,
    /// Whether each first bucket has another bound.
    pub has_other_bounds: bool,
    pub scrape: TestScrape,
}

/// Label names and values.
pub type TestLabels = Vec<(&'static str, &'static str)>;

/// Scrape that the recording of a test holds.
#[derive(Default)]
pub struct TestScrape {
    /// `None`: as an honest recording has it.
    pub at_ms: Option<i64>,
    pub up: Option<f64>,
    /// Series that have not ended with an unanswered scrape.
    pub left: usize,
    pub missing: Option<ProcessSeries>,
    /// Name, labels and value of each sample.
    pub samples: Vec<(&'static str, TestLabels, f64)>,
    pub page: &'static str,
    /// Time and result of the last scrape.
    pub last: (i64, bool),
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
        let mut bounds = match series {
            HistogramSeries::Latency(..) => contract::LATENCY_BOUNDS.to_vec(),
            HistogramSeries::Duration(..) => contract::DURATION_BOUNDS.to_vec(),
        };
        if page.has_other_bounds {
            bounds[0] *= 2.0;
        }
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

    fn take_backlog_changes(&self, take: &mut dyn FnMut(BacklogChange<'_>)) -> bool {
        let page = &mut *self.0.borrow_mut();
        for schedule in page.backlog.keys() {
            if !page.taken.iter().any(|(known, _)| known == schedule) {
                page.taken.push((schedule.clone(), None));
            }
        }
        for (row, (schedule, taken)) in page.taken.iter_mut().enumerate() {
            let images = page.backlog.get(schedule).copied();
            if std::mem::replace(taken, images) != images {
                take(BacklogChange {
                    row,
                    mode: MODE,
                    schedule,
                    images,
                });
            }
        }
        true
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

impl SharedExposition {
    /// Instruments of which the recording shows what the exposition does.
    pub fn attached(page: &Rc<RefCell<TestExposition>>) -> InstrumentReaders {
        InstrumentReaders {
            exposed: Box::new(Self(page.clone())),
            recorded: Box::new(Self(page.clone())),
            scrape: Rc::new(Self(page.clone())),
        }
    }
}

impl RecordedScrape for SharedExposition {
    fn at_ms(&self) -> Option<i64> {
        let scrape = &self.0.borrow().scrape;
        Some(scrape.at_ms.unwrap_or(scrape.last.0))
    }

    fn up(&self) -> Option<f64> {
        let scrape = &self.0.borrow().scrape;
        let up = if scrape.last.1 { 1.0 } else { 0.0 };
        Some(scrape.up.unwrap_or(up))
    }

    fn series_count(&self) -> usize {
        self.0.borrow().scrape.left
    }

    fn changed(&self) -> InstrumentSet {
        InstrumentSet::ALL
    }

    fn show_missing(&self, show: &mut dyn FnMut(ProcessSeries)) {
        self.0.borrow().scrape.missing.into_iter().for_each(show);
    }

    fn show_samples(&self, show: &mut dyn FnMut(&str, &Labels, f64)) {
        for (name, labels, value) in &self.0.borrow().scrape.samples {
            let target = [("instance", "w"), ("job", "test")];
            let pairs = labels.iter().copied().chain(target);
            let pairs = pairs.map(|(label, text)| (label.into(), text.into()));
            show(name, &Labels::of_pairs(pairs), *value);
        }
    }

    fn kind(&self, metric: &str) -> Option<InstrumentKind> {
        match metric {
            "depth" => Some(InstrumentKind::Gauge),
            "wait" => Some(InstrumentKind::Histogram),
            _ => None,
        }
    }

    fn page(&self) -> String {
        self.0.borrow().scrape.page.to_owned()
    }
}
