//! The recorded series of a process by their kind.
//!
//! A series is recognized once, when it comes. After each scrape only what changed is looked at.

use rehearsal_convert::{Index, Saturating};

use super::backlog_labels;
use super::series_name::{BACKLOG, GAUGES, PROCESS_SERIES, SeriesName};
use crate::check::{GaugeSeries, HistogramRead, HistogramSeries, InstrumentSet, ProcessSeries};
use crate::metrics::Labels;
use crate::metrics::series::{InstanceId, SeriesId, TimeSeriesStore};
use crate::model::Mode;

/// Series of a process, with what they mean.
#[derive(Default)]
pub struct ScrapeIndex {
    /// In the order in which they came.
    known: Vec<KnownSeries>,
    /// By [`ProcessSeries::index`]; empty for histograms.
    pub process: Vec<Option<SeriesId>>,
    /// By [`HistogramSeries::index`].
    pub histograms: [RecordedHistogram; HistogramSeries::COUNT],
    /// In the order of [`GaugeSeries::ALL`].
    pub gauges: [Option<SeriesId>; GaugeSeries::ALL.len()],
    pub backlog: Vec<RecordedBacklog>,
    /// Positions of rows of the backlog that scrapes have changed since they were taken. Emptied if
    /// more than all have changed.
    backlog_changes: Vec<u32>,
    /// Whether `backlog_changes` lacks some.
    lacks_changes: bool,
    /// Number of series with a value.
    pub live: usize,
    /// Whether a series that a process has from its start came or ended with the last scrape.
    has_moved: bool,
    pub changed: InstrumentSet,
}

/// A series of the recording.
struct KnownSeries {
    id: SeriesId,
    is_live: bool,
    kind: SeriesKind,
}

/// Kind of a series of the recording.
#[derive(Clone, Copy)]
enum SeriesKind {
    /// The process series of that number.
    Process(u8),
    /// The row of the backlog at that position.
    Backlog(u32),
    Other,
}

#[derive(Default)]
pub struct RecordedHistogram {
    /// Buckets with their upper bounds, rising.
    buckets: Vec<(f64, SeriesId)>,
    sum: Option<SeriesId>,
    count: Option<SeriesId>,
}

pub struct RecordedBacklog {
    pub mode: Mode,
    pub schedule: Box<str>,
    pub id: SeriesId,
}

impl ScrapeIndex {
    /// Takes over what the last scrape changed.
    pub fn update(&mut self, recording: &TimeSeriesStore, instance: InstanceId) {
        for id in &recording.series_of(instance)[self.known.len()..] {
            self.list(recording, *id);
        }
        (self.changed, self.has_moved) = (InstrumentSet::default(), false);
        if self.backlog_changes.len() > self.backlog.len() {
            // No check reads them: the next one reads all rows.
            self.backlog_changes = Vec::new();
            self.lacks_changes = true;
        }
        for id in recording.changed() {
            let Ok(place) = self.known.binary_search_by_key(id, |known| known.id) else {
                continue;
            };
            let known = &mut self.known[place];
            let is_live = recording.current(*id).is_some();
            if std::mem::replace(&mut known.is_live, is_live) != is_live {
                self.has_moved |= matches!(known.kind, SeriesKind::Process(_));
                self.live = if is_live {
                    self.live + 1
                } else {
                    self.live - 1
                };
            }
            match known.kind {
                SeriesKind::Process(series) => {
                    self.changed.add(ProcessSeries::at(usize::from(series)));
                }
                SeriesKind::Backlog(row) => self.backlog_changes.push(row),
                SeriesKind::Other => {}
            }
        }
    }

    /// Takes the positions of the rows of the backlog that scrapes have changed since the last
    /// call. `None` if they are not known.
    pub fn take_backlog_changes(&mut self) -> Option<Vec<u32>> {
        let changes = std::mem::take(&mut self.backlog_changes);
        (!std::mem::take(&mut self.lacks_changes)).then_some(changes)
    }

