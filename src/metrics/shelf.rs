//! Every instrument and series of one registry, in the order of the page.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::bounds::Bounds;
use super::catalog;
use super::counter::{Counter, CounterFamily, UpDown};
use super::definition::{Definition, Family, Kind, RegisterError, Text};
use super::exact::Grid;
use super::gauge::Gauge;
use super::histogram::{Histogram, Shape};
use super::label::SampleFault;
use super::labels::{Labels, OVERFLOW};
use super::observe::Observe;
use super::place::{Allocator, Life, Place};

/// How many reasons for refusing a registration are kept.
const REFUSALS_MAX: usize = 32;

/// The registry's own cells of one series.
#[derive(Clone)]
pub(crate) enum Handle {
    Counter(Counter),
    UpDown(UpDown),
    Gauge(Gauge),
    Histogram(Histogram),
}

impl Handle {
    fn life(&self) -> Option<&Arc<Life>> {
        match self {
            Self::Counter(counter) => counter.life(),
            Self::UpDown(up_down) => up_down.life(),
            Self::Histogram(histogram) => histogram.life(),
            Self::Gauge(_) => None,
        }
    }

    /// Where the first word is; gauges have none.
    pub(crate) fn place(&self) -> Option<&Place> {
        match self {
            Self::Counter(counter) => Some(counter.place()),
            Self::UpDown(up_down) => Some(up_down.place()),
            Self::Histogram(histogram) => Some(histogram.place()),
            Self::Gauge(_) => None,
        }
    }

    /// Whether the series is on the page.
    pub(crate) fn is_visible(&self) -> bool {
        match self {
            Self::Gauge(gauge) => gauge.get().is_some(),
            other => other.life().is_none_or(|life| !life.is_hidden()),
        }
    }

    fn hide(&self) {
        match self {
            Self::Gauge(gauge) => gauge.remove(),
            other => other.life().into_iter().for_each(|life| life.hide()),
        }
    }

    fn show(&self) {
        match self {
            Self::Gauge(gauge) => gauge.revive(),
            other => other.life().into_iter().for_each(|life| life.show()),
        }
    }

    /// Whether nobody else holds a handle to the series.
    fn is_last(&self) -> bool {
        match self {
            Self::Gauge(gauge) => gauge.is_last(),
            other => other
                .life()
                .is_some_and(|life| Arc::strong_count(life) == 1),
        }
    }
}

/// One instrument with its series.
pub(crate) struct Entry {
    pub(crate) family: Arc<Family>,
    pub(crate) source: Source,
    shape: Option<Arc<Shape>>,
    /// How many of the series take what goes beyond the cap. They don't count towards it.
    overflows: usize,
    /// Whether a series was removed while somebody held it. Its place may be free by now.
    has_hidden: bool,
}

/// Where an instrument's series come from.
pub(crate) enum Source {
    /// Every combination of closed labels, from the start and for good.
    Closed(BTreeMap<Labels, Handle>),
    /// Whatever was registered.
    Open(BTreeMap<Labels, Handle>),
    /// Whatever the observer gives.
    Observed(Arc<dyn Observe>),
}

impl Entry {
    fn new(family: Family, source: Source, shape: Option<Arc<Shape>>) -> Self {
        Self {
            family: Arc::new(family),
            source,
            shape,
            overflows: 0,
            has_hidden: false,
        }
    }

    fn series(&self) -> Option<&BTreeMap<Labels, Handle>> {
        match &self.source {
            Source::Closed(series) | Source::Open(series) => Some(series),
            Source::Observed(_) => None,
        }
    }

    /// Whether one more series fits under the cap, once removed ones that nobody holds are gone.
    fn has_room(&mut self, series_max: usize) -> bool {
        let Source::Open(series) = &mut self.source else {
            return false;
        };
        if series.len() - self.overflows >= series_max && self.has_hidden {
            series.retain(|_, handle| handle.is_visible() || !handle.is_last());
            self.overflows = series.keys().filter(|labels| labels.is_overflow()).count();
            self.has_hidden = !series.values().all(Handle::is_visible);
        }
        series.len() - self.overflows < series_max
    }
}

