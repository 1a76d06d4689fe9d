//! Comparing what processes show with what they have learned.

use super::Oracle;
use crate::check::invariant::{active_truth, conservation, latency};
use crate::check::state::table::IncarnationIndex;

impl Oracle {
    /// Compares what changed since the last time, of every incarnation in which something did.
    pub(super) fn compare_dirty(&mut self) {
        if self.state.incarnations.dirty.is_empty() {
            return;
        }
        let mut dirty = std::mem::take(&mut self.state.incarnations.dirty);
        for index in dirty.drain(..) {
            let incarnation = &mut self.state.incarnations.incarnations[index];
            incarnation.is_dirty = false;
            let counters = incarnation.learned.dirty_counters;
            conservation::compare(&mut self.results, incarnation, counters);
            self.compare_rest(index);
        }
        self.state.incarnations.dirty = dirty;
        self.compare_sums();
    }

    /// Compares histograms and the balance where they changed, and takes the changes as seen.
    fn compare_rest(&mut self, index: IncarnationIndex) {
        let incarnation = &mut self.state.incarnations.incarnations[index];
        if incarnation.learned.dirty_histograms != 0 {
            latency::compare(
                &mut self.results,
                incarnation,
                incarnation.learned.dirty_histograms,
            );
        }
        if incarnation.learned.dirty_active {
            active_truth::compare(&mut self.results, incarnation);
        }
        incarnation.learned.dirty_counters = 0;
        incarnation.learned.dirty_histograms = 0;
        incarnation.learned.dirty_active = false;
    }

    /// Compares all of an incarnation's instruments, for the last time.
    pub(super) fn compare_all(&mut self, index: IncarnationIndex) {
        let incarnation = &mut self.state.incarnations.incarnations[index];
        conservation::compare(&mut self.results, incarnation, conservation::ALL_COUNTERS);
        latency::compare(&mut self.results, incarnation, latency::ALL_HISTOGRAMS);
        latency::compare_quantiles(&mut self.results, incarnation);
        active_truth::compare(&mut self.results, incarnation);
        self.compare_rest(index);
    }

    pub(super) fn compare_sums(&mut self) {
        self.state.incarnations.drop_settled_orphans();
        active_truth::judge_abandoned(&mut self.results, &self.state);
        self.memory.sums.compare(&mut self.results, &self.state);
    }
}
