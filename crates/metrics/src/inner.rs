//! Instruments and series of one registry, in the order of the exposition.

mod handle;
mod index;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub(crate) use handle::{InstrumentHandle, TypedHandle};
use index::InstrumentEntry;
pub(crate) use index::{InstrumentIndex, SeriesSource};

use super::bounds::Bounds;
use super::cells::{CellAllocator, CellOffset, SeriesVisibility};
use super::counter::{Counter, CounterFamily, UpDownCounter};
use super::definition::{Definition, Family, InstrumentKind, RegisterError, Text};
use super::exact::QuantileGrid;
use super::gauge::Gauge;
use super::histogram::{Histogram, HistogramLayout};
use super::label::SampleFault;
use super::labels::{Labels, OVERFLOW};
use super::observable::ObservableCallback;
use super::registry_metrics;

/// Maximum number of kept reasons for refused registrations.
const REFUSALS_MAX: usize = 32;

/// Limits and defaults of a registry.
///
/// ```
/// use rehearsal_metrics::{Family, DynamicFamily, Registry, RegistryOptions};
///
/// let options = RegistryOptions { series_max: 2, ..RegistryOptions::default() };
/// let registry = Registry::with_options(options);
/// let family = Family::counter("reports_total");
/// let mut reports = DynamicFamily::counters(&registry, family, "scheduleId");
/// for schedule in ["a", "b", "c", "d"] {
///     reports.get(schedule)?.increment();
/// }
/// // Two have their own series, and two share one.
/// assert_eq!((reports.get("a")?.get(), reports.get("c")?.get()), (1, 2));
/// # Ok::<(), rehearsal_metrics::RegisterError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RegistryOptions {
    /// The most series of one instrument with dynamic labels. What goes beyond is recorded in one
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

pub(crate) struct RegistryInner {
    index: RwLock<InstrumentIndex>,
    allocator: Arc<CellAllocator>,
    /// Counts series that came, went or came back.
    version: Arc<AtomicU64>,
    pub(crate) options: RegistryOptions,
    samples_refused: CounterFamily<SampleFault>,
    series_refused: Counter,
    pub(crate) series_overflowed: Counter,
    refusals: Mutex<Vec<RegisterError>>,
}

