//! Counters (u64, only up) and up/down counters (i64).

use std::marker::PhantomData;
use std::sync::{Arc, PoisonError};

use super::cells::{CellOffset, SeriesVisibility};
use super::label::LabelSet;
use super::sharded_cells::ShardedCells;
use super::sync::{AtomicU64, Ordering};
use rehearsal_convert::Index;

/// A number that only grows.
///
/// [`add`](Self::add) costs about 1 ns, takes no lock, allocates nothing (after a thread's first
/// record) and is never lost. Each thread's part stays at [`u64::MAX`] when it would pass it, and
/// so does the total: a counter may stop, it never falls.
///
/// Ordering: additions are relaxed. A reader that learned of an addition through some other
/// synchronisation (a channel, a lock, a join) sees it.
///
/// ```
/// use rehearsal_metrics::{Family, Labels, Registry};
///
/// let registry = Registry::new();
/// let labels = Labels::new("reports_total", [("region".into(), "eu".into())])?;
/// let reports = registry.counter(&Family::counter("reports_total"), labels)?;
/// std::thread::scope(|scope| {
///     scope.spawn(|| reports.add(2));
///     reports.increment();
/// });
/// assert_eq!(reports.get(), 3);
/// # Ok::<(), rehearsal_metrics::RegisterError>(())
/// ```
#[derive(Clone)]
pub struct Counter {
    place: CellOffset,
    life: Option<Arc<SeriesVisibility>>,
}

impl Counter {
    pub(crate) fn new(place: CellOffset, life: Option<Arc<SeriesVisibility>>) -> Self {
        Self { place, life }
    }

    /// Adds `count`.
    #[inline]
    pub fn add(&self, count: u64) {
        if let Some(life) = &self.life
            && life.is_hidden()
        {
            life.show();
        }
        add(&self.place.slab, self.place.offset, count, raise);
    }

    /// Adds one.
    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    /// Raises the total to `count` if it is lower: for copying a counter kept elsewhere.
    ///
    /// Unlike every other recording method this one takes a lock, because it has to read first.
    pub fn absolute(&self, count: u64) {
        let life = self.life.as_deref();
        let _alone = life.map(|l| l.absolute.lock().unwrap_or_else(PoisonError::into_inner));
        self.add(count.saturating_sub(self.get()));
    }

    /// The total over all threads.
    pub fn get(&self) -> u64 {
        self.place
            .slab
            .total(self.place.offset, u64::saturating_add)
    }

    pub(crate) fn place(&self) -> &CellOffset {
        &self.place
    }

    pub(crate) fn life(&self) -> Option<&Arc<SeriesVisibility>> {
        self.life.as_ref()
    }
}

/// A number that goes up and down, kept as an integer: +1 and −1 cancel exactly.
///
/// The total is exact as long as it fits an i64, whatever the order and the threads: parts wrap,
/// and wrapping sums are associative. Cost and ordering are those of [`Counter`].
///
/// ```
/// use rehearsal_metrics::{Family, Labels, Registry};
///
/// let registry = Registry::new();
/// let active = registry.up_down(&Family::up_down("requests_active"), Labels::none())?;
/// active.add(1);
/// active.add(-3);
/// assert_eq!(active.get(), -2);
/// # Ok::<(), rehearsal_metrics::RegisterError>(())
/// ```
#[derive(Clone)]
pub struct UpDownCounter {
    place: CellOffset,
    life: Option<Arc<SeriesVisibility>>,
}

impl UpDownCounter {
    pub(crate) fn new(place: CellOffset, life: Option<Arc<SeriesVisibility>>) -> Self {
        Self { place, life }
    }

    /// Adds `count`, which may be negative.
    #[inline]
    pub fn add(&self, count: i64) {
        if let Some(life) = &self.life
            && life.is_hidden()
        {
            life.show();
        }
        add(
            &self.place.slab,
            self.place.offset,
            count.cast_unsigned(),
            shift,
        );
    }

    /// The total over all threads.
    pub fn get(&self) -> i64 {
        self.place
            .slab
            .total(self.place.offset, u64::wrapping_add)
            .cast_signed()
    }

    pub(crate) fn place(&self) -> &CellOffset {
        &self.place
    }

    pub(crate) fn life(&self) -> Option<&Arc<SeriesVisibility>> {
        self.life.as_ref()
    }
}

