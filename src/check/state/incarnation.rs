//! Incarnations of processes, and the metrics that each must expose.

use std::rc::Rc;

use super::known_backlog::KnownBacklog;
use super::table::{IncarnationIndex, InternedTable, ProcessIndex};
use crate::check::instruments::{
    CounterSeries, CounterTable, HistogramSeries, InstrumentReader, InstrumentReaders,
    InstrumentSet, InstrumentSource, RecordedScrape,
};
use crate::model::observation::{IncarnationEnd, PortName};
use crate::model::time::NANOS_PER_SECOND;
use crate::model::{IncarnationId, ProcessName, Timestamp};
use rehearsal_convert::Nearest;

/// A process by name.
#[derive(Default)]
pub(crate) struct ProcessRecord {
    /// Its living incarnation.
    pub incarnation: Option<IncarnationIndex>,
    /// Ports that it can't reach, one bit each.
    pub cut_off: u8,
    /// Its last scrape, from its first incarnation with instruments on.
    pub scrape: Option<Rc<dyn RecordedScrape>>,
}

impl std::fmt::Debug for ProcessRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProcessRecord")
            .field("incarnation", &self.incarnation)
            .finish_non_exhaustive()
    }
}

/// Exact samples of a histogram.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExactSamples {
    /// Samples in the order of their arrival, ns.
    pub nanos: Vec<u64>,
    /// Sum of the samples, ns.
    pub sum: u128,
}

impl ExactSamples {
    fn push(&mut self, nanos: u64) {
        self.nanos.push(nanos);
        self.sum += u128::from(nanos);
    }

    /// Sum of the samples, s.
    pub fn sum_seconds(&self) -> f64 {
        self.sum.nearest_f64() / NANOS_PER_SECOND.nearest_f64()
    }
}

/// Metrics that an incarnation must expose, by the commits that it acknowledged.
#[derive(Debug, Default)]
pub(crate) struct ExpectedMetrics {
    /// By [`CounterSeries::index`].
    pub counters: CounterTable,
    /// By [`HistogramSeries::index`].
    pub samples: [ExactSamples; HistogramSeries::COUNT],
    /// Active runs, by mode index.
    pub active: [i64; 2],
    /// Counters that changed since they were last compared, one bit each.
    pub dirty_counters: u128,
    /// Histograms that changed since, one bit each.
    pub dirty_histograms: u8,
    /// Whether the active runs changed since.
    pub dirty_active: bool,
    /// Counters and histograms that changed since the last scrape.
    pub unscraped: InstrumentSet,
    /// Rows of the backlog.
    pub backlog: KnownBacklog,
    /// Permits of the scanner.
    pub permits: PermitCounts,
}

/// Permits of an incarnation, which bound the number of late ones that it counts.
#[derive(Debug, Default)]
pub(crate) struct PermitCounts {
    /// Permits that it was granted.
    pub granted: u64,
    /// Requests that it sent with a late permit, by mode index. A pause or a wrong clock may make a
    /// permit late after it was taken; such requests are left out.
    pub late: [u64; 2],
}

impl ExpectedMetrics {
    /// Adds to a counter.
    pub fn count(&mut self, series: CounterSeries, amount: u64) {
        self.counters[series.index()] += amount;
        self.dirty_counters |= 1 << series.index();
        self.unscraped.counters |= 1 << series.index();
    }

    /// Adds a sample.
    pub fn sample(&mut self, series: HistogramSeries, nanos: u64) {
        self.samples[series.index()].push(nanos);
        self.dirty_histograms |= 1 << series.index();
        self.unscraped.histograms |= 1 << series.index();
    }

    /// Marks everything as compared.
    pub fn mark_compared(&mut self) {
        self.dirty_counters = 0;
        self.dirty_histograms = 0;
        self.dirty_active = false;
        self.backlog.due.clear();
    }

    /// Adds to the active runs.
    pub fn add_active(&mut self, mode: usize, change: i64) {
        self.active[mode] += change;
        self.dirty_active |= change != 0;
    }
}

