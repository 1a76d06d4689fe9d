//! Histograms with fixed buckets.
//!
//! A cell is a row of words in each thread's copy:
//!
//! ```text
//! [ sequence | sum (f64 bits) | bucket 0 | bucket 1 | ... | bucket +Inf | classes, if exact ]
//! ```
//!
//! There is no word for the count: it is the sum of the buckets, so the two can't disagree. The
//! sequence is odd while its thread writes. A reader that finds it odd or changed reads again, so
//! the sum it returns belongs to exactly the samples in the buckets it returns.

use std::marker::PhantomData;
use std::sync::Arc;

use super::bounds::{BUCKETS_MAX, Bounds};
use super::cells::{CellOffset, SeriesVisibility};
use super::counter::CounterFamily;
use super::exact::{ExactQuantiles, QuantileGrid};
use super::label::{LabelSet, SampleFault};
use super::sharded_cells::ShardedCells;
use super::sync::{AtomicU64, Ordering, fence, pause};
use rehearsal_convert::{Index, Nearest, Saturating};

const SEQUENCE: usize = 0;
const SUM: usize = 1;
const BUCKETS: usize = 2;

/// Layout of the cells of one histogram instrument.
pub(crate) struct HistogramLayout {
    bounds: Bounds,
    /// The HDR recorder's classes, if exact quantiles were asked for.
    grid: Option<QuantileGrid>,
    /// Words of one cell without the classes, and with them.
    coarse_words: u32,
    words: u32,
    /// Samples that no cell took.
    refused: CounterFamily<SampleFault>,
}

impl HistogramLayout {
    pub(crate) fn new(
        bounds: Bounds,
        grid: Option<QuantileGrid>,
        refused: CounterFamily<SampleFault>,
    ) -> Self {
        let coarse_words = (BUCKETS + bounds.buckets()).index_u32();
        let words = coarse_words + grid.as_ref().map_or(0, QuantileGrid::len).index_u32();
        Self {
            bounds,
            grid,
            coarse_words,
            words,
            refused,
        }
    }

    /// Words of one cell.
    pub(crate) fn words(&self) -> usize {
        self.words as usize
    }

    /// Adds samples of one value to this thread's cell.
    #[inline]
    fn write(&self, cell: &[AtomicU64], value: f64, amount: f64, count: u64) {
        write(cell, BUCKETS + self.bounds.locate(value), amount, count);
        if let Some(grid) = &self.grid {
            let class = &cell[self.coarse_words as usize + grid.locate(value)];
            class.store(
                class.load(Ordering::Relaxed).saturating_add(count),
                Ordering::Relaxed,
            );
        }
    }

    /// Adds one sample to this thread's cell at `offset`.
    #[inline]
    fn record(&self, slab: &ShardedCells, offset: u32, value: f64) {
        // True for 0 and every positive finite number, and for nothing else: their bits are below
        // infinity's, and those of NaN and of everything with a sign are above.
        if value.to_bits() < f64::INFINITY.to_bits()
            && let Some(shard) = slab.mine()
        {
            let cell = shard.words(offset..offset + self.words);
            return self.write(cell, value, value, 1);
        }
        self.record_many(slab, offset, value, 1);
    }

    /// Adds many samples of one value; also the way for samples and threads out of the ordinary.
    #[cold]
    #[inline(never)]
    fn record_many(&self, slab: &ShardedCells, offset: u32, value: f64, count: u64) {
        let fault = match value {
            _ if value.is_nan() => SampleFault::NotANumber,
            _ if value.is_infinite() => SampleFault::Infinite,
            _ if value < 0.0 => SampleFault::Negative,
            _ => {
                // Makes 0 of −0.
                let value = value.abs();
                let end = offset + self.words;
                return slab.with_mine(|shard| {
                    self.write(
                        shard.words(offset..end),
                        value,
                        value * count.nearest_f64(),
                        count,
                    );
                });
            }
        };
        self.refused.add(fault, count);
    }
}

/// Adds samples of one bucket to this thread's cell.
#[inline]
pub(crate) fn write(cell: &[AtomicU64], bucket: usize, amount: f64, count: u64) {
    let sequence = cell[SEQUENCE].load(Ordering::Relaxed);
    cell[SEQUENCE].store(sequence.wrapping_add(1), Ordering::Relaxed);
    // Pairs with the acquire fence of `read_cell`: who sees one of the stores below also sees the
    // odd sequence, or a later one.
    fence(Ordering::Release);
    let seen = cell[bucket].load(Ordering::Relaxed);
    cell[bucket].store(seen.saturating_add(count), Ordering::Relaxed);
    let sum = f64::from_bits(cell[SUM].load(Ordering::Relaxed));
    cell[SUM].store((sum + amount).to_bits(), Ordering::Relaxed);
    cell[SEQUENCE].store(sequence.wrapping_add(2), Ordering::Release);
}

