//! Where a cell's words are, and how long they are its own.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64 as Version, Ordering as Order};
use std::sync::{Arc, Mutex, PoisonError};

use super::sharded_cells::ShardedCells;
use rehearsal_convert::Index;

/// A cell's first word in a slab.
#[derive(Clone)]
pub(crate) struct CellOffset {
    pub(crate) slab: Arc<ShardedCells>,
    pub(crate) offset: u32,
}

impl CellOffset {
    /// The place of the `index`-th cell of a row of cells with `stride` words each.
    pub(crate) fn nth(&self, index: usize, stride: usize) -> Self {
        Self {
            slab: Arc::clone(&self.slab),
            offset: self.offset + (index * stride).index_u32(),
        }
    }
}

/// Allocator of words; reuses those without a handle.
#[derive(Default)]
pub(crate) struct CellAllocator {
    room: Mutex<FreeCells>,
}

#[derive(Default)]
struct FreeCells {
    slab: Option<Arc<ShardedCells>>,
    used: usize,
    len: usize,
    /// By length.
    returned: BTreeMap<usize, Vec<CellOffset>>,
}

/// The first slab is small, because a process that restarts often makes a registry each time.
const FIRST_LEN: usize = 512;
/// Later slabs, for dynamic label sets.
const LATER_LEN: usize = 4096;

impl CellAllocator {
    /// Takes `len` words in one piece, all zero.
    pub(crate) fn take(&self, len: usize) -> CellOffset {
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = room.returned.get_mut(&len).and_then(Vec::pop) {
            return place;
        }
        let slab = match &room.slab {
            Some(slab) if room.used + len <= room.len => Arc::clone(slab),
            last => {
                let usual = if last.is_some() { LATER_LEN } else { FIRST_LEN };
                let slab = Arc::new(ShardedCells::new(usual.max(len)));
                (room.used, room.len) = (0, usual.max(len));
                room.slab = Some(Arc::clone(&slab));
                slab
            }
        };
        let offset = room.used.index_u32();
        room.used += len;
        CellOffset { slab, offset }
    }

    fn give_back(&self, place: CellOffset, len: usize) {
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        room.returned.entry(len).or_default().push(place);
    }
}

/// The life of a series with dynamic labels: from its registration until it was removed and the
/// last handle is gone. Only then are its words used again, so a held handle is never orphaned.
pub(crate) struct SeriesVisibility {
    place: CellOffset,
    len: usize,
    allocator: Arc<CellAllocator>,
    hidden: AtomicBool,
    /// The registry's count of series that came, went or came back.
    version: Arc<Version>,
    /// Taken by the one recording method that must read before it writes.
    pub(crate) absolute: Mutex<()>,
}

impl SeriesVisibility {
    pub(crate) fn new(
        place: CellOffset,
        len: usize,
        allocator: Arc<CellAllocator>,
        version: Arc<Version>,
    ) -> Arc<Self> {
        let (hidden, absolute) = (AtomicBool::new(false), Mutex::new(()));
        Arc::new(Self {
            place,
            len,
            allocator,
            hidden,
            version,
            absolute,
        })
    }

    #[inline]
    pub(crate) fn is_hidden(&self) -> bool {
        self.hidden.load(Order::Relaxed)
    }

    pub(crate) fn hide(&self) {
        self.hidden.store(true, Order::Relaxed);
        self.version.fetch_add(1, Order::Release);
    }

    /// Makes the series visible again: a handle still records into it.
    #[cold]
    pub(crate) fn show(&self) {
        self.hidden.store(false, Order::Relaxed);
        self.version.fetch_add(1, Order::Release);
    }
}

impl Drop for SeriesVisibility {
    fn drop(&mut self) {
        // The last handle is gone. Its release and the locks of the allocator order every write
        // of the old cell before this clearing, and the clearing before any write of a new one.
        self.place.slab.clear(self.range());
        self.allocator.give_back(self.place.clone(), self.len);
    }
}

impl SeriesVisibility {
    fn range(&self) -> Range<u32> {
        self.place.offset..self.place.offset + self.len.index_u32()
    }
}
