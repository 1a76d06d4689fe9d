//! Words of memory of which every thread has its own copy.
//!
//! ```text
//!              offset 0   1   2   3 ...
//!  thread 0  [        7 | 0 | 3 | 1 | ...   written by thread 0 alone
//!  thread 1  [        2 | 5 | 0 | 0 | ...   written by thread 1 alone
//!            ------------------------------
//!  a reader           9   5   3   1         adds up the copies
//! ```
//!
//! A thread is the only writer of its shard, so an increment is a load, an addition and a store,
//! all relaxed: about 1 ns, and no slower when other threads record into the same instrument,
//! because they write to other cache lines. A reader may miss what is being written while it
//! reads, but never loses it: the next reader sees it.

use std::ops::Range;
use std::sync::OnceLock;

use super::sync::{AtomicU64, Ordering};
use super::thread_index;

/// Threads whose shard is found by one index.
const NEAR: usize = 64;
/// Doublings beyond [`NEAR`]: room for 64 × 2^16 threads, which is as many as Linux can have.
const FAR: usize = 16;
/// Unused words at both ends of a shard, so that two threads' shards share no cache line
/// (and no pair of lines that is fetched together).
const MARGIN: usize = 16;

/// One thread's copy of a slab's words.
pub(crate) struct CellShard(Box<[AtomicU64]>);

impl CellShard {
    pub(crate) fn new(len: usize) -> Self {
        Self((0..len + 2 * MARGIN).map(|_| AtomicU64::new(0)).collect())
    }

    #[inline]
    pub(crate) fn word(&self, offset: u32) -> &AtomicU64 {
        &self.0[MARGIN + offset as usize]
    }

    #[inline]
    pub(crate) fn get(&self, offset: u32) -> u64 {
        self.word(offset).load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn words(&self, range: Range<u32>) -> &[AtomicU64] {
        &self.0[MARGIN + range.start as usize..MARGIN + range.end as usize]
    }
}

/// Some threads' shards, made when the first of them is wanted.
type ShardLevel = OnceLock<Box<[OnceLock<CellShard>]>>;

/// A number of words, with a shard for each thread that has written to one of them.
pub(crate) struct ShardedCells {
    len: usize,
    near: [OnceLock<CellShard>; NEAR],
    /// Which of `near` are there, so that a reader need not look at each.
    present: std::sync::atomic::AtomicU64,
    far: OnceLock<Box<[ShardLevel; FAR]>>,
}

impl ShardedCells {
    pub(crate) fn new(len: usize) -> Self {
        Self {
            len,
            near: [const { OnceLock::new() }; NEAR],
            present: std::sync::atomic::AtomicU64::new(0),
            far: OnceLock::new(),
        }
    }

    /// The calling thread's shard, if it has one and is one of the near threads. Otherwise
    /// [`with_mine`](Self::with_mine) helps.
    ///
    /// Two functions instead of one that takes a closure, because the closure's captures would
    /// have to live in memory for the unlikely case.
    #[inline]
    pub(crate) fn mine(&self) -> Option<&CellShard> {
        self.near
            .get(thread_index::current() as usize)
            .and_then(OnceLock::get)
    }

    /// Calls `work` with the calling thread's shard, making it if need be.
    pub(crate) fn with_mine(&self, work: impl FnOnce(&CellShard)) {
        thread_index::with(|slot| work(self.shard(slot as usize)));
    }

    /// The shard of a thread, made when it is wanted first.
    fn shard(&self, slot: usize) -> &CellShard {
        if slot < NEAR {
            return self.near[slot].get_or_init(|| {
                // Release: a reader that sees the bit sees the shard, or makes do without it.
                self.present
                    .fetch_or(1 << slot, std::sync::atomic::Ordering::Release);
                CellShard::new(self.len)
            });
        }
        // Level k holds the numbers from 64 · 2^k up to twice that.
        let level = (slot / NEAR).ilog2() as usize;
        let first = NEAR << level;
        let far = self
            .far
            .get_or_init(|| Box::new([const { OnceLock::new() }; FAR]));
        let shards = far[level].get_or_init(|| (0..first).map(|_| OnceLock::new()).collect());
        shards[slot - first].get_or_init(|| CellShard::new(self.len))
    }

    /// Shows every thread's shard.
    #[inline]
    pub(crate) fn for_each_shard<'s>(&'s self, mut visit: impl FnMut(&'s CellShard)) {
        let mut present = self.present.load(std::sync::atomic::Ordering::Acquire);
        while present != 0 {
            if let Some(shard) = self.near[present.trailing_zeros() as usize].get() {
                visit(shard);
            }
            present &= present - 1;
        }
        if let Some(levels) = self.far.get() {
            let shards = levels
                .iter()
                .filter_map(OnceLock::get)
                .flat_map(|shards| shards.iter());
            shards.filter_map(OnceLock::get).for_each(visit);
        }
    }

    /// Adds up one word of every thread.
    #[inline]
    pub(crate) fn total(&self, offset: u32, add: impl Fn(u64, u64) -> u64) -> u64 {
        let mut total = 0;
        self.for_each_shard(|shard| total = add(total, shard.get(offset)));
        total
    }

    /// The one shard there is, if no more than one thread ever wrote.
    pub(crate) fn only_shard(&self) -> Option<&CellShard> {
        let present = self.present.load(std::sync::atomic::Ordering::Acquire);
        let only = present.is_power_of_two() && self.far.get().is_none();
        only.then(|| self.near[present.trailing_zeros() as usize].get())?
    }

    /// Sets words to zero in every shard. Only for words that no thread writes any more.
    pub(crate) fn clear(&self, range: Range<u32>) {
        self.for_each_shard(|shard| {
            for word in shard.words(range.clone()) {
                word.store(0, Ordering::Relaxed);
            }
        });
    }
}