    /// Adds a new series.
    fn list(&mut self, recording: &TimeSeriesStore, id: SeriesId) {
        let (name, labels) = (recording.name(id), recording.labels(id));
        let kind = self.recognize(name, labels, id);
        self.known.push(KnownSeries {
            id,
            is_live: false,
            kind: kind.unwrap_or(SeriesKind::Other),
        });
    }

    /// Files a series by its kind.
    fn recognize(&mut self, name: &str, labels: &Labels, id: SeriesId) -> Option<SeriesKind> {
        if name == BACKLOG {
            // By far the most series, if there are many schedules.
            let (mode, schedule) = backlog_labels(labels)?;
            let schedule = schedule.into();
            let row = self.backlog.len().index_u32();
            self.backlog.push(RecordedBacklog { mode, schedule, id });
            return Some(SeriesKind::Backlog(row));
        }
        if let Some(index) = find(&GAUGES, name, labels) {
            self.gauges[index] = Some(id);
            return None;
        }
        let index = find(&PROCESS_SERIES, name, labels)?;
        match ProcessSeries::at(index) {
            ProcessSeries::Histogram(series) => {
                self.histograms[series.index()].add(name, labels, id);
            }
            _ => {
                self.process.resize(ProcessSeries::COUNT, None);
                self.process[index] = Some(id);
            }
        }
        u8::try_from(index).ok().map(SeriesKind::Process)
    }

    /// Shows each process series of which no part, or not every part, has a value. Shows none if
    /// none of them came or ended with the last scrape.
    pub fn show_missing(&self, show: &mut dyn FnMut(ProcessSeries)) {
        if !self.has_moved {
            return;
        }
        let (mut live, mut ended) = (0_u128, 0_u128);
        for known in &self.known {
            let SeriesKind::Process(index) = known.kind else {
                continue;
            };
            let part = if known.is_live { &mut live } else { &mut ended };
            *part |= 1 << index;
        }
        for index in 0..ProcessSeries::COUNT {
            if (live & !ended) >> index & 1 == 0 {
                show(ProcessSeries::at(index));
            }
        }
    }
}

const _: () = assert!(ProcessSeries::COUNT <= 128, "one bit each");

/// Position of the series among names: a histogram's part counts as the histogram. The recording
/// has further labels, those of the scraper and of buckets.
fn find(names: &[SeriesName], name: &str, labels: &Labels) -> Option<usize> {
    let is_same = |known: &SeriesName| {
        let suffix = name.strip_prefix(&*known.metric);
        suffix.is_some_and(|suffix| ["", "_bucket", "_sum", "_count"].contains(&suffix))
            && known
                .labels
                .iter()
                .all(|(label, value)| labels.get(label) == Some(value))
    };
    names.iter().position(is_same)
}

impl RecordedHistogram {
    fn add(&mut self, name: &str, labels: &Labels, id: SeriesId) {
        if name.ends_with("_sum") {
            self.sum = Some(id);
        } else if name.ends_with("_count") {
            self.count = Some(id);
        } else if let Some(Ok(bound)) = labels.get("le").map(str::parse::<f64>) {
            let place = self.buckets.partition_point(|bucket| bucket.0 < bound);
            self.buckets.insert(place, (bound, id));
        }
    }

