//! Trace of a run: a rolling hash over every event, and readable lines on demand.
//!
//! ```text
//!  event -> cell of 16 bytes -> block of 256 cells -> xxh3(block, seed = hash so far) -> ...
//!                                                  \-> TraceBlock { hash, events }, if recorded
//! ```
//!
//! Two runs are equal if their hashes are. If not, their blocks show between which events they
//! diverged. A second pass with a readable trace of that window names the event: see
//! [`divergence`](super::divergence).

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64_with_seed;

const CELL_BYTES: usize = 16;
const BLOCK_BYTES: usize = 4096;

/// Kind of a cell. Its number is part of the hash and never changes.
#[derive(Clone, Copy, Debug)]
pub(super) enum TraceEventKind {
    Poll = 1,
    Post = 2,
    ForeignWake = 3,
    Record = 4,
    Spawn = 5,
    End = 6,
    Process = 7,
    Kill = 8,
    Pause = 9,
    Resume = 10,
}

/// Block of 256 cells of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceBlock {
    /// Hash of the trace up to the end of the block.
    pub hash: u64,
    /// Number of events dispatched by the end of the block.
    pub events: u64,
}

/// Line of the readable trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceLine {
    /// Number of the event during which the line was written, from 1; 0 before the first event.
    pub event: u64,
    /// Virtual time in nanoseconds since the Unix epoch.
    pub at_ns: u64,
    /// Description of the event.
    pub what: String,
}

/// Parts of the trace that are kept beside its hash.
#[derive(Clone, Debug)]
pub struct TraceOptions {
    /// Keeps the list of blocks: 16 bytes for each 256 events.
    pub record_blocks: bool,
    /// Window of events with a readable trace.
    pub window: Option<Range<u64>>,
    /// Maximum number of readable lines; later ones are left out.
    pub lines_max: usize,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self {
            record_blocks: false,
            window: None,
            lines_max: 1_000_000,
        }
    }
}

pub(super) struct Trace {
    buffer: Box<[u8; BLOCK_BYTES]>,
    used: usize,
    hash: u64,
    options: TraceOptions,
    blocks: Vec<TraceBlock>,
    lines: Vec<TraceLine>,
}

impl Trace {
    pub(super) fn new(options: TraceOptions) -> Self {
        Self {
            buffer: Box::new([0; BLOCK_BYTES]),
            used: 0,
            hash: 0,
            options,
            blocks: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Adds one cell to the hash. Only the low 56 bits of `value` count.
    #[inline]
    pub(super) fn fold(&mut self, events: u64, at_ns: u64, kind: TraceEventKind, value: u64) {
        self.fold_cell(
            events,
            at_ns,
            (kind as u64) << 56 | (value & ((1 << 56) - 1)),
        );
    }

    /// Adds a record of the simulated world: two cells.
    pub(super) fn fold_record(&mut self, events: u64, at_ns: u64, kind: u16, a: u64, b: u64) {
        self.fold(events, at_ns, TraceEventKind::Record, u64::from(kind));
        self.fold_cell(events, a, b);
    }

    #[inline]
    fn fold_cell(&mut self, events: u64, first: u64, second: u64) {
        debug_assert!(self.used < BLOCK_BYTES, "a full block is closed at once");
        let cell = &mut self.buffer[self.used..self.used + CELL_BYTES];
        cell[..8].copy_from_slice(&first.to_le_bytes());
        cell[8..].copy_from_slice(&second.to_le_bytes());
        self.used += CELL_BYTES;
        if self.used == BLOCK_BYTES {
            self.close_block(events);
        }
    }

    #[cold]
    fn close_block(&mut self, events: u64) {
        self.hash = xxh3_64_with_seed(&self.buffer[..], self.hash);
        self.used = 0;
        if self.options.record_blocks {
            self.blocks.push(TraceBlock {
                hash: self.hash,
                events,
            });
        }
    }

    /// Returns the hash of all cells so far.
    pub(super) fn hash(&self) -> u64 {
        xxh3_64_with_seed(&self.buffer[..self.used], self.hash)
    }

    /// Returns the recorded blocks; the last one may be partial.
    pub(super) fn blocks(&self, events: u64) -> Vec<TraceBlock> {
        let mut blocks = self.blocks.clone();
        if self.options.record_blocks && self.used > 0 {
            blocks.push(TraceBlock {
                hash: self.hash(),
                events,
            });
        }
        blocks
    }

    /// Appends a line to the readable trace, unless the limit is reached.
    pub(super) fn write(&mut self, line: TraceLine) {
        if self.lines.len() < self.options.lines_max {
            self.lines.push(line);
        }
    }

    pub(super) fn take_lines(&mut self) -> Vec<TraceLine> {
        std::mem::take(&mut self.lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(cells: u64) -> Trace {
        let options = TraceOptions {
            record_blocks: true,
            lines_max: 2,
            ..TraceOptions::default()
        };
        let mut trace = Trace::new(options);
        (1..=cells).for_each(|event| trace.fold(event, event * 10, TraceEventKind::Poll, event));
        trace
    }

    #[test]
    fn trace_block_closes_when_full_or_at_end() {
        assert_eq!(trace(0).blocks(0), []);
        assert_eq!(trace(256).blocks(256).len(), 1);
        let blocks = trace(600).blocks(600);
        let events: Vec<u64> = blocks.iter().map(|block| block.events).collect();
        assert_eq!(events, [256, 512, 600]);
        assert_eq!(blocks[2].hash, trace(600).hash());
        assert_eq!(blocks[..2], trace(512).blocks(512));
    }

    #[test]
    fn trace_hash_is_platform_independent() {
        let mut trace = trace(600);
        trace.fold_record(601, 6_010, 3, 4, 5);
        assert_eq!(trace.hash(), 4_908_207_916_566_424_855);
    }

    #[test]
    fn readable_trace_is_bounded() {
        let mut trace = trace(0);
        for event in 0..5 {
            trace.write(TraceLine {
                event,
                at_ns: 0,
                what: String::new(),
            });
        }
        assert_eq!(trace.take_lines().len(), 2);
        assert_eq!(trace.take_lines().len(), 0);
    }
}
