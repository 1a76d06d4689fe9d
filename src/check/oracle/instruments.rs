//! Comparisons of instruments with the commits that their process acknowledged.
//!
//! A comparison is due when something was acknowledged since the last one, for all of the
//! contract's counters at every scrape, and for everything when an incarnation ends. Comparing all
//! series after every observation would cost more than the simulation itself.

use super::Oracle;
use crate::check::instruments::{CounterSeries, HistogramSeries};
use crate::check::state::PendingInstruments;
use crate::check::state::table::IncarnationIndex;
use crate::model::IncarnationId;
use crate::model::observation::Observation;

/// Every counter.
const ALL_COUNTERS: u128 = (1 << CounterSeries::COUNT) - 1;

/// Counters of the contract.
const GIVEN_COUNTERS: u128 = (1 << CounterSeries::GIVEN) - 1;

/// Every histogram.
const ALL_HISTOGRAMS: u8 = u8::MAX;

const _: () = assert!(HistogramSeries::COUNT == 8, "one bit of a byte each");

impl Oracle {
    pub(super) fn observe_metrics(&mut self, observation: &Observation<'_>) {
        match *observation {
            Observation::Settled => self.compare_dirty(),
            Observation::Scraped {
                incarnation: Some(incarnation),
                up: true,
                ..
            } => self.scraped(incarnation),
            _ => {}
        }
    }

    fn scraped(&mut self, incarnation: &IncarnationId) {
        let incarnation = self.state.resolve(incarnation);
        self.compare_dirty();
        let due = PendingInstruments {
            incarnation: incarnation.index,
            // Counters of extensions are compared when they should have changed, and at the end.
            counters: GIVEN_COUNTERS,
            histograms: 0,
            active_runs: true,
            is_final: false,
        };
        self.check(|invariants, context| {
            invariants.instruments_due(context, &due);
            invariants.scraped(context, &incarnation);
        });
    }

    /// Compares the instruments that should have changed since the last comparison.
    pub(super) fn compare_dirty(&mut self) {
        if self.state.incarnations.dirty.is_empty() {
            return;
        }
        let mut dirty = std::mem::take(&mut self.dirty);
        std::mem::swap(&mut dirty, &mut self.state.incarnations.dirty);
        for index in dirty.drain(..) {
            self.state.incarnations[index].is_dirty = false;
            let counters = self.state.incarnations[index].expected.dirty_counters;
            self.compare_changed(index, counters);
        }
        self.dirty = dirty;
        self.compare_sums();
    }

    /// Compares these counters, and the histograms and gauges that should have changed.
    fn compare_changed(&mut self, incarnation: IncarnationIndex, counters: u128) {
        let expected = &self.state.incarnations[incarnation].expected;
        let due = PendingInstruments {
            incarnation,
            counters,
            histograms: expected.dirty_histograms,
            active_runs: expected.dirty_active,
            is_final: false,
        };
        self.check(|invariants, context| invariants.instruments_due(context, &due));
        self.state.incarnations[incarnation]
            .expected
            .mark_compared();
    }

    /// Compares all instruments of an incarnation, for the last time.
    pub(super) fn compare_all(&mut self, incarnation: IncarnationIndex) {
        let due = PendingInstruments {
            incarnation,
            counters: ALL_COUNTERS,
            histograms: ALL_HISTOGRAMS,
            active_runs: true,
            is_final: true,
        };
        self.check(|invariants, context| invariants.instruments_due(context, &due));
        self.compare_changed(incarnation, 0);
    }

    pub(super) fn compare_sums(&mut self) {
        self.state.incarnations.drop_settled_orphans();
        let now = self.state.now;
        self.check(|invariants, context| invariants.instruments_compared(context, now));
    }
}
