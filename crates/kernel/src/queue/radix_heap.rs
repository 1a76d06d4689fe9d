//! Radix heap for the far future (Ahuja, Mehlhorn, Orlin and Tarjan, 1990).
//!
//! A time is eleven digits of six bits. An entry is in the bucket `(level, digit)` where `level` is
//! the highest digit in which its time differs from the *reference*, a time that no entry is
//! before. So all of a bucket comes before all of the next, and a bucket of level `n` spans 64^n
//! nanoseconds:
//!
//! ```text
//!   reference  ... 5 17  3
//!   time       ... 5 17  9   -> level 0, digit 9      an instant
//!   time       ... 5 20 44   -> level 1, digit 20     64 ns
//!   time       ... 8  0  1   -> level 2, digit 8      4 us
//! ```
//!
//! A bucket is a list of chunks from a pool, so that an entry is written and read in sequence and
//! nothing is allocated once the pool has grown.

use rehearsal_convert::Index;

const DIGIT_BITS: u32 = 6;
const DIGITS: usize = 1 << DIGIT_BITS;
const LEVELS: usize = 64_usize.div_ceil(DIGIT_BITS as usize);
/// Entries of a chunk. With the two numbers behind them a chunk is four cache lines.
const CHUNK_ENTRIES: usize = 15;
const NONE: u32 = u32::MAX;

#[derive(Clone)]
struct Chunk {
    entries: [u128; CHUNK_ENTRIES],
    used: u32,
    next: u32,
}

#[derive(Clone, Copy)]
struct RadixBucket {
    first: u32,
    last: u32,
    entries: u32,
}

const EMPTY: RadixBucket = RadixBucket {
    first: NONE,
    last: NONE,
    entries: 0,
};

pub(super) struct RadixHeap {
    reference_ns: u64,
    len: usize,
    /// One bit for each bucket, set unless the bucket is empty.
    occupied: [u64; LEVELS],
    buckets: Box<[[RadixBucket; DIGITS]; LEVELS]>,
    chunks: Vec<Chunk>,
    free: u32,
}

