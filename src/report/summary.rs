//! Everything that a report can say, as plain data.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::Verdict;
use crate::check::expectation::ExpectationOutcome;
use crate::model::Timestamp;
use crate::sim::fault_plan::TimeSlice;

/// The version of the JSON document.
pub const SCHEMA: &str = "rehearsal.run@1";

/// A finished rehearsal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReport {
    /// [`SCHEMA`].
    pub schema: String,
    /// The name of the scenario.
    pub scenario: String,
    /// What it shows.
    pub description: String,
    /// The root of its random streams.
    pub seed: u64,
    /// The profile of additional faults.
    pub profile: String,
    /// The part of the scenario that was rehearsed; absent: all of it. Of a part no gate and no
    /// `sometimes` is demanded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<TimeSlice>,
    /// The hash over every event, in hexadecimal.
    pub trace_hash: String,
    /// What became of it.
    pub verdict: Verdict,
    /// How much virtual time passed, the drain included.
    pub virtual_seconds: f64,
    /// How much real time passed.
    pub wall_seconds: f64,
    /// Events that the simulator processed.
    pub events: u64,
    /// Image scans that were committed.
    pub images: u64,
    /// Image scans that were given up.
    pub images_failed: u64,
    /// What became of the runs.
    pub runs: RunsSummary,
    /// Committed scans that found a meaningful change.
    pub deltas: u64,
    /// What became of cron fires, by fate.
    pub fires: BTreeMap<String, u64>,
    /// How long things took, by what they are: `plannerLatency`, `runDuration`.
    pub latency: BTreeMap<String, QuantileSummary>,
    /// The most images that ever awaited a runner, over all schedules.
    pub backlog_peak: u64,
    /// The faults that struck, by kind.
    pub faults: Vec<FaultSummary>,
    /// What the invariants found, in the contract's order.
    pub invariants: Vec<InvariantSummary>,
    /// What became of the expectations, in the order of the file.
    pub expectations: Vec<ExpectationSummary>,
    /// What became of the gates.
    pub gates: Vec<GateSummary>,
    /// Runs that did not end within the drain, with what each waits for.
    pub stuck: Vec<StuckRunSummary>,
    /// Why virtual time stopped before its end, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halted: Option<String>,
    /// Whether a second rehearsal was the same, if one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub determinism: Option<DeterminismSummary>,
    /// What the instruments say in the end, summed over processes: counters and histograms over all
    /// lives, as scraped; the others as they were last scraped.
    pub instruments: BTreeMap<String, InstrumentSummary>,
    /// The shell line that does the same again.
    pub replay: String,
}

impl RunReport {
    /// The exit code that this rehearsal calls for.
    pub fn exit_code(&self) -> u8 {
        match &self.determinism {
            Some(determinism) if !determinism.same => 13,
            _ => self.verdict.exit_code(),
        }
    }

    /// How many times faster than real time it was.
    pub fn speed(&self) -> f64 {
        per(self.virtual_seconds, self.wall_seconds)
    }

    /// Events in a second of real time.
    pub fn events_per_second(&self) -> f64 {
        per(self.events as f64, self.wall_seconds)
    }

    /// Committed image scans in a second of real time.
    pub fn images_per_second(&self) -> f64 {
        per(self.images as f64, self.wall_seconds)
    }
}

fn per(amount: f64, seconds: f64) -> f64 {
    if seconds > 0.0 { amount / seconds } else { 0.0 }
}

/// What became of the runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunsSummary {
    /// Ended in `Completed`, with images.
    pub completed: u64,
    /// Ended in `Completed` at once, without any.
    pub no_work: u64,
    /// Ended in `Error`.
    pub error: u64,
    /// Ended in `Cancelled`.
    pub cancelled: u64,
    /// Did not end.
    pub open: u64,
}

/// A kind of fault that struck.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultSummary {
    /// Its name in scenario files.
    pub kind: String,
    /// How often it began.
    pub begun: u64,
    /// How often it bit something: a call, a message, a process.
    pub hit: u64,
}