    /// Reads the histogram at the last scrape.
    pub fn read(&self, recording: &TimeSeriesStore) -> HistogramRead {
        let value = |id: Option<SeriesId>| id.and_then(|id| recording.current(id));
        let live = self.buckets.iter().filter_map(|(bound, id)| {
            let count = recording.current(*id)?;
            Some((*bound, count.saturating_u64()))
        });
        let (mut bounds, cumulative): (Vec<f64>, Vec<u64>) = live.unzip();
        bounds.pop_if(|bound| *bound == f64::INFINITY);
        HistogramRead {
            bounds,
            cumulative,
            count: value(self.count).unwrap_or(0.0).saturating_u64(),
            sum: value(self.sum).unwrap_or(0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::CounterSeries;
    use crate::metrics::{CollectContext, InstrumentWrites, Registry, SchedulerWorkerMetrics};
    use crate::metrics::{PlannerStatus, ReadTime};
    use crate::model::commit::{BacklogRow, PlanOutcome};

    const MODE: Mode = Mode::AnalysisOnly;

    /// Scrapes a registry, or nothing.
    fn scrape(
        index: &mut ScrapeIndex,
        store: &mut TimeSeriesStore,
        at_ms: i64,
        registry: Option<&Registry>,
    ) {
        let instance = store.instance("worker-1");
        let result = match registry {
            Some(registry) => store.scrape(instance, at_ms, registry, &CollectContext::default()),
            None => store.scrape_failed(instance, at_ms),
        };
        result.unwrap();
        index.update(store, instance);
    }

    fn missing(index: &ScrapeIndex) -> usize {
        let mut count = 0;
        index.show_missing(&mut |_| count += 1);
        count
    }

    #[test]
    fn index_has_values_of_the_last_scrape_and_what_it_changed() {
        let (registry, mut store) = (Registry::new(), TimeSeriesStore::new("test"));
        let metrics = SchedulerWorkerMetrics::new(&registry).unwrap();
        let mut index = ScrapeIndex::default();
        scrape(&mut index, &mut store, 0, Some(&registry));
        assert_eq!(missing(&index), 0);
        metrics.planner_run(MODE, PlannerStatus::Enqueued, 20.0);
        let row = BacklogRow {
            schedule: "nightly".into(),
            mode: MODE,
            images: 7,
        };
        metrics.backlog_refresh(&[row].into_iter().collect(), ReadTime::default());
        let runs = CounterSeries::PlannerRuns(MODE, PlanOutcome::Enqueued);
        let latency = HistogramSeries::Latency(MODE, PlanOutcome::Enqueued);
        let place = ProcessSeries::Counter(runs).index();
        let value = |index: &ScrapeIndex, store: &TimeSeriesStore| {
            store.current(index.process[place].unwrap())
        };
        assert_eq!(
            value(&index, &store),
            Some(0.0),
            "nothing was scraped since"
        );

        let live = index.live;
        scrape(&mut index, &mut store, 1000, Some(&registry));
        assert_eq!(value(&index, &store), Some(1.0));
        assert_eq!(index.changed.counters, 1 << runs.index());
        assert_eq!(index.changed.histograms, 1 << latency.index());
        let read = index.histograms[latency.index()].read(&store);
        assert_eq!((read.count, read.sum, read.bounds.len()), (1, 20.0, 13));
        assert_eq!(read.cumulative[6..9], [0, 1, 1], "up to 10, 30 and 60 s");
        let [row] = &index.backlog[..] else {
            panic!("one row");
        };
        assert_eq!(
            (&*row.schedule, store.current(row.id)),
            ("nightly", Some(7.0))
        );
        assert_eq!(index.live, live + 1, "the row of the backlog");

        scrape(&mut index, &mut store, 2000, Some(&registry));
        assert_eq!(index.changed.counters, 0);
    }

    #[test]
    fn index_after_an_unanswered_scrape_misses_every_process_series() {
        let (registry, mut store) = (Registry::new(), TimeSeriesStore::new("test"));
        let _metrics = SchedulerWorkerMetrics::new(&registry).unwrap();
        let mut index = ScrapeIndex::default();
        scrape(&mut index, &mut store, 0, Some(&registry));
        scrape(&mut index, &mut store, 1000, None);
        assert_eq!((index.live, missing(&index)), (1, ProcessSeries::COUNT));
        scrape(&mut index, &mut store, 2000, Some(&registry));
        assert_eq!(missing(&index), 0);
    }
}
