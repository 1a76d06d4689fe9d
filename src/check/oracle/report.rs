//! Report of the oracle at the end of a rehearsal.

use hdrhistogram::Histogram;

use crate::check::instruments::HistogramSeries;
use crate::check::invariant::InvariantName;
use crate::check::invariant::results::{CheckResults, InvariantFindings};
use crate::check::state::FaultInterval;
use crate::check::state::RunTotals;
use crate::check::state::SloBreach;
use crate::check::state::StuckRun;
use crate::check::state::WorldState;
use crate::check::state::message::MessageEndCounts;
use crate::model::fault::FaultKind;

/// Significant digits of the report's histograms.
const DIGITS: u8 = 3;

/// Report of the oracle at the end of a rehearsal.
#[derive(Debug, Clone)]
pub struct OracleReport {
    /// Results of each invariant, in the contract's order.
    pub findings: Vec<InvariantFindings>,
    /// Counts.
    pub tally: RunTotals,
    /// Number of messages by their end.
    pub messages: MessageEndCounts,
    /// Each kind of fault on record: how often it began, and how often it was triggered.
    pub faults: Vec<(FaultKind, u64, u64)>,
    /// When faults went on, in the order in which they began: the first [`EPISODES_MAX`].
    ///
    /// [`EPISODES_MAX`]: crate::check::EPISODES_MAX
    pub episodes: Vec<FaultInterval>,
    /// Planner latency over all incarnations, in microseconds.
    pub latency_micros: Histogram<u64>,
    /// Run duration over all incarnations, runs without work left out, in microseconds.
    pub duration_micros: Histogram<u64>,
    /// Unfinished runs, and what each waits for.
    pub stuck: Vec<StuckRun>,
    /// Every slo that was broken, by its beginning.
    pub slo_breaches: Vec<SloBreach>,
}

impl OracleReport {
    pub(super) fn new(
        state: &mut WorldState,
        results: &CheckResults,
        stuck: Vec<StuckRun>,
    ) -> Self {
        Self {
            findings: results.all().to_vec(),
            tally: state.tally.clone(),
            messages: state.messages.ends,
            faults: state.faults.counts(),
            episodes: state.episodes.list(),
            latency_micros: samples(state, |series| {
                matches!(series, HistogramSeries::Latency(..))
            }),
            duration_micros: samples(state, |series| {
                matches!(series, HistogramSeries::Duration(_))
            }),
            stuck,
            slo_breaches: state.slo_breaches(),
        }
    }

    /// Results of one invariant; none if it was not registered.
    pub fn findings_of(&self, name: InvariantName) -> Option<&InvariantFindings> {
        self.findings.iter().find(|findings| findings.name == name)
    }

    /// Whether any invariant was violated.
    pub fn is_violated(&self) -> bool {
        self.findings.iter().any(|findings| findings.violated > 0)
    }

    /// Comparisons that all invariants made.
    pub fn checks(&self) -> u64 {
        self.findings.iter().map(|findings| findings.checks).sum()
    }

    /// `FaultHistory` that struck something.
    pub fn faults_hit(&self) -> u64 {
        self.faults
            .iter()
            .map(|(_, began, hits)| (*began).max(*hits))
            .sum()
    }
}

/// The samples of all incarnations, those of exactly zero left out for durations without work.
fn samples(state: &WorldState, is_wanted: impl Fn(HistogramSeries) -> bool) -> Histogram<u64> {
    // Three digits are within the library's range, so this can't fail.
    let mut histogram = Histogram::new(DIGITS).unwrap_or_else(|_| unreachable!("{DIGITS} digits"));
    for (_, incarnation) in state.incarnations.incarnations.iter() {
        for (index, samples) in incarnation.expected.samples.iter().enumerate() {
            let series = HistogramSeries::at(index);
            if !is_wanted(series) {
                continue;
            }
            let is_duration = matches!(series, HistogramSeries::Duration(_));
            for nanos in samples
                .nanos
                .iter()
                .filter(|nanos| **nanos > 0 || !is_duration)
            {
                // It grows as needed, so this can't fail either.
                let _ = histogram.record(nanos / 1_000);
            }
        }
    }
    histogram
}