/// One incarnation of a process.
pub(crate) struct IncarnationRecord {
    /// Its name.
    pub id: IncarnationId,
    /// Process that it is a lifetime of.
    pub process: ProcessIndex,
    /// Whether it has not ended yet.
    pub is_alive: bool,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When its last heartbeat was answered.
    pub heartbeat_at: Option<Timestamp>,
    /// Manner in which it ended.
    pub end: Option<IncarnationEnd>,
    /// Whether it is paused.
    pub is_paused: bool,
    /// Its instruments, from their attachment to its end.
    pub instruments: Option<InstrumentReaders>,
    /// Metrics that it must expose.
    pub expected: ExpectedMetrics,
    /// Whether it is on the list of incarnations to compare.
    pub is_dirty: bool,
    /// Its active-run count in the store, by mode index.
    pub balance: [i64; 2],
    /// Part of its active-run count that others have adopted in all, by mode index.
    pub surrendered: [i64; 2],
    /// Since when others have adopted a part that it does not know of.
    pub surrender_unknown_since: Option<Timestamp>,
    /// Part of `surrendered` that it knows of.
    pub surrender_learned: [i64; 2],
    /// When it was asked to stop.
    pub stopping_since: Option<Timestamp>,
    /// Number of messages that it holds, by queue.
    pub held: [u32; 2],
    /// When it last released or acknowledged one.
    pub held_until: Timestamp,
    /// Retry-After: earliest instant of its next scanner request, and when that was received.
    pub held_back: Option<(Timestamp, Timestamp)>,
    /// When the store last took too long to grant permits.
    pub permits_slow_at: Option<Timestamp>,
    /// Since when it could read the store without a break; none while it can't.
    pub reads_store_since: Option<Timestamp>,
    /// Since when it could find, at any instant, that the store can't be reached.
    pub store_lost_since: Option<Timestamp>,
}

impl IncarnationRecord {
    /// Values of its instruments; `None` if it has ended.
    pub fn read(&self, view: InstrumentSource) -> Option<&dyn InstrumentReader> {
        self.instruments.as_ref().map(|all| all.view(view))
    }

    /// Part of its active-run count that others have adopted without its knowledge.
    pub fn unknown_surrender(&self) -> i64 {
        (0..2)
            .map(|mode| (self.surrendered[mode] - self.surrender_learned[mode]).abs())
            .sum()
    }
}

impl std::fmt::Debug for IncarnationRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IncarnationRecord")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// All processes and incarnations.
#[derive(Debug, Default)]
pub(crate) struct IncarnationTable {
    pub processes: InternedTable<ProcessName, ProcessIndex, ProcessRecord>,
    pub incarnations: InternedTable<IncarnationId, IncarnationIndex, IncarnationRecord>,
    /// Living incarnations, in the order of their start.
    pub living: Vec<IncarnationIndex>,
    /// Ended incarnations whose active-run count is not adopted yet.
    pub orphaned: Vec<IncarnationIndex>,
    /// Incarnations that may not know how much of their active-run count others have adopted.
    pub unaware: Vec<IncarnationIndex>,
    /// Number of living incarnations with instruments.
    pub attached: usize,
    /// Incarnations with something to compare.
    pub dirty: Vec<IncarnationIndex>,
    /// Number of living incarnations that are paused.
    pub paused: u32,
    /// Processes that can't reach some port.
    pub cut_off: u32,
    /// Whether any instruments were ever attached.
    pub is_instrumented: bool,
}

impl std::ops::Index<IncarnationIndex> for IncarnationTable {
    type Output = IncarnationRecord;

    fn index(&self, index: IncarnationIndex) -> &IncarnationRecord {
        &self.incarnations[index]
    }
}

impl std::ops::IndexMut<IncarnationIndex> for IncarnationTable {
    fn index_mut(&mut self, index: IncarnationIndex) -> &mut IncarnationRecord {
        &mut self.incarnations[index]
    }
}

impl IncarnationTable {
    /// Number of an incarnation, if it is known.
    pub fn find(&self, id: &IncarnationId) -> Option<IncarnationIndex> {
        self.incarnations.find(id)
    }

    /// Number of an incarnation. One that was not announced counts as started now.
    pub fn number(&mut self, id: &IncarnationId, now: Timestamp) -> IncarnationIndex {
        if let Some(incarnation) = self.incarnations.find(id) {
            return incarnation;
        }
        let process = self.processes.number(&id.process, ProcessRecord::default);
        let reads_store = self.processes[process].cut_off & bit(PortName::Store) == 0;
        let incarnation = self.incarnations.number(id, || IncarnationRecord {
            id: id.clone(),
            process,
            is_alive: true,
            ended_at: None,
            heartbeat_at: None,
            end: None,
            is_paused: false,
            instruments: None,
            expected: ExpectedMetrics::default(),
            is_dirty: false,
            balance: [0; 2],
            surrendered: [0; 2],
            surrender_unknown_since: None,
            surrender_learned: [0; 2],
            stopping_since: None,
            held: [0; 2],
            held_until: now,
            held_back: None,
            permits_slow_at: None,
            reads_store_since: reads_store.then_some(now),
            store_lost_since: (!reads_store).then_some(now),
        });
        self.processes[process].incarnation = Some(incarnation);
        self.living.push(incarnation);
        incarnation
    }

    /// Records the end of an incarnation.
    pub fn end(&mut self, incarnation: IncarnationIndex, end: IncarnationEnd, now: Timestamp) {
        let record = &mut self.incarnations[incarnation];
        record.end = Some(end);
        record.is_alive = false;
        record.ended_at = Some(now);
        self.attached -= usize::from(record.instruments.take().is_some());
        if std::mem::take(&mut record.is_paused) {
            self.paused -= 1;
        }
        let process = record.process;
        if self.processes[process].incarnation == Some(incarnation) {
            self.processes[process].incarnation = None;
        }
        self.living.retain(|living| *living != incarnation);
        self.orphaned.push(incarnation);
    }