/// A counter for each combination of static labels. A labelled record is an index.
///
/// ```
/// use rehearsal_metrics::{CounterFamily, Definition, Registry, static_label};
///
/// static_label! {
///     /// HTTP method of a request.
///     pub enum Method: "method" { Get = "GET", Post = "POST" }
/// }
/// static_label! {
///     /// Class of the status code of a response.
///     pub enum Status: "status" { Success = "2xx", ServerError = "5xx" }
/// }
/// const REQUESTS: Definition =
///     Definition::counter("requests_total", "Requests handled.").labelled::<(Method, Status)>();
/// let registry = Registry::new();
/// let requests: CounterFamily<(Method, Status)> = registry.counters(&REQUESTS)?;
/// requests.add((Method::Get, Status::Success), 5);
/// // Where the labels are known beforehand, the handle can be kept.
/// let failed_posts = requests.with((Method::Post, Status::ServerError));
/// failed_posts.increment();
/// assert_eq!(requests.get((Method::Post, Status::ServerError)), 1);
/// # Ok::<(), rehearsal_metrics::RegisterError>(())
/// ```
#[derive(Clone)]
pub struct CounterFamily<L> {
    first: CellOffset,
    labels: PhantomData<L>,
}

impl<L: LabelSet> CounterFamily<L> {
    pub(crate) fn new(first: CellOffset) -> Self {
        Self {
            first,
            labels: PhantomData,
        }
    }

    /// Adds `count` to the counter of these labels.
    #[inline]
    pub fn add(&self, labels: L, count: u64) {
        add(
            &self.first.slab,
            self.first.offset + labels.index().index_u32(),
            count,
            raise,
        );
    }

    /// Adds one to the counter of these labels.
    #[inline]
    pub fn increment(&self, labels: L) {
        self.add(labels, 1);
    }

    /// The counter of these labels, to keep.
    pub fn with(&self, labels: L) -> Counter {
        Counter::new(self.first.nth(labels.index(), 1), None)
    }

    /// The total over all threads.
    pub fn get(&self, labels: L) -> u64 {
        let offset = self.first.offset + labels.index().index_u32();
        self.first.slab.total(offset, u64::saturating_add)
    }
}

/// An up/down counter for each combination of static labels.
///
/// ```
/// use rehearsal_metrics::{Definition, Registry, UpDownCounterFamily, static_label};
///
/// static_label! {
///     /// HTTP method of a request.
///     pub enum Method: "method" { Get = "GET", Post = "POST" }
/// }
/// const ACTIVE: Definition =
///     Definition::up_down("requests_active", "Requests in flight.").labelled::<Method>();
/// let active: UpDownCounterFamily<Method> = Registry::new().up_downs(&ACTIVE)?;
/// active.add(Method::Get, 2);
/// active.add(Method::Get, -1);
/// assert_eq!(active.get(Method::Get), 1);
/// # Ok::<(), rehearsal_metrics::RegisterError>(())
/// ```
#[derive(Clone)]
pub struct UpDownCounterFamily<L> {
    first: CellOffset,
    labels: PhantomData<L>,
}

impl<L: LabelSet> UpDownCounterFamily<L> {
    pub(crate) fn new(first: CellOffset) -> Self {
        Self {
            first,
            labels: PhantomData,
        }
    }

    /// Adds `count`, which may be negative, to the counter of these labels.
    #[inline]
    pub fn add(&self, labels: L, count: i64) {
        add(
            &self.first.slab,
            self.first.offset + labels.index().index_u32(),
            count.cast_unsigned(),
            shift,
        );
    }

    /// The counter of these labels, to keep.
    pub fn with(&self, labels: L) -> UpDownCounter {
        UpDownCounter::new(self.first.nth(labels.index(), 1), None)
    }

    /// The total over all threads.
    pub fn get(&self, labels: L) -> i64 {
        self.with(labels).get()
    }
}

/// Adds to this thread's word.
#[inline]
fn add(slab: &ShardedCells, offset: u32, count: u64, move_word: fn(&AtomicU64, u64)) {
    match slab.mine() {
        Some(shard) => move_word(shard.word(offset), count),
        None => add_first(slab, offset, count, move_word),
    }
}

#[cold]
#[inline(never)]
fn add_first(slab: &ShardedCells, offset: u32, count: u64, move_word: fn(&AtomicU64, u64)) {
    slab.with_mine(|shard| move_word(shard.word(offset), count));
}

/// Adds to a counter's word.
///
/// Not a read-modify-write: the calling thread is the word's only writer. That the top is reached
/// is a branch which is never taken; a conditional move would stand between load and store, and
/// how soon the next load gets what was stored is all that limits the rate.
#[inline]
pub(crate) fn raise(word: &AtomicU64, count: u64) {
    match word.load(Ordering::Relaxed).checked_add(count) {
        Some(sum) => word.store(sum, Ordering::Relaxed),
        None => stop(word),
    }
}

#[cold]
#[inline(never)]
fn stop(word: &AtomicU64) {
    word.store(u64::MAX, Ordering::Relaxed);
}

/// Adds to an up/down counter's word, of which too the calling thread is the only writer.
#[inline]
fn shift(word: &AtomicU64, count: u64) {
    let sum = word.load(Ordering::Relaxed).wrapping_add(count);
    word.store(sum, Ordering::Relaxed);
}
