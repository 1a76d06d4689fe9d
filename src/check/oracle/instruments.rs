//! Comparisons of instruments with the commits that their process acknowledged.
//!
//! A comparison is due when something was acknowledged since the last one, at every scrape, and for
//! everything when an incarnation ends. Scrapes are judged by what the recording holds of them,
//! everything else by a collection. Comparing all series after every observation would cost more
//! than the simulation itself. A scrape needs no comparison of a counter or histogram that neither
//! the recording nor the acknowledged commits have changed since the scrape before.

use super::Oracle;
use crate::check::instruments::{HistogramSeries, InstrumentSet, InstrumentSource};
use crate::check::state::PendingInstruments;
use crate::check::state::table::IncarnationIndex;
use crate::model::IncarnationId;
use crate::model::observation::Observation;

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
        let record = &mut self.state.incarnations[incarnation.index];
        let Some(instruments) = &record.instruments else {
            return;
        };
        let expected = std::mem::take(&mut record.expected.unscraped);
        let recorded = instruments.scrape.changed();
        let due = PendingInstruments {
            incarnation: incarnation.index,
            view: InstrumentSource::Recorded,
            counters: expected.counters | recorded.counters,
            histograms: expected.histograms | recorded.histograms,
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
            view: InstrumentSource::Exposed,
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
            view: InstrumentSource::Exposed,
            counters: InstrumentSet::ALL.counters,
            histograms: InstrumentSet::ALL.histograms,
            active_runs: true,
            is_final: true,
        };
        self.check(|invariants, context| invariants.instruments_due(context, &due));
        self.compare_changed(incarnation, 0);
    }

    pub(super) fn compare_sums(&mut self) {
        self.state.incarnations.drop_settled();
        let now = self.state.now;
        self.check(|invariants, context| invariants.instruments_compared(context, now));
    }
}
