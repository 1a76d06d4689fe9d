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
use crate::metrics::catalog;
use crate::model::fault::FaultKind;
use rehearsal_convert::Saturating;

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
    /// Samples of latency and of duration that lie exactly on the bound of a bucket.
    pub samples_on_bounds: [u64; 2],
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
            latency_micros: histogram(samples(state, is_latency)),
            duration_micros: histogram(samples(state, is_duration)),
            samples_on_bounds: [
                on_bounds(samples(state, is_latency), &catalog::LATENCY_BOUNDS),
                on_bounds(samples(state, is_duration), &catalog::DURATION_BOUNDS),
            ],
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

const fn is_latency(series: HistogramSeries) -> bool {
    matches!(series, HistogramSeries::Latency(..))
}

const fn is_duration(series: HistogramSeries) -> bool {
    matches!(series, HistogramSeries::Duration(_))
}

/// The samples of all incarnations in nanoseconds, those of exactly zero left out for durations
/// without work.
fn samples(
    state: &WorldState,
    is_wanted: fn(HistogramSeries) -> bool,
) -> impl Iterator<Item = u64> {
    let incarnations = state.incarnations.incarnations.iter();
    let series = incarnations.flat_map(|(_, incarnation)| {
        let samples = incarnation.expected.samples.iter().enumerate();
        samples.map(|(index, samples)| (HistogramSeries::at(index), samples))
    });
    let series = series.filter(move |(series, _)| is_wanted(*series));
    series.flat_map(|(series, samples)| {
        let nanos = samples.nanos.iter().copied();
        nanos.filter(move |nanos| *nanos > 0 || !is_duration(series))
    })
}

fn histogram(samples: impl Iterator<Item = u64>) -> Histogram<u64> {
    // Three digits are within the library's range, so this can't fail.
    let mut histogram = Histogram::new(DIGITS).unwrap_or_else(|_| unreachable!("{DIGITS} digits"));
    for nanos in samples {
        // It grows as needed, so this can't fail either.
        let _ = histogram.record(nanos / 1_000);
    }
    histogram
}

/// Counts the samples that equal a bound, given in seconds.
fn on_bounds(samples: impl Iterator<Item = u64>, bounds: &[f64]) -> u64 {
    let bounds: Vec<u64> = bounds
        .iter()
        .map(|bound| (bound * 1e9).saturating_u64())
        .collect();
    samples.filter(|nanos| bounds.contains(nanos)).count() as u64
}
