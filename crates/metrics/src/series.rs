//! Recorded series: what the scrapes of a run saw, kept as changes only.
//!
//! ```text
//!  instance worker-0   scrapes   15s   30s   45s   60s   75s
//!    x_total           changes   0           2                    a sample at every scrape
//!    up                changes   1                 0     1
//!    y                 changes   7                 end   7        no sample at 60 s
//! ```
//!
//! An unchanged value costs nothing, but the scrape is remembered: the series has a sample at each
//! of its instance's scrapes from its first value until its end. A series ends (Prometheus's
//! staleness marker) when the instance can't be scraped, or when the series is gone from its
//! exposition.
//!
//! Times are ms since 1970, values f64. Every series has the labels `job` and `instance`; a label
//! of those names in the exposition itself is kept as `exported_job` or `exported_instance`.
//!
//! Appending an unchanged exposition costs about a nanosecond for each series of cells; a change
//! costs 16 bytes.

mod column;
mod cursor;
mod openmetrics;
mod sample;
mod saved;
mod scraper;
mod select;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use column::STALE_BITS;
use column::SampleColumn;
pub use cursor::Cursor;
pub use openmetrics::write_openmetrics;
use rustc_hash::FxHashMap;
pub use sample::{Sample, SampleIter};
pub use saved::{RestoreError, SavedTimeSeries};
use scraper::{CachedSeries, Scraper};
pub use select::Matcher;

use super::definition::{Family, InstrumentKind, Text};
use super::labels::Labels;
use super::observable::CollectContext;
use super::registry::Registry;
use rehearsal_convert::Index;

/// A scraped process, by the order in which it was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(u32);

/// A series, by the order in which it was first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(u32);

/// A scrape that isn't later than the instance's last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scrape at {at_ms} ms comes after one at {last_ms} ms; scrapes of an instance must rise")]
pub struct OutOfOrder {
    /// The last scrape.
    pub last_ms: i64,
    /// The one refused.
    pub at_ms: i64,
}

/// All series of a run.
///
/// ```
/// use rehearsal_metrics::series::Matcher;
/// use rehearsal_metrics::{CollectContext, Family, Labels, TimeSeriesStore, Registry};
///
/// let registry = Registry::new();
/// let reports = registry.counter(&Family::counter("reports_total"), Labels::none())?;
/// let mut recording = TimeSeriesStore::new("worker");
/// let instance = recording.instance("worker-0");
/// for at_ms in [0, 15_000, 30_000] {
///     recording.scrape(instance, at_ms, &registry, &CollectContext::default())?;
///     reports.increment();
/// }
/// let matchers = [Matcher::Equal("instance", "worker-0")];
/// let found = recording.select(Some("reports_total"), &matchers);
/// let values: Vec<f64> = recording.samples(found[0], 0, 30_000).map(|s| s.value).collect();
/// assert_eq!(values, [1.0, 2.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TimeSeriesStore {
    job: Text,
    instances: Vec<TargetInstance>,
    series: Vec<StoredSeries>,
    by_name: BTreeMap<Arc<str>, Vec<SeriesId>>,
    /// Only ever asked, never iterated.
    ids: FxHashMap<SeriesKey, SeriesId>,
    /// Series that the last scrape changed.
    changed: Vec<SeriesId>,
    families: BTreeMap<Text, Family>,
}

#[derive(PartialEq, Eq, Hash)]
struct SeriesKey {
    name: Arc<str>,
    labels: Labels,
}

struct TargetInstance {
    name: Text,
    up: SeriesId,
    scrapes_ms: Vec<i64>,
    series: Vec<SeriesId>,
    watch: Option<Scraper>,
    /// Series that the scraper, or the last one before a restart, listed.
    known: Vec<CachedSeries>,
}

struct StoredSeries {
    instance: InstanceId,
    name: Arc<str>,
    labels: Labels,
    column: SampleColumn,
}

impl TimeSeriesStore {
    /// Nothing yet; every series will carry this `job`.
    pub fn new(job: impl Into<Text>) -> Self {
        Self {
            job: job.into(),
            instances: Vec::new(),
            series: Vec::new(),
            by_name: BTreeMap::new(),
            ids: FxHashMap::default(),
            changed: Vec::new(),
            families: BTreeMap::new(),
        }
    }

