//! Data of a run report. Its JSON form is the schema [`SCHEMA`].

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::Verdict;
use crate::check::expectation::ExpectationOutcome;
use crate::model::Timestamp;
use crate::sim::fault_plan::TimeSlice;
use rehearsal_convert::Nearest;

/// Schema version of the JSON document.
pub const SCHEMA: &str = "rehearsal.run@1";

/// Report of a finished rehearsal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReport {
    /// Schema version, [`SCHEMA`].
    pub schema: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Description of the scenario.
    pub description: String,
    /// Root seed of the random streams.
    pub seed: u64,
    /// Profile from which additional faults were drawn.
    pub profile: String,
    /// Slice of the scenario that was run. Absent: the whole scenario. Gates do not apply to a
    /// slice, and a `sometimes` may be met in another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<TimeSlice>,
    /// Hash over every kernel event, in hexadecimal.
    pub trace_hash: String,
    /// Verdict of the run.
    pub verdict: Verdict,
    /// Virtual time that passed, drain included, in seconds.
    pub virtual_seconds: f64,
    /// Wall-clock time that passed, in seconds. 0 if it is left out.
    pub wall_seconds: f64,
    /// Number of kernel events.
    pub events: u64,
    /// Calls of the processes to the services, by port and method. Kinds without a call are left
    /// out.
    #[serde(default)]
    pub calls: BTreeMap<String, CallSummary>,
    /// Load of the store and of the queues, if their capacity is stated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stations: Vec<StationSummary>,
    /// Number of image scans that were committed.
    pub images: u64,
    /// Number of image scans that failed for the last time.
    pub images_failed: u64,
    /// Number of runs per outcome.
    pub runs: RunsSummary,
    /// Number of committed scans that found a meaningful change.
    pub deltas: u64,
    /// Number of cron fires per outcome.
    pub fires: BTreeMap<String, u64>,
    /// Latency quantiles by name: `plannerLatency`, `runDuration`.
    pub latency: BTreeMap<String, QuantileSummary>,
    /// Maximum number of images that awaited a runner at one time, over all schedules.
    pub backlog_peak: u64,
    /// Injected faults per kind.
    pub faults: Vec<FaultSummary>,
    /// Results of the invariants, in a fixed order.
    pub invariants: Vec<InvariantSummary>,
    /// Results of the expectations, in the order of the scenario file.
    pub expectations: Vec<ExpectationSummary>,
    /// Expectations that the slice can't decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedExpectationSummary>,
    /// Results of the gates.
    pub gates: Vec<GateSummary>,
    /// Runs that did not end within the drain.
    pub stuck: Vec<StuckRunSummary>,
    /// Reason for which the kernel stopped early, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halted: Option<String>,
    /// Result of the determinism check, if one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub determinism: Option<DeterminismSummary>,
    /// Last values of the instruments, summed over processes. Counters and histograms cover all
    /// incarnations; gauges show the last scrape.
    pub instruments: BTreeMap<String, InstrumentSummary>,
    /// Shell line that repeats the run.
    pub replay: String,
}

impl RunReport {
    /// Returns the exit code of the run.
    pub fn exit_code(&self) -> u8 {
        match &self.determinism {
            Some(determinism) if !determinism.same => 13,
            _ => self.verdict.exit_code(),
        }
    }

    /// Leaves out the wall-clock time, so that the same run gives the same report.
    pub fn make_reproducible(&mut self) {
        self.wall_seconds = 0.0;
    }

    /// Returns whether the report has the wall-clock time.
    pub fn has_wall_time(&self) -> bool {
        self.wall_seconds > 0.0
    }

    /// Returns the ratio of virtual time to wall-clock time.
    pub fn speed(&self) -> f64 {
        per(self.virtual_seconds, self.wall_seconds)
    }

    /// Returns the number of kernel events per second of wall-clock time.
    pub fn events_per_second(&self) -> f64 {
        per(self.events.nearest_f64(), self.wall_seconds)
    }

    /// Returns the number of committed image scans per second of wall-clock time.
    pub fn images_per_second(&self) -> f64 {
        per(self.images.nearest_f64(), self.wall_seconds)
    }
}

fn per(amount: f64, seconds: f64) -> f64 {
    if seconds > 0.0 { amount / seconds } else { 0.0 }
}

/// Number of runs per outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunsSummary {
    /// Runs that ended in `Completed` with at least one image.
    pub completed: u64,
    /// Runs that ended in `Completed` without images.
    pub no_work: u64,
    /// Runs that ended in `Error`.
    pub error: u64,
    /// Runs that ended in `Cancelled`.
    pub cancelled: u64,
    /// Runs that did not end.
    pub open: u64,
}

/// Calls of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallSummary {
    /// Number of calls.
    pub begun: u64,
    /// Number of calls that ended without an answer.
    pub failed: u64,
}

/// Load of a service station.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StationSummary {
    /// `store` or `queue`.
    pub service: String,
    /// Number of servers.
    pub servers: u64,
    /// Share of the time for which a server was busy, over all servers.
    pub utilisation: f64,
    /// Mean number of calls that waited for a server.
    pub queue_length: f64,
    /// Waits for a server.
    pub waits: WaitSummary,
    /// Waits of commits for row locks, if the service has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_waits: Option<WaitSummary>,
    /// Waits for connections, if their number is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_waits: Option<WaitSummary>,
}

/// Waits of calls, those of no length included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitSummary {
    /// Number of calls.
    pub calls: u64,
    /// Mean wait in seconds.
    pub mean_seconds: f64,
    /// Longest wait in seconds.
    pub max_seconds: f64,
}

