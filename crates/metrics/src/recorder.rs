//! The registry as a recorder of the `metrics` crate's macros.

use std::sync::Arc;

use ::metrics::{CounterFn, GaugeFn, HistogramFn, Key, KeyName, Metadata, SharedString, Unit};
use metrics_util::registry::{Registry as Table, Storage};

use super::counter::Counter;
use super::definition::{Family, InstrumentKind, RegisterError, Text};
use super::gauge::Gauge;
use super::histogram::Histogram;
use super::inner::{FamilyLookup, RegistryInner, TypedHandle};
use super::labels::Labels;
use super::registry::Registry;

impl CounterFn for Counter {
    #[inline]
    fn increment(&self, value: u64) {
        self.add(value);
    }

    fn absolute(&self, value: u64) {
        Counter::absolute(self, value);
    }
}

impl GaugeFn for Gauge {
    fn increment(&self, value: f64) {
        self.add(value);
    }

    fn decrement(&self, value: f64) {
        self.add(-value);
    }

    #[inline]
    fn set(&self, value: f64) {
        Gauge::set(self, value);
    }
}

impl HistogramFn for Histogram {
    #[inline]
    fn record(&self, value: f64) {
        Histogram::record(self, value);
    }

    fn record_many(&self, value: f64, count: usize) {
        Histogram::record_many(self, value, count as u64);
    }
}

impl RegistryInner {
    /// Finds or makes the series of a key.
    fn resolve(&self, key: &Key, kind: InstrumentKind) -> Result<FamilyLookup, RegisterError> {
        let own = |text: &str| Text::Owned(text.to_owned());
        let pairs = key
            .labels()
            .map(|label| (own(label.key()), own(label.value())));
        let labels = Labels::new(key.name(), pairs)?;
        let family = self.family_of(key.name(), kind);
        self.open(&family, labels)
    }

    fn family_of(&self, name: &str, kind: InstrumentKind) -> Family {
        let name = name.to_owned();
        let new = |name| match kind {
            InstrumentKind::Counter => Family::counter(name),
            InstrumentKind::UpDownCounter => Family::up_down(name),
            // The macros know no info metrics.
            InstrumentKind::Gauge | InstrumentKind::Info => Family::gauge(name),
            InstrumentKind::Histogram => {
                Family::histogram(name, self.options.default_bounds.clone())
            }
        };
        let registered = self
            .read()
            .entries
            .get(name.as_str())
            .map(|e| Arc::clone(&e.family));
        match registered {
            Some(family) if family.kind == kind => Family::clone(&family),
            _ => new(name),
        }
    }
}

impl RegistryInner {
    /// The cells for a key that [`Registry`] has resolved before. Should the series have been
    /// refused since, the handle gets cells that are on no exposition.
    fn stored<C: TypedHandle>(&self, key: &Key) -> Arc<C> {
        let handle = match self.resolve(key, C::KIND) {
            Ok(FamilyLookup::Series(handle) | FamilyLookup::Overflow(handle)) => handle,
            Err(_) => self.detached(C::KIND),
        };
        Arc::new(C::of(handle).expect("a key resolves to its own kind"))
    }
}

impl Storage<Key> for RegistryInner {
    type Counter = Arc<Counter>;
    type Gauge = Arc<Gauge>;
    type Histogram = Arc<Histogram>;

    fn counter(&self, key: &Key) -> Arc<Counter> {
        self.stored(key)
    }

    fn gauge(&self, key: &Key) -> Arc<Gauge> {
        self.stored(key)
    }

    fn histogram(&self, key: &Key) -> Arc<Histogram> {
        self.stored(key)
    }
}

/// Result of a macro's request.
enum Resolution<C> {
    /// A series that the table may keep.
    Series,
    /// The overflow series: kept under its own key only, so that the table stays bounded.
    Overflow(C),
    /// Nothing: the registration was refused, and counted.
    Refused,
}

impl Registry {
    fn table(&self) -> &Table<Key, Arc<RegistryInner>> {
        self.table
            .get_or_init(|| Table::new(Arc::clone(&self.inner)))
    }

    fn find<C: TypedHandle>(&self, key: &Key) -> Resolution<C> {
        match self.inner.resolve(key, C::KIND) {
            Ok(FamilyLookup::Series(_)) => Resolution::Series,
            Ok(FamilyLookup::Overflow(handle)) => {
                C::of(handle).map_or(Resolution::Refused, Resolution::Overflow)
            }
            Err(error) => {
                self.inner.refuse(&error);
                Resolution::Refused
            }
        }
    }

    fn describe(&self, name: &KeyName, unit: Option<Unit>, help: SharedString) {
        // A unit that the name doesn't carry can't be exposed, so it goes into the sentence.
        let help = help.into_owned();
        let help = match unit {
            Some(unit) if !name.as_str().contains(unit.as_str()) && unit != Unit::Count => {
                format!("{help} Unit: {}.", unit.as_str())
            }
            _ => help,
        };
        self.inner.describe(name.as_str(), help.into());
    }
}

impl ::metrics::Recorder for Registry {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(&key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(&key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(&key, unit, description);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> ::metrics::Counter {
        let table = self.table();
        if let Some(counter) = table.get_counter(key) {
            return ::metrics::Counter::from_arc(counter);
        }
        match self.find::<Counter>(key) {
            Resolution::Series => {
                let clone = |counter: &Arc<Counter>| Arc::clone(counter);
                ::metrics::Counter::from_arc(table.get_or_create_counter(key, clone))
            }
            Resolution::Overflow(counter) => ::metrics::Counter::from_arc(Arc::new(counter)),
            Resolution::Refused => ::metrics::Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> ::metrics::Gauge {
        let table = self.table();
        if let Some(gauge) = table.get_gauge(key) {
            return ::metrics::Gauge::from_arc(gauge);
        }
        match self.find::<Gauge>(key) {
            Resolution::Series => {
                let clone = |gauge: &Arc<Gauge>| Arc::clone(gauge);
                ::metrics::Gauge::from_arc(table.get_or_create_gauge(key, clone))
            }
            Resolution::Overflow(gauge) => ::metrics::Gauge::from_arc(Arc::new(gauge)),
            Resolution::Refused => ::metrics::Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> ::metrics::Histogram {
        let table = self.table();
        if let Some(histogram) = table.get_histogram(key) {
            return ::metrics::Histogram::from_arc(histogram);
        }
        match self.find::<Histogram>(key) {
            Resolution::Series => {
                let clone = |histogram: &Arc<Histogram>| Arc::clone(histogram);
                ::metrics::Histogram::from_arc(table.get_or_create_histogram(key, clone))
            }
            Resolution::Overflow(histogram) => ::metrics::Histogram::from_arc(Arc::new(histogram)),
            Resolution::Refused => ::metrics::Histogram::noop(),
        }
    }
}