    /// Finds or adds a process. It keeps its name, and so its series, over restarts.
    pub fn instance(&mut self, name: &str) -> InstanceId {
        if let Some(index) = self
            .instances
            .iter()
            .position(|instance| instance.name == name)
        {
            return InstanceId(index.index_u32());
        }
        let id = InstanceId(self.instances.len().index_u32());
        self.instances.push(TargetInstance {
            name: name.to_owned().into(),
            up: SeriesId(0),
            scrapes_ms: Vec::new(),
            series: Vec::new(),
            watch: None,
            known: Vec::new(),
        });
        let up = self.id(id, "up", &Labels::none(), None);
        self.instances[id.0 as usize].up = up;
        id
    }

    /// A scrape that was answered. After a restart the registry is another one: series that it
    /// doesn't have end here.
    ///
    /// # Errors
    ///
    /// If the instance was scraped at this time or later before.
    pub fn scrape(
        &mut self,
        instance: InstanceId,
        at_ms: i64,
        registry: &Registry,
        context: &CollectContext,
    ) -> Result<(), OutOfOrder> {
        self.begin(instance, at_ms)?;
        let same = self
            .slot(instance)
            .watch
            .take()
            .filter(|watch| watch.is_of(registry));
        let mut watch = same.unwrap_or_else(|| Scraper::new(registry));
        watch.scrape(self, instance, at_ms, context);
        let up = self.slot(instance).up;
        self.slot(instance).watch = Some(watch);
        self.push(up, at_ms, 1.0);
        Ok(())
    }

    /// A scrape that was not answered: `up` is 0 and every other series ends.
    ///
    /// # Errors
    ///
    /// If the instance was scraped at this time or later before.
    pub fn scrape_failed(&mut self, instance: InstanceId, at_ms: i64) -> Result<(), OutOfOrder> {
        self.begin(instance, at_ms)?;
        let up = self.slot(instance).up;
        // The next answer is read from scratch.
        self.slot(instance).watch = None;
        self.end_except(instance, at_ms, &[]);
        self.push(up, at_ms, 0.0);
        Ok(())
    }