/// Injections of one kind of fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultSummary {
    /// Name of the kind in scenario files.
    pub kind: String,
    /// Number of times that the fault began.
    pub begun: u64,
    /// Number of calls, messages and processes that the fault affected.
    pub hit: u64,
}

/// Result of one invariant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvariantSummary {
    /// Stable name of the invariant.
    pub name: String,
    /// Number of evaluations.
    pub checks: u64,
    /// Number of evaluations against a nonzero truth that had changed since the one before.
    pub exercised: u64,
    /// Number of violations.
    pub violations: u64,
    /// Details of the first violations.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub first: Vec<ViolationSummary>,
}

/// One violation of an invariant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ViolationSummary {
    /// Virtual time of the violation.
    pub at: String,
    /// Process, run, segment or series that is wrong.
    pub place: String,
    /// Description of the defect.
    pub what: String,
    /// Expected value.
    pub expected: String,
    /// Observed value.
    pub found: String,
}

/// Result of one expectation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExpectationSummary {
    /// Name of the expectation, or its query.
    pub name: String,
    /// Comparison over a query, or the series of an alert.
    pub query: String,
    /// Quantifier over time: `always`, `eventually`, `sometimes` or `at_end`. For an alert:
    /// `fires`, `never_fires` or `resolves`.
    pub when: String,
    /// Whether the verdict depends on the expectation. Under a profile, only those with `under =
    /// "any-profile"` are required.
    #[serde(default = "default_required")]
    pub required: bool,
    /// Whether the expectation was met.
    pub outcome: ExpectationOutcome,
    /// Number of instants at which the query had a value.
    pub answers: u64,
    /// Time, expected value and observed value of the mismatch. Empty if the expectation was met.
    pub detail: String,
    /// Time of the violation, if it has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at: Option<Timestamp>,
}

impl ExpectationSummary {
    /// Whether the verdict depends on the expectation, and it was not met.
    pub fn is_failed(&self) -> bool {
        self.required && self.outcome != ExpectationOutcome::Met
    }
}

/// Reports of earlier versions have required expectations only.
const fn default_required() -> bool {
    true
}

/// Expectation that depends on something outside of the slice that was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkippedExpectationSummary {
    /// Name of the expectation, or its query.
    pub name: String,
    /// Quantifier over time, as in [`ExpectationSummary::when`].
    pub when: String,
    /// Whether the verdict would depend on it.
    pub required: bool,
    /// Thing outside of the slice that it depends on.
    pub reason: String,
}

/// Result of one gate: a minimum amount of activity below which a run means nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GateSummary {
    /// Key of the gate in scenario files.
    pub name: String,
    /// Required minimum.
    pub required: u64,
    /// Observed amount.
    pub found: u64,
}

impl GateSummary {
    /// Returns whether the observed amount reaches the minimum.
    pub const fn is_met(&self) -> bool {
        self.found >= self.required
    }
}

/// Run that did not end within the drain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StuckRunSummary {
    /// Identifier of the run.
    pub run: String,
    /// Description of the step that the run waits for.
    pub waits_for: String,
    /// Instant at which what it waits for last moved. Absent in reports of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub moved_at: Option<Timestamp>,
}

/// Result of running the same scenario and seed a second time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeterminismSummary {
    /// Whether both runs have the same trace.
    pub same: bool,
    /// First event that differs, as seen by each run. Empty if the traces are the same.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub first_difference: Vec<String>,
}

/// Last values of one instrument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstrumentSummary {
    /// Type: `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// Values per label set.
    pub series: Vec<SeriesSummary>,
}

/// Last value of one series, summed over processes and their incarnations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeriesSummary {
    /// Label names and values.
    pub labels: BTreeMap<String, String>,
    /// Value, or count and sum.
    #[serde(flatten)]
    pub value: SeriesSummaryValue,
}

/// Value of a counter or gauge, or count and sum of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SeriesSummaryValue {
    /// Totals of a histogram.
    Histogram {
        /// Number of samples.
        count: u64,
        /// Sum of the samples.
        sum: f64,
    },
    /// Value of a counter or gauge.
    Number {
        /// Last recorded value.
        value: f64,
    },
}

/// Quantiles of a duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuantileSummary {
    /// Number of samples.
    pub count: u64,
    /// Median in seconds.
    pub p50_seconds: f64,
    /// 95th percentile in seconds.
    pub p95_seconds: f64,
    /// 99th percentile in seconds.
    pub p99_seconds: f64,
    /// Maximum in seconds.
    pub max_seconds: f64,
}

impl QuantileSummary {
    /// Computes the quantiles of a histogram of microseconds.
    pub fn of_micros(histogram: &Histogram<u64>) -> Self {
        let seconds = |micros: u64| micros.nearest_f64() / 1e6;
        Self {
            count: histogram.len(),
            p50_seconds: seconds(histogram.value_at_quantile(0.5)),
            p95_seconds: seconds(histogram.value_at_quantile(0.95)),
            p99_seconds: seconds(histogram.value_at_quantile(0.99)),
            max_seconds: seconds(histogram.max()),
        }
    }
}

/// Returns one JSON document for a single report, otherwise an array.
pub fn json(reports: &[RunReport]) -> String {
    let written = match reports {
        [report] => serde_json::to_string_pretty(report),
        _ => serde_json::to_string_pretty(reports),
    };
    // Plain data with text keys: serialising it does not fail.
    written.unwrap_or_default() + "\n"
}