/// Adds one thread's cell to a reading, untorn.
pub(crate) fn read_cell(cell: &[AtomicU64], reading: &mut HistogramReading) {
    let mut copy = [0; BUCKETS_MAX];
    for attempt in 0_u32.. {
        let before = cell[SEQUENCE].load(Ordering::Acquire);
        if before.is_multiple_of(2) {
            let sum = cell[SUM].load(Ordering::Relaxed);
            for (to, from) in copy.iter_mut().zip(&cell[BUCKETS..]) {
                *to = from.load(Ordering::Relaxed);
            }
            fence(Ordering::Acquire);
            if cell[SEQUENCE].load(Ordering::Relaxed) == before {
                return reading.add(f64::from_bits(sum), &copy);
            }
        }
        pause(attempt);
    }
}

/// A distribution of values, counted in fixed buckets.
///
/// [`record`](Self::record) costs a few ns, takes no lock and allocates nothing (after a thread's
/// first record). NaN, infinities and negative values are refused: they change nothing here, and
/// are counted in [`SAMPLES_REFUSED`](super::registry_metrics::SAMPLES_REFUSED) by reason. So a sum
/// is never NaN; at the top, as counts do, it stays: at [`f64::MAX`] and [`u64::MAX`].
///
/// Ordering: as for [`Counter`](super::Counter). A reader never waits for another reader; it
/// repeats while a recording thread stands between the two ends of one record.
///
/// ```
/// use rehearsal_metrics::{Bounds, Family, Labels, Precision, Registry, Unit};
///
/// let registry = Registry::new();
/// let latency = Family::histogram("latency_seconds", Bounds::new(&[0.1, 1.0, 10.0])?)
///     .unit(Unit::Seconds)
///     .exact(Precision { unit: 0.001, max: 3600.0, digits: 2 });
/// let latency = registry.histogram(&latency, Labels::none())?;
/// latency.record(0.25);
/// latency.record_many(20.0, 3);
/// latency.record(f64::NAN); // refused and counted
/// let reading = latency.read();
/// assert_eq!((reading.count(), reading.sum()), (4, 60.25));
/// assert_eq!(reading.counts(), [0, 1, 0, 3]);
/// let quantiles = latency.quantiles().expect("asked for");
/// assert_eq!(quantiles.at(0.25), Some(0.25));
/// # Ok::<(), rehearsal_metrics::RegisterError>(())
/// ```
#[derive(Clone)]
pub struct Histogram {
    place: CellOffset,
    shape: Arc<HistogramLayout>,
    life: Option<Arc<SeriesVisibility>>,
}

impl Histogram {
    pub(crate) fn new(
        place: CellOffset,
        shape: Arc<HistogramLayout>,
        life: Option<Arc<SeriesVisibility>>,
    ) -> Self {
        Self { place, shape, life }
    }

    /// Records one sample.
    #[inline]
    pub fn record(&self, value: f64) {
        self.show_if_hidden();
        self.shape
            .record(&self.place.slab, self.place.offset, value);
    }

    /// Records `count` samples of the same value, at the cost of about one.
    pub fn record_many(&self, value: f64, count: u64) {
        self.show_if_hidden();
        self.shape
            .record_many(&self.place.slab, self.place.offset, value, count);
    }

    #[inline]
    fn show_if_hidden(&self) {
        if let Some(life) = &self.life
            && life.is_hidden()
        {
            life.show();
        }
    }

    /// Returns the samples of all threads.
    pub fn read(&self) -> HistogramReading {
        let mut reading = HistogramReading::new(self.shape.bounds.buckets());
        let end = self.place.offset + self.shape.coarse_words;
        self.place.slab.for_each_shard(|shard| {
            read_cell(shard.words(self.place.offset..end), &mut reading);
        });
        reading
    }

    /// The exact distribution, if the instrument was registered with a
    /// [`Precision`](super::Precision). What is recorded meanwhile may be in it or not.
    pub fn quantiles(&self) -> Option<ExactQuantiles> {
        let grid = self.shape.grid.as_ref()?;
        let first = self.place.offset + self.shape.coarse_words;
        let classes = first..first + grid.len().index_u32();
        let total = |class| self.place.slab.total(class, u64::saturating_add);
        Some(grid.quantiles(classes.map(total)))
    }

    /// The bucket bounds.
    pub fn bounds(&self) -> &[f64] {
        self.shape.bounds.as_slice()
    }

    /// Where the sequence is, which changes with every record.
    pub(crate) fn place(&self) -> &CellOffset {
        &self.place
    }

    pub(crate) fn life(&self) -> Option<&Arc<SeriesVisibility>> {
        self.life.as_ref()
    }
}

