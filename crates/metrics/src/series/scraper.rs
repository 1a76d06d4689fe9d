//! Reads one registry again and again, and looks only at what may have changed.

use std::sync::Arc;

use super::{InstanceId, SeriesId, TimeSeriesStore};
use crate::definition::Family;
use crate::inner::{InstrumentHandle, SeriesSource};
use crate::labels::Labels;
use crate::number_format::stored_bound;
use crate::observable::{CollectContext, ObservableCallback, ObservedSeries, observations};
use crate::registry::Registry;
use crate::sharded_cells::ShardedCells;
use rehearsal_convert::{Index, Nearest};

/// Scraper of one registry, with what it read at the last scrape.
pub(super) struct Scraper {
    registry: Registry,
    /// The registry's version when everything below was listed.
    version: Option<u64>,
    cells: Vec<WatchedCell>,
    groups: Vec<ShardGroup>,
    gauges: Vec<ChangeProbe>,
    observed: Vec<ObservedInstrument>,
}

/// A series with cells.
struct WatchedCell {
    handle: InstrumentHandle,
    ids: Arc<[SeriesId]>,
}

/// The series whose cells are in one slab. Most scrapes look at one word of each and no further.
struct ShardGroup {
    slab: Arc<ShardedCells>,
    probes: Vec<ChangeProbe>,
}

/// First word of a series at the last scrape. Every record changes the word.
struct ChangeProbe {
    cell: u32,
    offset: u32,
    stamp: u64,
}

struct ObservedInstrument {
    family: Arc<Family>,
    observer: Arc<dyn ObservableCallback>,
    generation: Option<u64>,
    /// Sorted by labels.
    given: Vec<(Labels, SeriesId)>,
    /// Series by place in the order of the callback; none for repeated labels.
    places: Vec<Option<SeriesId>>,
}

/// A series that an instance once had, and where it is recorded. After a restart most series come
/// back in the same order, and needn't be looked up.
pub(super) struct CachedSeries {
    family: Arc<Family>,
    labels: Labels,
    /// One for a number; for a histogram each bucket, the sum and the count.
    ids: Arc<[SeriesId]>,
}

