//! One process in the recording: its scrapes, and the page that it serves.

use std::cell::{Ref, RefCell};
use std::rc::Rc;

use rehearsal_convert::Saturating;

use super::scrape_index::ScrapeIndex;
use crate::check::{BacklogChange, InstrumentSet, ProcessSeries, RecordedScrape};
use crate::metrics::exposition::{ExpositionFormat, render};
use crate::metrics::series::{InstanceId, TimeSeriesStore};
use crate::metrics::{CollectContext, InstrumentKind, Labels, Registry};
use crate::model::ProcessName;
use crate::sim::world::WorldPorts;
use crate::worker::ports::{Clock, Ports};

/// One process in the recording, over all of its incarnations.
pub struct RecordedProcess {
    recording: Rc<RefCell<TimeSeriesStore>>,
    instance: InstanceId,
    /// Registry and clock of the newest incarnation.
    target: RefCell<Option<(Registry, WorldPorts)>>,
    index: RefCell<ScrapeIndex>,
}

impl RecordedProcess {
    /// Adds a process to the recording.
    pub fn new(recording: Rc<RefCell<TimeSeriesStore>>, process: &ProcessName) -> Self {
        let instance = recording.borrow_mut().instance(process.as_str());
        Self {
            recording,
            instance,
            target: RefCell::default(),
            index: RefCell::default(),
        }
    }

    /// Scrapes an incarnation from now on.
    pub fn launch(&self, registry: Registry, ports: WorldPorts) {
        self.target.replace(Some((registry, ports)));
    }

    /// Drops the scraped incarnation. Its ports hold `Rc`s to the world.
    pub fn forget_target(&self) {
        self.target.take();
    }

    /// Records a scrape at `at_ms` since 1970, which is answered if the process is up.
    pub fn scrape(&self, at_ms: i64, is_up: bool) {
        let mut recording = self.recording.borrow_mut();
        let target = self.target.borrow();
        let result = match target.as_ref().filter(|_| is_up) {
            Some((registry, ports)) => {
                let context = CollectContext::at(ports.clock().elapsed());
                recording.scrape(self.instance, at_ms, registry, &context)
            }
            None => recording.scrape_failed(self.instance, at_ms),
        };
        debug_assert!(result.is_ok(), "the prober's times rise");
        self.index.borrow_mut().update(&recording, self.instance);
    }

    /// Renders the page of the newest incarnation; empty before the first one.
    pub fn render(&self) -> String {
        let target = self.target.borrow();
        let Some((registry, ports)) = &*target else {
            return String::new();
        };
        let context = CollectContext::at(ports.clock().elapsed());
        render(ExpositionFormat::Text, registry, &context)
    }

    /// The recording of all processes.
    pub fn recording(&self) -> Ref<'_, TimeSeriesStore> {
        self.recording.borrow()
    }

    /// Takes the rows of the backlog that scrapes have changed since the last call. Returns false
    /// if they are not known.
    pub fn take_backlog_changes(&self, take: &mut dyn FnMut(BacklogChange<'_>)) -> bool {
        let Some(changes) = self.index.borrow_mut().take_backlog_changes() else {
            return false;
        };
        let (index, recording) = (self.index(), self.recording());
        for position in changes {
            let row = &index.backlog[position as usize];
            let images = recording.current(row.id);
            take(BacklogChange {
                row: position as usize,
                mode: row.mode,
                schedule: &row.schedule,
                images: images.map(Saturating::saturating_u64),
            });
        }
        true
    }

    /// Series of this process in the recording.
    pub fn index(&self) -> Ref<'_, ScrapeIndex> {
        self.index.borrow()
    }
}

impl RecordedScrape for RecordedProcess {
    fn at_ms(&self) -> Option<i64> {
        self.recording().scrapes_ms(self.instance).last().copied()
    }

    fn up(&self) -> Option<f64> {
        let recording = self.recording();
        recording.current(recording.up(self.instance))
    }

    fn series_count(&self) -> usize {
        let live = self.index().live;
        live - usize::from(self.up().is_some())
    }

    fn changed(&self) -> InstrumentSet {
        self.index().changed
    }

    fn show_missing(&self, show: &mut dyn FnMut(ProcessSeries)) {
        self.index().show_missing(show);
    }

    fn show_samples(&self, show: &mut dyn FnMut(&str, &Labels, f64)) {
        let recording = self.recording();
        let up = recording.up(self.instance);
        for id in recording.series_of(self.instance) {
            if let Some(value) = recording.current(*id)
                && *id != up
            {
                show(recording.name(*id), recording.labels(*id), value);
            }
        }
    }

    fn kind(&self, metric: &str) -> Option<InstrumentKind> {
        let recording = self.recording();
        let mut families = recording.families();
        let family = families.find(|family| family.name == metric)?;
        Some(family.kind)
    }

    fn page(&self) -> String {
        self.render()
    }
}
