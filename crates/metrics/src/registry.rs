//! One process's instruments.

use std::sync::{Arc, OnceLock};

use metrics_util::registry::Registry as Table;

use super::counter::{Counter, CounterFamily, UpDownCounter, UpDownCounterFamily};
use super::definition::{Definition, Family, InstrumentKind, RegisterError, Text};
use super::exact::Precision;
use super::gauge::Gauge;
use super::histogram::{Histogram, HistogramFamily};
use super::inner::{FamilyLookup, RegistryInner, RegistryOptions, SeriesSource, TypedHandle};
use super::label::LabelSet;
use super::labels::Labels;
use super::observable::{
    CollectContext, InfoCallback, ObservableCallback, ObservedSeries, observations,
};
use super::snapshot::{Reading, Snapshot, SnapshotVisitor};

/// The instruments and series of one process, with their cells. Cheap to clone: clones are the
/// same registry.
///
/// It is an ordinary [`metrics::Recorder`] too, so that what third-party
/// code counts with the macros stands on the same exposition.
///
/// ```
/// use rehearsal_metrics::{CollectContext, Registry, SampleValue};
///
/// let registry = Registry::new();
/// // For the whole program: metrics::set_global_recorder(registry.clone())
/// metrics::with_local_recorder(&registry, || {
///     metrics::counter!("requests_total", "method" => "GET").increment(1);
///     metrics::histogram!("wait_seconds").record(0.2);
/// });
/// let snapshot = registry.snapshot(&CollectContext::default());
/// let requests = snapshot.get("requests_total", &[("method", "GET")]);
/// assert_eq!(requests, Some(&SampleValue::Counter(1)));
/// ```
#[derive(Clone)]
pub struct Registry {
    pub(crate) inner: Arc<RegistryInner>,
    /// Made when a macro first asks: most simulated processes never need it.
    pub(super) table: Arc<OnceLock<Table<::metrics::Key, Arc<RegistryInner>>>>,
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Registry {
    /// With the default limits.
    pub fn new() -> Self {
        Self::with_options(RegistryOptions::default())
    }

    /// With these limits.
    pub fn with_options(options: RegistryOptions) -> Self {
        Self {
            inner: Arc::new(RegistryInner::new(options)),
            table: Arc::default(),
        }
    }

    /// Registers a counter for every combination of static labels, all at 0.
    ///
    /// # Errors
    ///
    /// As for every registration: an invalid or taken name.
    ///
    /// # Panics
    ///
    /// If the definition's labels are not those of `L`: that is a slip in a constant table.
    pub fn counters<L: LabelSet>(
        &self,
        definition: &Definition,
    ) -> Result<CounterFamily<L>, RegisterError> {
        check_table::<L>(definition, InstrumentKind::Counter);
        Ok(CounterFamily::new(
            self.inner
                .closed(definition, Family::try_from(definition)?)?
                .first,
        ))
    }

    /// Registers an up/down counter for every combination of static labels, all at 0.
    ///
    /// # Errors and panics
    ///
    /// As for [`counters`](Self::counters).
    pub fn up_downs<L: LabelSet>(
        &self,
        definition: &Definition,
    ) -> Result<UpDownCounterFamily<L>, RegisterError> {
        check_table::<L>(definition, InstrumentKind::UpDownCounter);
        Ok(UpDownCounterFamily::new(
            self.inner
                .closed(definition, Family::try_from(definition)?)?
                .first,
        ))
    }

    /// Registers a histogram for every combination of static labels, all empty.
    ///
    /// # Errors and panics
    ///
    /// As for [`counters`](Self::counters), and for bounds that are no bounds.
    pub fn histograms<L: LabelSet>(
        &self,
        definition: &Definition,
    ) -> Result<HistogramFamily<L>, RegisterError> {
        self.histograms_with(definition, None)
    }

    /// The same, with exact quantiles if asked for.
    pub fn histograms_with<L: LabelSet>(
        &self,
        definition: &Definition,
        precision: Option<Precision>,
    ) -> Result<HistogramFamily<L>, RegisterError> {
        check_table::<L>(definition, InstrumentKind::Histogram);
        let family = Family {
            precision,
            ..Family::try_from(definition)?
        };
        let row = self.inner.closed(definition, family)?;
        let shape = row.shape.ok_or(super::bounds::BoundsError::Empty)?;
        Ok(HistogramFamily::new(row.first, shape))
    }

    /// Finds or makes one counter with dynamic labels.
    ///
    /// # Errors
    ///
    /// An invalid name, or one that is registered as something else.
    pub fn counter(&self, family: &Family, labels: Labels) -> Result<Counter, RegisterError> {
        self.open(family, labels)
    }

    /// Finds or makes one up/down counter with dynamic labels.
    pub fn up_down(&self, family: &Family, labels: Labels) -> Result<UpDownCounter, RegisterError> {
        self.open(family, labels)
    }

    /// Finds or makes one gauge with dynamic labels.
    pub fn gauge(&self, family: &Family, labels: Labels) -> Result<Gauge, RegisterError> {
        self.open(family, labels)
    }

    /// Finds or makes one histogram with dynamic labels.
    pub fn histogram(&self, family: &Family, labels: Labels) -> Result<Histogram, RegisterError> {
        self.open(family, labels)
    }

    fn open<C: TypedHandle>(&self, family: &Family, labels: Labels) -> Result<C, RegisterError> {
        let conflict = || RegisterError::Conflict(family.name.to_string());
        if family.kind != C::KIND {
            return Err(conflict());
        }
        let (FamilyLookup::Series(handle) | FamilyLookup::Overflow(handle)) =
            self.inner.open(family, labels)?;
        C::of(handle).ok_or_else(conflict)
    }

    /// Registers an observable gauge.
    pub fn observe(
        &self,
        family: Family,
        observer: Arc<dyn ObservableCallback>,
    ) -> Result<(), RegisterError> {
        if family.kind != InstrumentKind::Gauge {
            return Err(RegisterError::Conflict(family.name.into_owned()));
        }
        self.inner.observe(family, observer)
    }

    /// Registers an info metric: the constant 1, for every combination of its label values.
    ///
    /// ```
    /// use rehearsal_metrics::exposition::{ExpositionFormat, render};
    /// use rehearsal_metrics::{CollectContext, Definition, LabelDefinition, Registry};
    ///
    /// const BUILD: Definition = Definition::info("build_info", "The version.").with_labels(
    ///     &[LabelDefinition { name: "version", values: &["1.2.3"] }],
    /// );
    /// let registry = Registry::new();
    /// registry.info(&BUILD)?;
    /// let text = |format| render(format, &registry, &CollectContext::default());
    /// assert!(text(ExpositionFormat::Text).contains("# TYPE build_info gauge\n"));
    /// let openmetrics = text(ExpositionFormat::OpenMetrics);
    /// assert!(openmetrics.contains("# TYPE build info\n"));
    /// assert!(openmetrics.contains("build_info{version=\"1.2.3\"} 1"));
    /// # Ok::<(), rehearsal_metrics::RegisterError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for every registration, and for a name without the suffix `_info`.
    pub fn info(&self, definition: &Definition) -> Result<(), RegisterError> {
        let family = Family::try_from(definition)?;
        if family.kind != InstrumentKind::Info {
            return Err(RegisterError::Conflict(family.name.into_owned()));
        }
        self.inner
            .observe(family, Arc::new(InfoCallback::new(definition)))
    }

    /// Takes one series with dynamic labels out of the exposition, and says whether it was there.
    ///
    /// Handles to it stay good: the next record through one of them puts the series back, with
    /// everything it ever counted. Once no handle is left, the same labels start anew at 0.
    pub fn remove(&self, name: &str, labels: &Labels) -> bool {
        if let Some(table) = self.table.get() {
            // First, so that the table can't hand out the cell between the two steps.
            let pairs = labels
                .iter()
                .map(|(label, value)| ::metrics::Label::new(label.to_owned(), value.to_owned()));
            let key = ::metrics::Key::from_parts(name.to_owned(), pairs.collect::<Vec<_>>());
            match self.inner.kind(name) {
                Some(InstrumentKind::Counter) => table.delete_counter(&key),
                Some(InstrumentKind::Histogram) => table.delete_histogram(&key),
                _ => table.delete_gauge(&key),
            };
        }
        self.inner.remove(name, labels)
    }

    /// Visits every instrument and series, sorted by name and labels.
    ///
    /// Recording continues meanwhile; registering waits. The reading of each series is not torn.
    /// Series are not ordered among each other: a record during the visit may appear in a later
    /// series and not in an earlier one.
    pub fn visit(&self, context: &CollectContext, visitor: &mut impl SnapshotVisitor) {
        // Observers run before the index is locked, so that they may register.
        let mut observed = self.observe_all(context).into_iter().peekable();
        let index = self.inner.read();
        for (name, entry) in &index.entries {
            let (SeriesSource::Closed(series) | SeriesSource::DynamicFamily(series)) =
                &entry.source
            else {
                let given = observed.next_if(|(observed, _)| observed == name);
                let given = given.map(|(_, given)| given).unwrap_or_default();
                if !given.is_empty() {
                    visitor.family(&entry.family);
                }
                for series in &given {
                    visitor.series(&series.labels, Reading::Gauge(series.value));
                }
                continue;
            };
            let mut series = series
                .iter()
                .filter(|(_, handle)| handle.is_visible())
                .peekable();
            if series.peek().is_some() {
                visitor.family(&entry.family);
            }
            for (labels, handle) in series {
                handle.read(|reading| visitor.series(labels, reading));
            }
        }
    }

    /// Returns the number of series with cells, a histogram counting as one. Observable gauges are
    /// read at collection and not counted.
    pub fn cell_series(&self) -> usize {
        let index = self.inner.read();
        let series = index.entries.values().map(|entry| match &entry.source {
            SeriesSource::Closed(series) | SeriesSource::DynamicFamily(series) => series.len(),
            SeriesSource::Observed(_) => 0,
        });
        series.sum()
    }

    fn observe_all(&self, context: &CollectContext) -> Vec<(Text, Vec<ObservedSeries>)> {
        let all: Vec<(Text, Arc<dyn ObservableCallback>)> = {
            let index = self.inner.read();
            let observed = index
                .entries
                .iter()
                .filter_map(|(name, entry)| match &entry.source {
                    SeriesSource::Observed(observer) => Some((name.clone(), Arc::clone(observer))),
                    _ => None,
                });
            observed.collect()
        };
        let observe = |(name, observer): (Text, Arc<dyn ObservableCallback>)| {
            (name, observations(observer.as_ref(), context))
        };
        all.into_iter().map(observe).collect()
    }

    /// Everything in the exposition at this moment.
    pub fn snapshot(&self, context: &CollectContext) -> Snapshot {
        let mut snapshot = Snapshot::default();
        self.visit(context, &mut snapshot);
        snapshot
    }

    /// Returns the counter of series that were recorded as [`OVERFLOW`](super::OVERFLOW), for
    /// observers with a cap of their own.
    pub fn series_overflowed(&self) -> Counter {
        self.inner.series_overflowed.clone()
    }

    /// Why registrations through the macros, which can't return an error, were refused: the first
    /// few different reasons.
    pub fn refusals(&self) -> Vec<RegisterError> {
        self.inner.refusals()
    }

    /// Whether two handles are the same registry.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

fn check_table<L: LabelSet>(definition: &Definition, kind: InstrumentKind) {
    assert!(
        definition.kind == kind && definition.labels == L::LABELS,
        "the definition of {} has another kind or other labels than its handle",
        definition.name
    );
}