    /// A scrape that was answered with exactly these samples, each a name in the exposition, its
    /// labels and its value. For expositions that don't come from a [`Registry`].
    ///
    /// # Errors
    ///
    /// If the instance was scraped at this time or later before.
    pub fn scrape_values<'p>(
        &mut self,
        instance: InstanceId,
        at_ms: i64,
        page: impl IntoIterator<Item = (&'p str, &'p Labels, f64)>,
    ) -> Result<(), OutOfOrder> {
        self.begin(instance, at_ms)?;
        let mut listed = Vec::new();
        for (name, labels, value) in page {
            let id = self.id(instance, name, labels, None);
            self.push(id, at_ms, value);
            listed.push(id);
        }
        listed.sort_unstable();
        self.slot(instance).watch = None;
        self.end_except(instance, at_ms, &listed);
        let up = self.slot(instance).up;
        self.push(up, at_ms, 1.0);
        Ok(())
    }

    fn begin(&mut self, instance: InstanceId, at_ms: i64) -> Result<(), OutOfOrder> {
        let scrapes = &mut self.slot(instance).scrapes_ms;
        if let Some(&last_ms) = scrapes.last()
            && last_ms >= at_ms
        {
            return Err(OutOfOrder { last_ms, at_ms });
        }
        scrapes.push(at_ms);
        self.changed.clear();
        Ok(())
    }

    fn slot(&mut self, instance: InstanceId) -> &mut TargetInstance {
        &mut self.instances[instance.0 as usize]
    }

    /// Finds or adds a series.
    fn id(
        &mut self,
        instance: InstanceId,
        name: &str,
        labels: &Labels,
        le: Option<Text>,
    ) -> SeriesId {
        let instance_name = self.instances[instance.0 as usize].name.clone();
        let labels = labels.scraped(self.job.clone(), instance_name, le);
        let known = self.by_name.get_key_value(name);
        let name = known.map_or_else(|| name.into(), |(name, _)| Arc::clone(name));
        let key = SeriesKey { name, labels };
        if let Some(id) = self.ids.get(&key) {
            return *id;
        }
        let id = SeriesId(self.series.len().index_u32());
        let (name, labels) = (key.name.clone(), key.labels.clone());
        self.by_name.entry(name.clone()).or_default().push(id);
        self.series.push(StoredSeries {
            instance,
            name,
            labels,
            column: SampleColumn::default(),
        });
        self.slot(instance).series.push(id);
        self.ids.insert(key, id);
        id
    }

    fn take_known(&mut self, instance: InstanceId) -> Vec<CachedSeries> {
        std::mem::take(&mut self.slot(instance).known)
    }

    fn keep_known(&mut self, instance: InstanceId, known: Vec<CachedSeries>) {
        self.slot(instance).known = known;
    }

    #[inline]
    fn push(&mut self, id: SeriesId, at_ms: i64, value: f64) {
        if self.series[id.0 as usize].column.push(at_ms, value) {
            self.changed.push(id);
        }
    }

    fn end(&mut self, id: SeriesId, at_ms: i64) {
        if self.series[id.0 as usize].column.end(at_ms) {
            self.changed.push(id);
        }
    }

    /// Ends an instance's series but `up` and those listed, which are sorted.
    fn end_except(&mut self, instance: InstanceId, at_ms: i64, listed: &[SeriesId]) {
        let TargetInstance { series, up, .. } = &self.instances[instance.0 as usize];
        for id in series {
            let is_over = id != up && listed.binary_search(id).is_err();
            if is_over && self.series[id.0 as usize].column.end(at_ms) {
                self.changed.push(*id);
            }
        }
    }

    /// Keeps an instrument's definition, for documents made from the recording.
    fn describe(&mut self, family: &Family) {
        if !self.families.contains_key(&family.name) {
            let mut family = family.clone();
            if family.kind == InstrumentKind::Info {
                // The scraped text has no type for it.
                family.kind = InstrumentKind::Gauge;
            }
            self.families.insert(family.name.clone(), family);
        }
    }
}

impl TimeSeriesStore {
    /// The instruments behind the series, sorted by name.
    pub fn families(&self) -> impl Iterator<Item = &Family> {
        self.families.values()
    }

    /// The processes, in the order in which they were added.
    pub fn instances(&self) -> impl Iterator<Item = (InstanceId, &str)> {
        let named = |(index, instance): (usize, _)| {
            (
                InstanceId(index.index_u32()),
                TargetInstance::name(instance),
            )
        };
        self.instances.iter().enumerate().map(named)
    }

    /// When a process was scraped, answered or not, ms since 1970, rising.
    pub fn scrapes_ms(&self, instance: InstanceId) -> &[i64] {
        &self.instances[instance.0 as usize].scrapes_ms
    }

    /// Series of a process, in the order in which they were first seen.
    pub fn series_of(&self, instance: InstanceId) -> &[SeriesId] {
        &self.instances[instance.0 as usize].series
    }

    /// The series `up` of a process: 1 after an answered scrape and 0 after one without an answer.
    pub fn up(&self, instance: InstanceId) -> SeriesId {
        self.instances[instance.0 as usize].up
    }

    /// Series whose value the last scrape changed, came or ended with it, in no particular order.
    /// Each scrape replaces the list, whichever process it is of.
    pub fn changed(&self) -> &[SeriesId] {
        &self.changed
    }

    /// The name in the exposition: for parts of a histogram with `_bucket`, `_sum` or `_count`.
    pub fn name(&self, id: SeriesId) -> &str {
        &self.series[id.0 as usize].name
    }

    /// All labels, `job` and `instance` included, without the name.
    pub fn labels(&self, id: SeriesId) -> &Labels {
        &self.series[id.0 as usize].labels
    }

    /// Returns the number of series.
    pub fn series_count(&self) -> usize {
        self.series.len()
    }

    /// Returns the number of kept changes over all series.
    pub fn changes(&self) -> usize {
        self.series.iter().map(|series| series.column.len()).sum()
    }
}

impl TargetInstance {
    fn name(&self) -> &str {
        &self.name
    }
}
