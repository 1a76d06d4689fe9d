//! Instruments with one dynamic label, and the handles to their series.

use rustc_hash::FxHashMap;

use super::counter::{Counter, UpDownCounter};
use super::definition::{Family, RegisterError, Text};
use super::gauge::Gauge;
use super::histogram::Histogram;
use super::labels::{Labels, OVERFLOW};
use super::registry::Registry;

/// The series of one instrument by the value of one dynamic label, such as `scheduleId`.
///
/// [`get`](Self::get) of a value that was asked for before is a look-up in a table of its own,
/// without a lock: about 10 ns. Every task or thread keeps its own clone. Where the same value is
/// recorded many times, keep the handle: that costs nothing at all.
///
/// The table is as bounded as the registry: past
/// [`series_max`](super::RegistryOptions::series_max) values, what is recorded goes into the series
/// of the value [`OVERFLOW`], and that is counted.
///
/// ```
/// use rehearsal_metrics::{Family, Labels, DynamicFamily, Registry};
///
/// let registry = Registry::new();
/// let family = Family::counter("reports_total");
/// let mut reports = DynamicFamily::counters(&registry, family, "scheduleId");
/// reports.get("nightly")?.increment();
/// # Ok::<(), rehearsal_metrics::RegisterError>(())
/// ```
#[derive(Clone)]
pub struct DynamicFamily<C> {
    registry: Registry,
    family: Family,
    label: Text,
    fixed: Vec<(Text, Text)>,
    make: fn(&Registry, &Family, Labels) -> Result<C, RegisterError>,
    places: FxHashMap<Box<str>, usize>,
    handles: Vec<C>,
    overflow: Option<C>,
}

impl DynamicFamily<Counter> {
    /// Counters by one dynamic label.
    pub fn counters(registry: &Registry, family: Family, label: impl Into<Text>) -> Self {
        Self::new(registry, family, label.into(), Registry::counter)
    }
}

impl DynamicFamily<UpDownCounter> {
    /// Up/down counters by one dynamic label.
    pub fn up_downs(registry: &Registry, family: Family, label: impl Into<Text>) -> Self {
        Self::new(registry, family, label.into(), Registry::up_down)
    }
}

impl DynamicFamily<Gauge> {
    /// Gauges by one dynamic label.
    pub fn gauges(registry: &Registry, family: Family, label: impl Into<Text>) -> Self {
        Self::new(registry, family, label.into(), Registry::gauge)
    }
}

impl DynamicFamily<Histogram> {
    /// Histograms by one dynamic label.
    pub fn histograms(registry: &Registry, family: Family, label: impl Into<Text>) -> Self {
        Self::new(registry, family, label.into(), Registry::histogram)
    }
}

impl<C> DynamicFamily<C> {
    fn new(
        registry: &Registry,
        family: Family,
        label: Text,
        make: fn(&Registry, &Family, Labels) -> Result<C, RegisterError>,
    ) -> Self {
        let (registry, places, handles) = (registry.clone(), FxHashMap::default(), Vec::new());
        Self {
            registry,
            family,
            label,
            fixed: Vec::new(),
            make,
            places,
            handles,
            overflow: None,
        }
    }

    /// With a further label that has this value in all its series.
    #[must_use]
    pub fn with(mut self, label: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.fixed.push((label.into(), value.into()));
        self
    }

    /// The series of a value.
    ///
    /// # Errors
    ///
    /// What the registry has against the name, the labels or the kind.
    #[inline]
    pub fn get(&mut self, value: &str) -> Result<&C, RegisterError> {
        match self.places.get(value) {
            Some(&place) => Ok(&self.handles[place]),
            None => self.find(value),
        }
    }

    #[cold]
    fn find(&mut self, value: &str) -> Result<&C, RegisterError> {
        let options = &self.registry.inner.options;
        if self.handles.len() >= options.series_max {
            self.registry.inner.series_overflowed.increment();
            let overflow = match self.overflow.take() {
                Some(overflow) => overflow,
                None => self.ask(OVERFLOW)?,
            };
            return Ok(self.overflow.insert(overflow));
        }
        let handle = self.ask(value)?;
        let place = self.handles.len();
        self.places.insert(value.into(), place);
        self.handles.push(handle);
        Ok(&self.handles[place])
    }

    fn ask(&self, value: &str) -> Result<C, RegisterError> {
        let open = (self.label.clone(), value.to_owned().into());
        let pairs = self.fixed.iter().cloned().chain([open]);
        (self.make)(
            &self.registry,
            &self.family,
            Labels::new(&self.family.name, pairs)?,
        )
    }
}