    /// Pauses or resumes an incarnation.
    pub fn pause(&mut self, incarnation: IncarnationIndex, is_paused: bool, now: Timestamp) {
        let record = &mut self.incarnations[incarnation];
        if !record.is_alive || record.is_paused == is_paused {
            return;
        }
        record.is_paused = is_paused;
        self.paused = if is_paused {
            self.paused + 1
        } else {
            self.paused - 1
        };
        self.note_store(incarnation, now);
    }

    /// Records a slow call: it breaks a time in which the store could be read.
    pub fn slow_call(&mut self, incarnation: IncarnationIndex, port: PortName, until: Timestamp) {
        let record = &mut self.incarnations[incarnation];
        if let (PortName::Store, Some(since)) = (port, &mut record.reads_store_since) {
            *since = until.max(*since);
        }
    }

    /// Records that a process lost a port, or has it again.
    pub fn reach(&mut self, process: &ProcessName, port: PortName, reaches: bool, now: Timestamp) {
        let process = self.processes.number(process, ProcessRecord::default);
        let record = &mut self.processes[process];
        let before = record.cut_off;
        if reaches {
            record.cut_off &= !bit(port);
        } else {
            record.cut_off |= bit(port);
        }
        match (before == 0, record.cut_off == 0) {
            (true, false) => self.cut_off += 1,
            (false, true) => self.cut_off -= 1,
            _ => {}
        }
        if let Some(incarnation) = record.incarnation {
            self.note_store(incarnation, now);
        }
    }

    /// Whether an incarnation can't reach a port.
    pub fn is_cut_off(&self, incarnation: IncarnationIndex, port: PortName) -> bool {
        self.processes[self.incarnations[incarnation].process].cut_off & bit(port) != 0
    }

    /// Records that others have adopted a part of the active-run count of an incarnation.
    pub fn surrender(&mut self, from: IncarnationIndex, mode: usize, amount: i64, now: Timestamp) {
        if amount != 0 {
            let record = &mut self.incarnations[from];
            record.surrendered[mode] += amount;
            record.surrender_unknown_since.get_or_insert(now);
            self.note_unaware(from);
        }
    }

    /// Records that an incarnation knows how much of its count others have adopted in all.
    pub fn learn_surrender(&mut self, incarnation: IncarnationIndex, surrendered: [i64; 2]) {
        let record = &mut self.incarnations[incarnation];
        for (mode, total) in surrendered.into_iter().enumerate() {
            let known = std::mem::replace(&mut record.surrender_learned[mode], total);
            record.expected.add_active(mode, known - total);
        }
        if record.surrender_learned == record.surrendered {
            record.surrender_unknown_since = None;
        } else {
            self.note_unaware(incarnation);
        }
    }

    fn note_unaware(&mut self, incarnation: IncarnationIndex) {
        if !self.unaware.contains(&incarnation) {
            self.unaware.push(incarnation);
        }
    }

    /// Whether the active-run count of an ended incarnation is not adopted yet.
    pub fn await_adoption(&self) -> bool {
        let mut orphaned = self.orphaned.iter();
        orphaned.any(|incarnation| self.incarnations[*incarnation].balance != [0; 2])
    }

    /// Forgets incarnations whose active-run count was adopted, and those that know how much others
    /// have adopted.
    pub fn drop_settled(&mut self) {
        let incarnations = &self.incarnations;
        self.orphaned
            .retain(|incarnation| incarnations[*incarnation].balance != [0; 2]);
        self.unaware.retain(|incarnation| {
            let record = &incarnations[*incarnation];
            record.is_alive && record.surrender_learned != record.surrendered
        });
    }

    /// Puts an incarnation on the list of those to compare.
    pub fn mark_dirty(&mut self, incarnation: IncarnationIndex) {
        if !std::mem::replace(&mut self.incarnations[incarnation].is_dirty, true) {
            self.dirty.push(incarnation);
        }
    }

    fn note_store(&mut self, incarnation: IncarnationIndex, now: Timestamp) {
        let is_cut_off = self.is_cut_off(incarnation, PortName::Store);
        let record = &mut self.incarnations[incarnation];
        let keep = |since: &mut Option<Timestamp>, holds: bool| {
            *since = holds.then(|| since.unwrap_or(now));
        };
        keep(
            &mut record.reads_store_since,
            !record.is_paused && !is_cut_off,
        );
        keep(
            &mut record.store_lost_since,
            !record.is_paused && is_cut_off,
        );
    }
}

const fn bit(port: PortName) -> u8 {
    1 << port as u8
}