impl Scraper {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            registry: registry.clone(),
            version: None,
            cells: Vec::new(),
            groups: Vec::new(),
            gauges: Vec::new(),
            observed: Vec::new(),
        }
    }

    pub(super) fn is_of(&self, registry: &Registry) -> bool {
        self.registry.is_same(registry)
    }

    /// Writes every change since the last call to the recording.
    pub(super) fn scrape(
        &mut self,
        recording: &mut TimeSeriesStore,
        instance: InstanceId,
        at_ms: i64,
        context: &CollectContext,
    ) {
        // Read before the list is made: what comes meanwhile changes it again.
        let version = self.registry.inner.version();
        let renewed = self.version != Some(version);
        if renewed {
            self.list(recording, instance);
            self.version = Some(version);
        }
        let Self {
            cells,
            groups,
            gauges,
            ..
        } = self;
        for group in groups {
            group.scrape(|cell| cells[cell as usize].write(recording, at_ms), renewed);
        }
        for probe in gauges {
            let InstrumentHandle::Gauge(gauge) = &cells[probe.cell as usize].handle else {
                continue;
            };
            let stamp = gauge.bits();
            probe.compare(stamp, renewed, |cell| {
                cells[cell as usize].write(recording, at_ms);
            });
        }
        for observed in &mut self.observed {
            observed.scrape(recording, instance, at_ms, context);
        }
        if renewed {
            self.end_others(recording, instance, at_ms);
        }
    }

    /// Lists the registry's series anew.
    fn list(&mut self, recording: &mut TimeSeriesStore, instance: InstanceId) {
        *self = Self::new(&self.registry);
        let mut before = recording.take_known(instance).into_iter().peekable();
        let mut known = Vec::with_capacity(before.len());
        let index = self.registry.inner.read();
        for entry in index.entries.values() {
            recording.describe(&entry.family);
            let (SeriesSource::Closed(series) | SeriesSource::DynamicFamily(series)) =
                &entry.source
            else {
                self.observed
                    .extend(ObservedInstrument::new(&entry.family, &entry.source));
                continue;
            };
            for (labels, handle) in series.iter().filter(|(_, handle)| handle.is_visible()) {
                let place = (&entry.family, labels);
                while before.next_if(|known| known.is_before(place)).is_some() {}
                let one = before
                    .next_if(|known| known.is_at(place))
                    .unwrap_or_else(|| CachedSeries {
                        family: Arc::clone(&entry.family),
                        labels: labels.clone(),
                        ids: ids(recording, instance, &entry.family, labels, handle),
                    });
                self.cells.push(WatchedCell {
                    handle: handle.clone(),
                    ids: Arc::clone(&one.ids),
                });
                known.push(one);
            }
        }
        drop(index);
        recording.keep_known(instance, known);
        for cell in 0..self.cells.len() {
            self.probe(cell);
        }
    }

    /// Finds the word to look at for a series.
    fn probe(&mut self, cell: usize) {
        let new = |offset| ChangeProbe {
            cell: cell.index_u32(),
            offset,
            stamp: 0,
        };
        let Some(place) = self.cells[cell].handle.place() else {
            return self.gauges.push(new(0));
        };
        let same = |group: &ShardGroup| Arc::ptr_eq(&group.slab, &place.slab);
        match self.groups.iter_mut().rfind(|group| same(group)) {
            Some(group) => group.probes.push(new(place.offset)),
            None => self.groups.push(ShardGroup {
                slab: Arc::clone(&place.slab),
                probes: vec![new(place.offset)],
            }),
        }
    }

    /// Ends the instance's series that aren't listed any more.
    fn end_others(&self, recording: &mut TimeSeriesStore, instance: InstanceId, at_ms: i64) {
        let cells = self.cells.iter().flat_map(|cell| cell.ids.iter().copied());
        let observed = self
            .observed
            .iter()
            .flat_map(|o| o.given.iter().map(|(_, id)| *id));
        let mut listed: Vec<SeriesId> = cells.chain(observed).collect();
        listed.sort_unstable();
        recording.end_except(instance, at_ms, &listed);
    }
}

impl CachedSeries {
    fn is_before(&self, (family, labels): (&Arc<Family>, &Labels)) -> bool {
        (&self.family.name, &self.labels) < (&family.name, labels)
    }

    /// Whether this is the same series, of the same shape.
    fn is_at(&self, (family, labels): (&Arc<Family>, &Labels)) -> bool {
        let same_shape = self.family.kind == family.kind && self.family.bounds == family.bounds;
        same_shape && self.family.name == family.name && self.labels == *labels
    }
}

impl ShardGroup {
    fn scrape(&mut self, mut write: impl FnMut(u32), all: bool) {
        let Self { slab, probes } = self;
        if let Some(page) = slab.only_shard() {
            for probe in probes {
                probe.compare(page.get(probe.offset), all, &mut write);
            }
        } else {
            for probe in probes {
                probe.compare(slab.total(probe.offset, u64::wrapping_add), all, &mut write);
            }
        }
    }
}

impl ChangeProbe {
    #[inline]
    fn compare(&mut self, stamp: u64, always: bool, mut write: impl FnMut(u32)) {
        if always || self.stamp != stamp {
            self.stamp = stamp;
            write(self.cell);
        }
    }
}