/// Limits and defaults of a registry.
#[derive(Clone, Debug, PartialEq)]
pub struct RegistryOptions {
    /// The most series of one instrument with open labels. What goes beyond is recorded in one
    /// further series, whose label values are all [`OVERFLOW`].
    pub series_max: usize,
    /// Bucket bounds of histograms that were registered without any, as those of the `metrics`
    /// macros are.
    pub default_bounds: Bounds,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        let usual = [
            0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
        ];
        let default_bounds = Bounds::new(&usual).expect("a rising list");
        Self {
            series_max: 10_000,
            default_bounds,
        }
    }
}

#[derive(Default)]
pub(crate) struct Index {
    pub(crate) entries: BTreeMap<Text, Entry>,
    claims: BTreeSet<Text>,
}

pub(crate) struct Shelf {
    index: RwLock<Index>,
    allocator: Arc<Allocator>,
    /// Counts series that came, went or came back.
    version: Arc<AtomicU64>,
    pub(crate) options: RegistryOptions,
    samples_refused: CounterFamily<SampleFault>,
    series_refused: Counter,
    pub(crate) series_overflowed: Counter,
    refusals: Mutex<Vec<RegisterError>>,
}

impl Shelf {
    pub(crate) fn new(options: RegistryOptions) -> Self {
        let allocator = Arc::new(Allocator::default());
        let samples_refused = allocator.take(SampleFault::ALL.len());
        let series_refused = allocator.take(1);
        let series_overflowed = allocator.take(1);
        let shelf = Self {
            index: RwLock::default(),
            allocator,
            version: Arc::default(),
            options,
            samples_refused: CounterFamily::new(samples_refused.clone()),
            series_refused: Counter::new(series_refused.clone(), None),
            series_overflowed: Counter::new(series_overflowed.clone(), None),
            refusals: Mutex::default(),
        };
        let own = [samples_refused, series_refused, series_overflowed];
        for (definition, first) in catalog::LAYER.iter().zip(own) {
            let family = Family::try_from(definition).expect("counters have no bounds");
            let added = shelf.write().add_closed(family, definition, None, |index| {
                Handle::Counter(Counter::new(first.nth(index, 1), None))
            });
            added.expect("the first names can't be taken");
        }
        shelf
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes whenever a series comes, goes or comes back.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    fn changed(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Registers every series of a definition with closed labels, in one row of cells.
    pub(crate) fn closed(
        &self,
        definition: &Definition,
        family: Family,
    ) -> Result<ClosedRow, RegisterError> {
        let count = definition
            .labels
            .iter()
            .map(|label| label.values.len())
            .product::<usize>();
        let shape = self.shape(&family)?;
        let stride = shape.as_ref().map_or(1, |shape| shape.words());
        let first = self.allocator.take(count * stride);
        self.write()
            .add_closed(family, definition, shape.clone(), |index| {
                let place = first.nth(index, stride);
                match &shape {
                    Some(shape) => {
                        Handle::Histogram(Histogram::new(place, Arc::clone(shape), None))
                    }
                    None if definition.kind == Kind::Counter => {
                        Handle::Counter(Counter::new(place, None))
                    }
                    None => Handle::UpDown(UpDown::new(place, None)),
                }
            })?;
        self.changed();
        Ok(ClosedRow { first, shape })
    }

    /// Registers an observable gauge.
    pub(crate) fn observe(
        &self,
        family: Family,
        observer: Arc<dyn Observe>,
    ) -> Result<(), RegisterError> {
        self.write().add(family, Source::Observed(observer), None)?;
        self.changed();
        Ok(())
    }

    /// Finds or makes a series with open labels.
    pub(crate) fn open(&self, family: &Family, labels: Labels) -> Result<Opened, RegisterError> {
        let mut index = self.write();
        let entry = self.entry(&mut index, family, &labels)?;
        let series = match &mut entry.source {
            Source::Closed(series) | Source::Open(series) => series,
            Source::Observed(_) => return Err(RegisterError::Conflict(family.name.to_string())),
        };
        if let Some(handle) = series.get(&labels) {
            if handle.is_visible() {
                return Ok(Opened::Series(handle.clone()));
            }
            if !handle.is_last() {
                handle.show();
                return Ok(Opened::Series(handle.clone()));
            }
            // Removed, and nobody holds it any more: it starts anew.
            series.remove(&labels);
        }
        if matches!(entry.source, Source::Closed(_)) {
            let (name, labels) = (family.name.to_string(), labels.to_string());
            return Err(RegisterError::NotInClosedSet { name, labels });
        }
        if entry.has_room(self.options.series_max) {
            return Ok(Opened::Series(self.add_series(entry, labels)));
        }
        self.series_overflowed.increment();
        let labels = labels.with_all(OVERFLOW);
        let known = entry
            .series()
            .and_then(|series| series.get(&labels))
            .cloned();
        let handle = known.unwrap_or_else(|| {
            entry.overflows += 1;
            self.add_series(entry, labels)
        });
        Ok(Opened::Overflow(handle))
    }

    fn add_series(&self, entry: &mut Entry, labels: Labels) -> Handle {
        let handle = self.handle(entry.family.kind, entry.shape.clone());
        if let Source::Open(series) = &mut entry.source {
            series.insert(labels, handle.clone());
        }
        self.changed();
        handle
    }

    /// Finds or makes the instrument of a series with open labels.
    fn entry<'i>(
        &self,
        index: &'i mut Index,
        family: &Family,
        labels: &Labels,
    ) -> Result<&'i mut Entry, RegisterError> {
        if !index.entries.contains_key(&family.name) {
            let shape = self.shape(family)?;
            index.add(family.clone(), Source::Open(BTreeMap::new()), shape)?;
        }
        let conflict = || RegisterError::Conflict(family.name.to_string());
        let entry = index.entries.get_mut(&family.name).ok_or_else(conflict)?;
        let same_bounds = family.bounds.is_none() || family.bounds == entry.family.bounds;
        if entry.family.kind != family.kind || !same_bounds {
            return Err(conflict());
        }
        if family.kind == Kind::Histogram && labels.get("le").is_some() {
            return Err(RegisterError::ReservedLabel(family.name.to_string()));
        }
        Ok(entry)
    }