/// What an invariant found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvariantSummary {
    /// Its stable name.
    pub name: String,
    /// How often it was checked.
    pub checks: u64,
    /// How often against a nonzero truth that had changed.
    pub exercised: u64,
    /// How often it was violated.
    pub violations: u64,
    /// The first violations.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub first: Vec<ViolationSummary>,
}

/// Something that should not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ViolationSummary {
    /// When, in virtual time.
    pub at: String,
    /// Where: the process, run, segment or series.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What should have been seen.
    pub expected: String,
    /// What was seen.
    pub found: String,
}

/// What became of an expectation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExpectationSummary {
    /// Its name, or its query.
    pub name: String,
    /// The comparison, or the series of the alert.
    pub query: String,
    /// `always`, `eventually`, `sometimes` or `at_end`; of an alert `fires`, `never_fires` or
    /// `resolves`.
    pub when: String,
    /// What became of it.
    pub outcome: ExpectationOutcome,
    /// How often the query had an answer.
    pub answers: u64,
    /// Why it was not met: when, what was expected, what was found. Empty if it was.
    pub detail: String,
    /// The instant at which it was violated, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at: Option<Timestamp>,
}

/// What became of a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GateSummary {
    /// Its key in scenario files.
    pub name: String,
    /// What must at least have happened.
    pub required: u64,
    /// What happened.
    pub found: u64,
}

impl GateSummary {
    /// Whether enough happened.
    pub const fn is_met(&self) -> bool {
        self.found >= self.required
    }
}

/// A run that did not end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StuckRunSummary {
    /// Which.
    pub run: String,
    /// What it waits for.
    pub waits_for: String,
}

/// Whether a second rehearsal of the same scenario and seed was the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeterminismSummary {
    /// Whether it was.
    pub same: bool,
    /// The first event that differs, as each rehearsal had it. Empty if none does.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub first_difference: Vec<String>,
}

/// An instrument's last values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstrumentSummary {
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// One for each set of labels.
    pub series: Vec<SeriesSummary>,
}

/// The last value of a series, summed over processes and their incarnations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeriesSummary {
    /// Names and values.
    pub labels: BTreeMap<String, String>,
    /// The value.
    #[serde(flatten)]
    pub value: SeriesSummaryValue,
}

/// A value of a counter or gauge, or a histogram's count and sum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SeriesSummaryValue {
    /// Of a histogram.
    Histogram {
        /// How many samples.
        count: u64,
        /// Their sum.
        sum: f64,
    },
    /// Of a counter or gauge.
    Number {
        /// The value.
        value: f64,
    },
}

/// How long something took: a few exact-enough quantiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuantileSummary {
    /// How many samples there are.
    pub count: u64,
    /// The median, s.
    pub p50_seconds: f64,
    /// 95 of 100 samples are at most this, s.
    pub p95_seconds: f64,
    /// 99 of 100 samples are at most this, s.
    pub p99_seconds: f64,
    /// The greatest, s.
    pub max_seconds: f64,
}

impl QuantileSummary {
    /// The quantiles of a histogram whose values count microseconds.
    pub fn of_micros(histogram: &Histogram<u64>) -> Self {
        let seconds = |micros: u64| micros as f64 / 1e6;
        Self {
            count: histogram.len(),
            p50_seconds: seconds(histogram.value_at_quantile(0.5)),
            p95_seconds: seconds(histogram.value_at_quantile(0.95)),
            p99_seconds: seconds(histogram.value_at_quantile(0.99)),
            max_seconds: seconds(histogram.max()),
        }
    }
}

/// One document, or an array of them if there are several.
pub fn json(reports: &[RunReport]) -> String {
    let written = match reports {
        [report] => serde_json::to_string_pretty(report),
        _ => serde_json::to_string_pretty(reports),
    };
    // Plain data with text keys: there is nothing in it that JSON can't say.
    written.unwrap_or_default() + "\n"
}