/// A histogram for each combination of static labels.
///
/// ```
/// use rehearsal_metrics::{Definition, HistogramFamily, Registry, static_label};
///
/// static_label! {
///     /// HTTP method of a request.
///     pub enum Method: "method" { Get = "GET", Post = "POST" }
/// }
/// const DURATION: Definition =
///     Definition::histogram("duration_seconds", &[1.0, 60.0, 3600.0], "Duration of requests.")
///         .seconds()
///         .labelled::<Method>();
/// let durations: HistogramFamily<Method> = Registry::new().histograms(&DURATION)?;
/// durations.record(Method::Get, 59.0);
/// assert_eq!(durations.read(Method::Get).quantile_bucket(0.5), Some(1));
/// # Ok::<(), rehearsal_metrics::RegisterError>(())
/// ```
#[derive(Clone)]
pub struct HistogramFamily<L> {
    first: CellOffset,
    shape: Arc<HistogramLayout>,
    labels: PhantomData<L>,
}

impl<L: LabelSet> HistogramFamily<L> {
    pub(crate) fn new(first: CellOffset, shape: Arc<HistogramLayout>) -> Self {
        Self {
            first,
            shape,
            labels: PhantomData,
        }
    }

    /// Records one sample into the histogram of these labels.
    #[inline]
    pub fn record(&self, labels: L, value: f64) {
        let offset = self.first.offset + labels.index().index_u32() * self.shape.words;
        self.shape.record(&self.first.slab, offset, value);
    }

    /// The histogram of these labels, to keep.
    pub fn with(&self, labels: L) -> Histogram {
        let place = self.first.nth(labels.index(), self.shape.words());
        Histogram::new(place, Arc::clone(&self.shape), None)
    }

    /// Returns the samples of all threads for these labels.
    pub fn read(&self, labels: L) -> HistogramReading {
        self.with(labels).read()
    }

    /// The bucket bounds.
    pub fn bounds(&self) -> &[f64] {
        self.shape.bounds.as_slice()
    }
}

/// A histogram at one moment. Lives on the stack: reading allocates nothing.
///
/// Readings of the same bounds can be added up, in any order, as those of several processes are:
///
/// ```
/// use rehearsal_metrics::{Bounds, Family, Labels, Registry};
///
/// let family = Family::histogram("size_bytes", Bounds::new(&[1e3, 1e6])?);
/// let reading = |value| {
///     let histogram = Registry::new().histogram(&family, Labels::none())?;
///     histogram.record(value);
///     Ok::<_, rehearsal_metrics::RegisterError>(histogram.read())
/// };
/// let mut all = reading(500.0)?;
/// assert!(all.merge(&reading(2e6)?));
/// assert_eq!(all.cumulative().collect::<Vec<_>>(), [1, 1, 2]);
/// # Ok::<(), rehearsal_metrics::RegisterError>(())
/// ```
#[derive(Clone, Copy)]
pub struct HistogramReading {
    sum: f64,
    buckets: usize,
    counts: [u64; BUCKETS_MAX],
}

impl HistogramReading {
    pub(crate) fn new(buckets: usize) -> Self {
        Self {
            sum: 0.0,
            buckets,
            counts: [0; BUCKETS_MAX],
        }
    }

    fn add(&mut self, sum: f64, counts: &[u64; BUCKETS_MAX]) {
        // A cell's sum may have become infinite. There are no negative ones, so it can't be NaN.
        self.sum = (self.sum + sum).min(f64::MAX);
        for (total, count) in self.counts[..self.buckets].iter_mut().zip(counts) {
            *total = total.saturating_add(*count);
        }
    }

    /// Samples in each bucket, the last being the one above all bounds. Not cumulative.
    pub fn counts(&self) -> &[u64] {
        &self.counts[..self.buckets]
    }

    /// Samples in each bucket and all those below it, as the exposition has them.
    pub fn cumulative(&self) -> impl ExactSizeIterator<Item = u64> {
        let mut below = 0_u64;
        self.counts().iter().map(move |count| {
            below = below.saturating_add(*count);
            below
        })
    }

    /// Samples in all buckets.
    pub fn count(&self) -> u64 {
        self.cumulative().last().unwrap_or_default()
    }

    /// The bucket in which the sample of rank ⌈quantile · count⌉ is, ranks from 1; `None` without
    /// samples. `quantile` above 0, up to 1.
    pub fn quantile_bucket(&self, quantile: f64) -> Option<usize> {
        let rank = (quantile * self.count().nearest_f64())
            .ceil()
            .max(1.0)
            .saturating_u64();
        self.cumulative().position(|below| below >= rank)
    }

    /// Adds another reading of a histogram with the same bounds; says whether it has as many
    /// buckets, and changes nothing if not.
    #[must_use]
    pub fn merge(&mut self, other: &Self) -> bool {
        if self.buckets != other.buckets {
            return false;
        }
        self.add(other.sum, &other.counts);
        true
    }

    /// The sum of the samples, in the instrument's unit.
    pub fn sum(&self) -> f64 {
        self.sum
    }
}

impl std::fmt::Debug for HistogramReading {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("HistogramReading");
        shown
            .field("counts", &self.counts())
            .field("sum", &self.sum)
            .finish_non_exhaustive()
    }
}

impl PartialEq for HistogramReading {
    fn eq(&self, other: &Self) -> bool {
        self.sum.to_bits() == other.sum.to_bits() && self.counts() == other.counts()
    }
}