    /// Takes a series off the page. Returns whether it was there.
    pub(crate) fn remove(&self, name: &str, labels: &Labels) -> bool {
        let mut index = self.write();
        let Some(entry) = index.entries.get_mut(name) else {
            return false;
        };
        let Source::Open(series) = &mut entry.source else {
            return false;
        };
        let Some(handle) = series.get(labels).filter(|handle| handle.is_visible()) else {
            return false;
        };
        if handle.is_last() {
            series.remove(labels);
            entry.overflows -= usize::from(labels.is_overflow());
            self.changed();
        } else {
            handle.hide();
            entry.has_hidden = true;
        }
        true
    }

    /// Replaces an instrument's help, if it is there and has none.
    pub(crate) fn describe(&self, name: &str, help: Text) {
        if let Some(entry) = self.write().entries.get_mut(name)
            && entry.family.help.is_empty()
        {
            entry.family = Arc::new(Family::clone(&entry.family).help(help));
        }
    }

    /// Counts a refused registration, and keeps the reason for [`refusals`](Self::refusals).
    pub(crate) fn refuse(&self, error: &RegisterError) {
        self.series_refused.increment();
        let mut kept = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < REFUSALS_MAX && !kept.contains(error) {
            kept.push(error.clone());
        }
    }

    /// Why registrations through the macros were refused: the first few different reasons.
    pub(crate) fn refusals(&self) -> Vec<RegisterError> {
        self.refusals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Cells of a series that is on no page.
    pub(crate) fn detached(&self, kind: Kind) -> Handle {
        let bounds = self.options.default_bounds.clone();
        let shape = self.shape(&Family::histogram("detached", bounds));
        self.handle(kind, shape.unwrap_or_default())
    }

    /// The kind under which a name is registered.
    pub(crate) fn kind(&self, name: &str) -> Option<Kind> {
        self.read().entries.get(name).map(|entry| entry.family.kind)
    }

    fn shape(&self, family: &Family) -> Result<Option<Arc<Shape>>, RegisterError> {
        let Some(bounds) = family.bounds.clone() else {
            return Ok(None);
        };
        let grid = family.precision.map(Grid::new).transpose()?;
        let refused = self.samples_refused.clone();
        Ok(Some(Arc::new(Shape::new(bounds, grid, refused))))
    }

    /// New cells for a series with open labels.
    fn handle(&self, kind: Kind, shape: Option<Arc<Shape>>) -> Handle {
        let living = |len: usize| {
            let place = self.allocator.take(len);
            let (allocator, version) = (Arc::clone(&self.allocator), Arc::clone(&self.version));
            (
                place.clone(),
                Some(Life::new(place, len, allocator, version)),
            )
        };
        match (kind, shape) {
            (Kind::Histogram, Some(shape)) => {
                let (place, life) = living(shape.words());
                Handle::Histogram(Histogram::new(place, shape, life))
            }
            (Kind::UpDown, _) => {
                let (place, life) = living(1);
                Handle::UpDown(UpDown::new(place, life))
            }
            (Kind::Gauge, _) => Handle::Gauge(Gauge::new(Arc::clone(&self.version))),
            _ => {
                let (place, life) = living(1);
                Handle::Counter(Counter::new(place, life))
            }
        }
    }
}

/// A handle type, and the handles of its kind.
pub(crate) trait Cells: Sized {
    const KIND: Kind;
    fn of(handle: Handle) -> Option<Self>;
}

macro_rules! cells {
    ($($kind:ident),+) => {$(
        impl Cells for $kind {
            const KIND: Kind = Kind::$kind;
            fn of(handle: Handle) -> Option<Self> {
                match handle {
                    Handle::$kind(handle) => Some(handle),
                    _ => None,
                }
            }
        }
    )+};
}

cells!(Counter, UpDown, Gauge, Histogram);

/// What a request for a series with open labels got.
pub(crate) enum Opened {
    /// The series.
    Series(Handle),
    /// The series for everything beyond the cap.
    Overflow(Handle),
}

/// The cells of a closed family.
pub(crate) struct ClosedRow {
    pub(crate) first: Place,
    pub(crate) shape: Option<Arc<Shape>>,
}

impl Index {
    fn add_closed(
        &mut self,
        family: Family,
        definition: &Definition,
        shape: Option<Arc<Shape>>,
        handle: impl Fn(usize) -> Handle,
    ) -> Result<(), RegisterError> {
        let labels = Labels::of_closed(definition.labels).enumerate();
        let series = labels
            .map(|(index, labels)| (labels, handle(index)))
            .collect();
        self.add(family, Source::Closed(series), shape)
    }

    fn add(
        &mut self,
        family: Family,
        source: Source,
        shape: Option<Arc<Shape>>,
    ) -> Result<(), RegisterError> {
        family.check()?;
        if self.entries.contains_key(&family.name) {
            return Err(RegisterError::Conflict(family.name.into_owned()));
        }
        let claims = family.claims();
        if let Some(claimed) = claims.iter().find(|claim| self.claims.contains(*claim)) {
            let (name, claimed) = (family.name.to_string(), claimed.to_string());
            return Err(RegisterError::Claimed { name, claimed });
        }
        self.claims.extend(claims);
        let entry = Entry::new(family, source, shape);
        self.entries.insert(entry.family.name.clone(), entry);
        Ok(())
    }
}
