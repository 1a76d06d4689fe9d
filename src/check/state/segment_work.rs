//! The work on one delivery of a segment, as far as its holder knows.
//!
//! It outlives the message: a holder whose message was lost, or acknowledged by another holder of a
//! copy, still works on it.

use rustc_hash::FxHashMap;

use super::table::IncarnationIndex;
use crate::model::Mode;

/// Work of a holder on one delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SegmentWork {
    pub incarnation: IncarnationIndex,
    pub mode: Mode,
    /// Images without a final answer of the scanner.
    pub unanswered: u32,
    /// Whether the holder knows that it may scan.
    pub is_admitted: bool,
    /// Whether the segment was committed when the delivery last began.
    pub was_committed: bool,
}

impl SegmentWork {
    /// Work that its holder knows nothing of yet.
    pub const fn new(incarnation: IncarnationIndex, mode: Mode, images: u32) -> Self {
        Self {
            incarnation,
            mode,
            unanswered: images,
            is_admitted: false,
            was_committed: false,
        }
    }

    /// Records that the holder learns whether the run goes on. Returns whether it discards the
    /// segment: the run has ended, and nothing of the work is known to be done. Once everything is
    /// scanned, the answer to the commit decides.
    pub const fn learn_begun(&mut self, is_running: bool) -> bool {
        let is_first = !self.is_admitted;
        self.is_admitted |= is_running && !self.was_committed;
        !is_running
            && if is_first {
                !self.was_committed
            } else {
                self.unanswered > 0
            }
    }
}

/// Work of living incarnations, by delivery.
#[derive(Debug, Default)]
pub(crate) struct SegmentWorks(FxHashMap<u64, SegmentWork>);

impl SegmentWorks {
    /// Records that an incarnation leases a segment.
    pub fn begin(&mut self, delivery: u64, work: SegmentWork) {
        self.0.insert(delivery, work);
    }

    /// Work on a delivery.
    pub fn get_mut(&mut self, delivery: u64) -> Option<&mut SegmentWork> {
        self.0.get_mut(&delivery)
    }

    /// Returns whether images of a delivery still await their answers.
    pub fn is_unanswered(&self, delivery: u64) -> bool {
        let work = self.0.get(&delivery);
        work.is_some_and(|work| work.unanswered > 0)
    }

    /// Work that an incarnation may still do, by delivery.
    pub fn of(&self, incarnation: IncarnationIndex) -> impl Iterator<Item = (&u64, &SegmentWork)> {
        let is_own = move |work: &SegmentWork| work.incarnation == incarnation;
        self.0.iter().filter(move |(_, work)| is_own(work))
    }

    /// Forgets a delivery that was settled, unless its holder may still scan.
    pub fn settle(&mut self, delivery: u64) {
        let is_over = |work: &SegmentWork| work.unanswered == 0;
        if self.0.get(&delivery).is_some_and(is_over) {
            self.0.remove(&delivery);
        }
    }

    /// Forgets the work of an incarnation that ends.
    pub fn end(&mut self, incarnation: IncarnationIndex) {
        self.0.retain(|_, work| work.incarnation != incarnation);
    }
}