impl RadixHeap {
    pub(super) fn new() -> Self {
        Self {
            reference_ns: 0,
            len: 0,
            occupied: [0; LEVELS],
            buckets: Box::new([[EMPTY; DIGITS]; LEVELS]),
            chunks: Vec::new(),
            free: NONE,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds an entry whose time is not before the reference. *O*(1).
    #[inline]
    pub(super) fn push(&mut self, entry: u128) {
        let at_ns = (entry >> 64) as u64;
        debug_assert!(at_ns >= self.reference_ns, "an entry before the reference");
        let level = level_of(at_ns ^ self.reference_ns);
        let digit = digit_of(at_ns, level);
        self.occupied[level] |= 1 << digit;
        self.len += 1;
        let mut first = self.buckets[level][digit].first;
        if first == NONE || self.chunks[first as usize].used as usize == CHUNK_ENTRIES {
            first = self.add_chunk(level, digit);
        }
        self.buckets[level][digit].entries += 1;
        let chunk = &mut self.chunks[first as usize];
        chunk.entries[chunk.used as usize] = entry;
        chunk.used += 1;
    }

    /// Puts an empty chunk at the head of a bucket.
    fn add_chunk(&mut self, level: usize, digit: usize) -> u32 {
        let bucket = &mut self.buckets[level][digit];
        let chunk = if self.free == NONE {
            let chunk = Chunk {
                entries: [0; CHUNK_ENTRIES],
                used: 0,
                next: bucket.first,
            };
            self.chunks.push(chunk);
            self.chunks.len().index_u32() - 1
        } else {
            let free = self.free;
            let chunk = &mut self.chunks[free as usize];
            self.free = chunk.next;
            chunk.used = 0;
            chunk.next = bucket.first;
            free
        };
        if bucket.first == NONE {
            bucket.last = chunk;
        }
        bucket.first = chunk;
        chunk
    }

    /// Returns the earliest non-empty bucket.
    fn first_bucket(&self) -> Option<(usize, usize)> {
        let level = self.occupied.iter().position(|&digits| digits != 0)?;
        Some((level, self.occupied[level].trailing_zeros() as usize))
    }

    /// Moves the earliest entries into the empty `sink`, unordered: whole buckets, with about as
    /// many entries as wanted, and more only for one instant. Returns the last instant that they
    /// span. Amortised *O*(1) per entry, because an entry changes its bucket at most once per
    /// level.
    pub(super) fn take_first(&mut self, wanted: usize, sink: &mut Vec<u128>) -> Option<u64> {
        let mut last_ns = None;
        while let Some((level, digit)) = self.first_bucket() {
            let fits = sink.len() + self.buckets[level][digit].entries as usize <= wanted;
            if !fits && last_ns.is_some() {
                break;
            }
            let start_ns = start_of(self.reference_ns, level, digit);
            let bucket = self.take_bucket(level, digit);
            self.reference_ns = start_ns;
            if fits || level == 0 {
                self.each_entry(bucket, |_, entry| sink.push(entry));
                last_ns = Some(start_ns | span_of(level));
            } else {
                self.each_entry(bucket, Self::push);
            }
        }
        last_ns
    }

    fn take_bucket(&mut self, level: usize, digit: usize) -> RadixBucket {
        self.occupied[level] &= !(1 << digit);
        let bucket = std::mem::replace(&mut self.buckets[level][digit], EMPTY);
        self.len -= bucket.entries as usize;
        bucket
    }

    /// Visits the entries of a removed bucket, and returns its chunks to the pool.
    fn each_entry(&mut self, bucket: RadixBucket, mut visit: impl FnMut(&mut Self, u128)) {
        let mut index = bucket.first;
        while index != NONE {
            let Chunk {
                entries,
                used,
                next,
            } = self.chunks[index as usize].clone();
            self.chunks[index as usize].next = self.free;
            self.free = index;
            for &entry in &entries[..used as usize] {
                visit(self, entry);
            }
            index = next;
        }
    }

    /// Moves the reference to `reference_ns`. No entry lies before that time. *O*(buckets),
    /// whatever they hold.
    pub(super) fn set_reference(&mut self, reference_ns: u64) {
        let old_ns = std::mem::replace(&mut self.reference_ns, reference_ns);
        if reference_ns >= old_ns || self.is_empty() {
            return;
        }
        // Entries of lower levels have the old reference's digit here, and the new one has not: so
        // to the new one this is the highest digit in which they differ.
        let level = level_of(reference_ns ^ old_ns);
        let digit = digit_of(old_ns, level);
        for lower in 0..level {
            while self.occupied[lower] != 0 {
                let bucket =
                    self.take_bucket(lower, self.occupied[lower].trailing_zeros() as usize);
                self.append(bucket, level, digit);
            }
        }
    }

    /// Appends a removed bucket to another.
    fn append(&mut self, taken: RadixBucket, level: usize, digit: usize) {
        self.occupied[level] |= 1 << digit;
        self.len += taken.entries as usize;
        let bucket = &mut self.buckets[level][digit];
        if bucket.first == NONE {
            *bucket = taken;
        } else {
            self.chunks[bucket.last as usize].next = taken.first;
            bucket.last = taken.last;
            bucket.entries += taken.entries;
        }
    }

    /// Keeps the entries for which `keep` returns true. *O*(n).
    pub(super) fn retain(&mut self, keep: impl Fn(u128) -> bool) {
        for level in 0..LEVELS {
            let mut digits = self.occupied[level];
            while digits != 0 {
                let digit = digits.trailing_zeros() as usize;
                digits &= digits - 1;
                let bucket = self.take_bucket(level, digit);
                self.each_entry(bucket, |radix, entry| {
                    if keep(entry) {
                        radix.push(entry);
                    }
                });
            }
        }
    }
}

/// Returns the index of the highest non-zero digit.
#[inline]
fn level_of(difference: u64) -> usize {
    (63 - (difference | 1).leading_zeros() as usize) / DIGIT_BITS as usize
}

#[inline]
fn digit_of(at_ns: u64, level: usize) -> usize {
    (at_ns >> (level * DIGIT_BITS as usize)).to_index() % DIGITS
}

/// Returns the span of a bucket less one, ns: the digits below its own.
fn span_of(level: usize) -> u64 {
    (1 << (level * DIGIT_BITS as usize)) - 1
}

/// Returns the start of a bucket, ns: the reference's digits above its own, its own, and zeros.
fn start_of(reference_ns: u64, level: usize, digit: usize) -> u64 {
    let shift = level * DIGIT_BITS as usize;
    let above = reference_ns & !span_of(level) & !((DIGITS as u64 - 1) << shift);
    above | (digit as u64) << shift
}