impl RegistryInner {
    pub(crate) fn new(options: RegistryOptions) -> Self {
        let allocator = Arc::new(CellAllocator::default());
        let samples_refused = allocator.take(SampleFault::ALL.len());
        let series_refused = allocator.take(1);
        let series_overflowed = allocator.take(1);
        let inner = Self {
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
        for (definition, first) in registry_metrics::LAYER.iter().zip(own) {
            let family = Family::try_from(definition).expect("counters have no bounds");
            let added = inner.write().add_static(family, definition, None, |index| {
                InstrumentHandle::Counter(Counter::new(first.nth(index, 1), None))
            });
            added.expect("the first names can't be taken");
        }
        inner
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, InstrumentIndex> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, InstrumentIndex> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes whenever a series comes, goes or comes back.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    fn changed(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Registers every series of a definition with static labels, in one row of cells.
    pub(crate) fn closed(
        &self,
        definition: &Definition,
        family: Family,
    ) -> Result<StaticRow, RegisterError> {
        let count = definition
            .labels
            .iter()
            .map(|label| label.values.len())
            .product::<usize>();
        let shape = self.shape(&family)?;
        let stride = shape.as_ref().map_or(1, |shape| shape.words());
        let first = self.allocator.take(count * stride);
        self.write()
            .add_static(family, definition, shape.clone(), |index| {
                let place = first.nth(index, stride);
                match &shape {
                    Some(shape) => {
                        InstrumentHandle::Histogram(Histogram::new(place, Arc::clone(shape), None))
                    }
                    None if definition.kind == InstrumentKind::Counter => {
                        InstrumentHandle::Counter(Counter::new(place, None))
                    }
                    None => InstrumentHandle::UpDownCounter(UpDownCounter::new(place, None)),
                }
            })?;
        self.changed();
        Ok(StaticRow { first, shape })
    }

    /// Registers an observable gauge.
    pub(crate) fn observe(
        &self,
        family: Family,
        observer: Arc<dyn ObservableCallback>,
    ) -> Result<(), RegisterError> {
        self.write()
            .add(family, SeriesSource::Observed(observer), None)?;
        self.changed();
        Ok(())
    }

    /// Finds or makes a series with dynamic labels.
    pub(crate) fn open(
        &self,
        family: &Family,
        labels: Labels,
    ) -> Result<FamilyLookup, RegisterError> {
        let mut index = self.write();
        let entry = self.entry(&mut index, family, &labels)?;
        let series = match &mut entry.source {
            SeriesSource::Closed(series) | SeriesSource::DynamicFamily(series) => series,
            SeriesSource::Observed(_) => {
                return Err(RegisterError::Conflict(family.name.to_string()));
            }
        };
        if let Some(handle) = series.get(&labels) {
            if handle.is_visible() {
                return Ok(FamilyLookup::Series(handle.clone()));
            }
            if !handle.is_last() {
                handle.show();
                return Ok(FamilyLookup::Series(handle.clone()));
            }
            // Removed, and nobody holds it any more: it starts anew.
            series.remove(&labels);
        }
        if matches!(entry.source, SeriesSource::Closed(_)) {
            let (name, labels) = (family.name.to_string(), labels.to_string());
            return Err(RegisterError::NotInClosedSet { name, labels });
        }
        if entry.has_room(self.options.series_max) {
            return Ok(FamilyLookup::Series(self.add_series(entry, labels)));
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
        Ok(FamilyLookup::Overflow(handle))
    }

    fn add_series(&self, entry: &mut InstrumentEntry, labels: Labels) -> InstrumentHandle {
        let handle = self.handle(entry.family.kind, entry.shape.clone());
        if let SeriesSource::DynamicFamily(series) = &mut entry.source {
            series.insert(labels, handle.clone());
        }
        self.changed();
        handle
    }

    /// Finds or makes the instrument of a series with dynamic labels.
    fn entry<'i>(
        &self,
        index: &'i mut InstrumentIndex,
        family: &Family,
        labels: &Labels,
    ) -> Result<&'i mut InstrumentEntry, RegisterError> {
        if !index.entries.contains_key(&family.name) {
            let shape = self.shape(family)?;
            index.add(
                family.clone(),
                SeriesSource::DynamicFamily(BTreeMap::new()),
                shape,
            )?;
        }
        let conflict = || RegisterError::Conflict(family.name.to_string());
        let entry = index.entries.get_mut(&family.name).ok_or_else(conflict)?;
        let known = &entry.family;
        let same_bounds = family.bounds.is_none() || family.bounds == known.bounds;
        let same_precision = family.precision.is_none() || family.precision == known.precision;
        if known.kind != family.kind || !same_bounds || !same_precision {
            return Err(conflict());
        }
        if family.kind == InstrumentKind::Histogram && labels.get("le").is_some() {
            return Err(RegisterError::ReservedLabel(family.name.to_string()));
        }
        Ok(entry)
    }

    /// Takes a series out of the exposition. Returns whether it was there.
    pub(crate) fn remove(&self, name: &str, labels: &Labels) -> bool {
        let mut index = self.write();
        let Some(entry) = index.entries.get_mut(name) else {
            return false;
        };
        let SeriesSource::DynamicFamily(series) = &mut entry.source else {
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

    /// Cells of a series that is on no exposition.
    pub(crate) fn detached(&self, kind: InstrumentKind) -> InstrumentHandle {
        let bounds = self.options.default_bounds.clone();
        let shape = self.shape(&Family::histogram("detached", bounds));
        self.handle(kind, shape.unwrap_or_default())
    }

    /// The kind under which a name is registered.
    pub(crate) fn kind(&self, name: &str) -> Option<InstrumentKind> {
        self.read().entries.get(name).map(|entry| entry.family.kind)
    }

    fn shape(&self, family: &Family) -> Result<Option<Arc<HistogramLayout>>, RegisterError> {
        let Some(bounds) = family.bounds.clone() else {
            return Ok(None);
        };
        let grid = family.precision.map(QuantileGrid::new).transpose()?;
        let refused = self.samples_refused.clone();
        Ok(Some(Arc::new(HistogramLayout::new(bounds, grid, refused))))
    }

    /// New cells for a series with dynamic labels.
    fn handle(
        &self,
        kind: InstrumentKind,
        shape: Option<Arc<HistogramLayout>>,
    ) -> InstrumentHandle {
        let living = |len: usize| {
            let place = self.allocator.take(len);
            let (allocator, version) = (Arc::clone(&self.allocator), Arc::clone(&self.version));
            (
                place.clone(),
                Some(SeriesVisibility::new(place, len, allocator, version)),
            )
        };
        match (kind, shape) {
            (InstrumentKind::Histogram, Some(shape)) => {
                let (place, life) = living(shape.words());
                InstrumentHandle::Histogram(Histogram::new(place, shape, life))
            }
            (InstrumentKind::UpDownCounter, _) => {
                let (place, life) = living(1);
                InstrumentHandle::UpDownCounter(UpDownCounter::new(place, life))
            }
            (InstrumentKind::Gauge, _) => {
                InstrumentHandle::Gauge(Gauge::new(Arc::clone(&self.version)))
            }
            _ => {
                let (place, life) = living(1);
                InstrumentHandle::Counter(Counter::new(place, life))
            }
        }
    }
}

/// Result of a request for a series with dynamic labels.
pub(crate) enum FamilyLookup {
    /// Own series of these labels.
    Series(InstrumentHandle),
    /// The series for everything beyond the cap.
    Overflow(InstrumentHandle),
}

/// The cells of a closed family.
pub(crate) struct StaticRow {
    pub(crate) first: CellOffset,
    pub(crate) shape: Option<Arc<HistogramLayout>>,
}