impl WatchedCell {
    fn write(&self, recording: &mut TimeSeriesStore, at_ms: i64) {
        match &self.handle {
            InstrumentHandle::Counter(counter) => {
                recording.push(self.ids[0], at_ms, counter.get().nearest_f64());
            }
            InstrumentHandle::UpDownCounter(up_down) => {
                recording.push(self.ids[0], at_ms, up_down.get().nearest_f64());
            }
            InstrumentHandle::Gauge(gauge) => match gauge.get() {
                Some(value) => recording.push(self.ids[0], at_ms, value),
                None => recording.end(self.ids[0], at_ms),
            },
            InstrumentHandle::Histogram(histogram) => {
                let reading = histogram.read();
                for (below, id) in reading.cumulative().zip(&*self.ids) {
                    recording.push(*id, at_ms, below.nearest_f64());
                }
                let buckets = reading.counts().len();
                recording.push(self.ids[buckets], at_ms, reading.sum());
                recording.push(self.ids[buckets + 1], at_ms, reading.count().nearest_f64());
            }
        }
    }
}

/// The recorded series of one series of a registry.
fn ids(
    recording: &mut TimeSeriesStore,
    instance: InstanceId,
    family: &Family,
    labels: &Labels,
    handle: &InstrumentHandle,
) -> Arc<[SeriesId]> {
    let InstrumentHandle::Histogram(histogram) = handle else {
        return Arc::new([recording.id(instance, &family.name, labels, None)]);
    };
    let bounds = histogram.bounds().iter().copied().chain([f64::INFINITY]);
    let bucket = format!("{}_bucket", family.name);
    let mut ids: Vec<SeriesId> = bounds
        .map(|bound| recording.id(instance, &bucket, labels, Some(stored_bound(bound).into())))
        .collect();
    for part in ["_sum", "_count"] {
        ids.push(recording.id(instance, &format!("{}{part}", family.name), labels, None));
    }
    ids.into()
}

impl ObservedInstrument {
    fn new(family: &Arc<Family>, source: &SeriesSource) -> Option<Self> {
        let SeriesSource::Observed(observer) = source else {
            return None;
        };
        let (family, observer) = (Arc::clone(family), Arc::clone(observer));
        Some(Self {
            family,
            observer,
            generation: None,
            given: Vec::new(),
            places: Vec::new(),
        })
    }

    fn scrape(
        &mut self,
        recording: &mut TimeSeriesStore,
        instance: InstanceId,
        at_ms: i64,
        context: &CollectContext,
    ) {
        let generation = self.observer.generation(context);
        if generation.is_some() && generation == self.generation {
            return;
        }
        let before = std::mem::replace(&mut self.generation, generation);
        let known = before.filter(|_| generation.is_some());
        if known.is_some_and(|known| self.scrape_changes(recording, at_ms, known)) {
            return;
        }
        self.scrape_all(recording, instance, at_ms, context);
    }

    /// Writes what has changed since a generation, if the callback knows it.
    fn scrape_changes(&self, recording: &mut TimeSeriesStore, at_ms: i64, since: u64) -> bool {
        self.observer.changes_since(since, &mut |place, value| {
            if let Some(id) = self.places.get(place).copied().flatten() {
                recording.push(id, at_ms, value);
            }
        })
    }

    fn scrape_all(
        &mut self,
        recording: &mut TimeSeriesStore,
        instance: InstanceId,
        at_ms: i64,
        context: &CollectContext,
    ) {
        self.places.clear();
        let mut before = std::mem::take(&mut self.given).into_iter().peekable();
        for ObservedSeries {
            labels,
            value,
            place,
        } in observations(self.observer.as_ref(), context)
        {
            while let Some((_, id)) = before.next_if(|(known, _)| *known < labels) {
                recording.end(id, at_ms);
            }
            let known = before.next_if(|(known, _)| *known == labels);
            let id = known.map_or_else(
                || recording.id(instance, &self.family.name, &labels, None),
                |(_, id)| id,
            );
            recording.push(id, at_ms, value);
            if self.places.len() <= place {
                self.places.resize(place + 1, None);
            }
            self.places[place] = Some(id);
            self.given.push((labels, id));
        }
        before.for_each(|(_, id)| recording.end(id, at_ms));
    }
}
