//! The exposition at one moment.

use super::definition::Family;
use super::histogram::HistogramReading;
use super::labels::Labels;

/// One series' value, as a visitor sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading<'r> {
    /// Total of a counter.
    Counter(u64),
    /// Total of an up/down counter.
    UpDownCounter(i64),
    /// Value of a gauge.
    Gauge(f64),
    /// Buckets and sum of a histogram.
    Histogram(&'r HistogramReading),
}

/// Visitor of every series of a registry, sorted by name and then by labels.
///
/// ```
/// use rehearsal_metrics::{CollectContext, Family, Labels, Reading, Registry, SnapshotVisitor};
///
/// /// Counts the series that have counted nothing yet.
/// struct Idle(usize);
///
/// impl SnapshotVisitor for Idle {
///     fn family(&mut self, _: &Family) {}
///     fn series(&mut self, _: &Labels, reading: Reading<'_>) {
///         self.0 += usize::from(reading == Reading::Counter(0));
///     }
/// }
///
/// let mut idle = Idle(0);
/// Registry::new().visit(&CollectContext::default(), &mut idle);
/// assert_eq!(idle.0, 5, "the registry's own counters");
/// ```
pub trait SnapshotVisitor {
    /// The series that follow belong to this instrument.
    fn family(&mut self, family: &Family);
    /// One series.
    fn series(&mut self, labels: &Labels, reading: Reading<'_>);
}

/// Immutable copy of every instrument and series at one moment, sorted.
///
/// ```
/// use rehearsal_metrics::{CollectContext, Family, Labels, Registry, SampleValue};
///
/// let registry = Registry::new();
/// registry.up_down(&Family::up_down("runs_active"), Labels::none())?.add(1);
/// let snapshot = registry.snapshot(&CollectContext::default());
/// let active = snapshot.get("runs_active", &[]);
/// assert_eq!(active, Some(&SampleValue::UpDownCounter(1)));
/// # Ok::<(), rehearsal_metrics::RegisterError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The instruments that have a series, sorted by name.
    pub families: Vec<FamilySnapshot>,
}

/// One instrument in a [`Snapshot`].
#[derive(Clone, Debug, PartialEq)]
pub struct FamilySnapshot {
    /// Definition of the instrument.
    pub family: Family,
    /// Series of the instrument, sorted by labels.
    pub series: Vec<SeriesSnapshot>,
}

/// One series in a [`Snapshot`].
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesSnapshot {
    /// Labels of the series.
    pub labels: Labels,
    /// Value of the series.
    pub value: SampleValue,
}

/// One series' value, kept.
#[derive(Clone, Debug, PartialEq)]
pub enum SampleValue {
    /// Total of a counter.
    Counter(u64),
    /// Total of an up/down counter.
    UpDownCounter(i64),
    /// Value of a gauge.
    Gauge(f64),
    /// Buckets and sum of a histogram.
    Histogram(Box<HistogramReading>),
}

impl SampleValue {
    /// The same, borrowed.
    pub fn reading(&self) -> Reading<'_> {
        match self {
            Self::Counter(value) => Reading::Counter(*value),
            Self::UpDownCounter(value) => Reading::UpDownCounter(*value),
            Self::Gauge(value) => Reading::Gauge(*value),
            Self::Histogram(reading) => Reading::Histogram(reading),
        }
    }
}

impl From<Reading<'_>> for SampleValue {
    fn from(reading: Reading<'_>) -> Self {
        match reading {
            Reading::Counter(value) => Self::Counter(value),
            Reading::UpDownCounter(value) => Self::UpDownCounter(value),
            Reading::Gauge(value) => Self::Gauge(value),
            Reading::Histogram(reading) => Self::Histogram(Box::new(*reading)),
        }
    }
}

impl Snapshot {
    /// One instrument by name.
    pub fn family(&self, name: &str) -> Option<&FamilySnapshot> {
        let find = self
            .families
            .binary_search_by(|family| (*family.family.name).cmp(name));
        find.ok().map(|index| &self.families[index])
    }

    /// One series by name and label values; labels not mentioned may have any value.
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<&SampleValue> {
        let fits = |series: &&SeriesSnapshot| {
            labels
                .iter()
                .all(|(label, value)| series.labels.get(label) == Some(value))
        };
        self.family(name)?
            .series
            .iter()
            .find(fits)
            .map(|series| &series.value)
    }

    /// Shows everything to a visitor.
    pub fn visit(&self, visitor: &mut impl SnapshotVisitor) {
        for FamilySnapshot { family, series } in &self.families {
            visitor.family(family);
            for SeriesSnapshot { labels, value } in series {
                visitor.series(labels, value.reading());
            }
        }
    }
}

impl SnapshotVisitor for Snapshot {
    fn family(&mut self, family: &Family) {
        self.families.push(FamilySnapshot {
            family: family.clone(),
            series: Vec::new(),
        });
    }

    fn series(&mut self, labels: &Labels, reading: Reading<'_>) {
        if let Some(family) = self.families.last_mut() {
            let (labels, value) = (labels.clone(), reading.into());
            family.series.push(SeriesSnapshot { labels, value });
        }
    }
}
