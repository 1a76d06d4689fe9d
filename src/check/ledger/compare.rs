//! Comparing what processes show with what they have learned.

use super::Ledger;
use super::table::LifeIndex;
use crate::check::invariant::{active_truth, conservation, latency};

impl Ledger {
    /// Compares what changed since the last time, of every life in which something did.
    pub(super) fn compare_dirty(&mut self) {
        if self.truth.lives.dirty.is_empty() {
            return;
        }
        let mut dirty = std::mem::take(&mut self.truth.lives.dirty);
        for index in dirty.drain(..) {
            let life = &mut self.truth.lives.lives[index];
            life.is_dirty = false;
            let counters = life.learned.dirty_counters;
            conservation::compare(&mut self.board, life, counters);
            self.compare_rest(index);
        }
        self.truth.lives.dirty = dirty;
        self.compare_sums();
    }

    /// Compares histograms and the balance where they changed, and takes the changes as seen.
    fn compare_rest(&mut self, index: LifeIndex) {
        let life = &mut self.truth.lives.lives[index];
        if life.learned.dirty_histograms != 0 {
            latency::compare(&mut self.board, life, life.learned.dirty_histograms);
        }
        if life.learned.dirty_active {
            active_truth::compare(&mut self.board, life);
        }
        life.learned.dirty_counters = 0;
        life.learned.dirty_histograms = 0;
        life.learned.dirty_active = false;
    }

    /// Compares all of a life's instruments, for the last time.
    pub(super) fn compare_all(&mut self, index: LifeIndex) {
        let life = &mut self.truth.lives.lives[index];
        conservation::compare(&mut self.board, life, conservation::ALL_COUNTERS);
        latency::compare(&mut self.board, life, latency::ALL_HISTOGRAMS);
        latency::compare_quantiles(&mut self.board, life);
        active_truth::compare(&mut self.board, life);
        self.compare_rest(index);
    }

    pub(super) fn compare_sums(&mut self) {
        self.truth.lives.drop_settled_orphans();
        active_truth::judge_abandoned(&mut self.board, &self.truth);
        self.memory.sums.compare(&mut self.board, &self.truth);
    }
}
