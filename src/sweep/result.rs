//! Result of a sweep: the versioned file, and merging.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::{
    ConstantKeys, Coverage, ExpectationShare, FailureCause, RequiredSeeds, RowChecksum,
    SeedFailure, SeedSet, Trial,
};
use crate::files::FileError;
use crate::report::{Verdict, worst_exit_code};
use rehearsal_convert::Saturating;

/// Version of the file format.
pub const SCHEMA: &str = "rehearsal.sweep@2";

/// Version that had the number of seeds that met each `sometimes`, and no other expectation.
const SCHEMA_1: &str = "rehearsal.sweep@1";

/// Maximum number of failing seeds kept per cause.
const SEEDS_KEPT: usize = 20;

/// Number of significant decimal digits of histograms.
const DIGITS: u8 = 3;

/// Subject of a sweep. Only results of the same subject can be merged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SweepSubject {
    /// Version of the program.
    pub version: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Path of the scenario file, as given.
    pub path: String,
    /// Text of the scenario file.
    pub text: String,
    /// Profile of random faults.
    pub profile: String,
    /// Overrides of scenario values: `key=value`.
    pub set: Vec<String>,
    /// Every seed divisible by this number is run twice; 0 disables it.
    pub rerun_every: u64,
    /// Maximum number of kernel events per seed; exceeding it fails the seed.
    pub event_budget: u64,
}

/// Number of seeds with each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerdictCounts {
    /// Seeds without a violation.
    pub pass: u64,
    /// Seeds with a violation.
    pub fail: u64,
    /// Seeds in which a `sometimes` was never met.
    pub miss: u64,
    /// Seeds below one of the gates.
    pub vacuous: u64,
}

impl VerdictCounts {
    fn merge(&mut self, other: Self) {
        self.pass = self.pass.saturating_add(other.pass);
        self.fail = self.fail.saturating_add(other.fail);
        self.miss = self.miss.saturating_add(other.miss);
        self.vacuous = self.vacuous.saturating_add(other.vacuous);
    }
}

/// Bug of a sweep: all seeds that failed with one cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SweepFailure {
    /// Cause of all these failures, as the earliest of them shows it.
    pub cause: FailureCause,
    /// Number of seeds that failed with this cause.
    pub count: u64,
    /// First failing seeds, ascending.
    pub seeds: Vec<u64>,
    /// Seed with the earliest failure, in virtual time.
    pub soonest_seed: u64,
    /// Failure of that seed.
    pub soonest: SeedFailure,
    /// Trace hash of that seed, in hexadecimal.
    pub trace: String,
}

/// Sparse histogram: pairs of value and count. For one seed it has few pairs, where an HDR
/// histogram has thousands of buckets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HistogramCounts(BTreeMap<u64, u64>);

impl HistogramCounts {
    /// Extracts the counts of an HDR histogram.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let recorded = histogram.iter_recorded();
        let pairs = recorded.map(|bucket| (bucket.value_iterated_to(), bucket.count_at_value()));
        Self(pairs.collect())
    }

    fn merge(&mut self, other: &Self) {
        for (value, count) in &other.0 {
            let known = self.0.entry(*value).or_default();
            *known = known.saturating_add(*count);
        }
    }

    /// Converts to an HDR histogram.
    pub fn histogram(&self) -> Histogram<u64> {
        // Three digits are in the valid range of the library.
        let histogram = Histogram::new(DIGITS);
        let mut histogram = histogram.unwrap_or_else(|_| unreachable!("{DIGITS} digits"));
        // The library adds counts without a check for overflow.
        let mut room = u64::MAX;
        for (value, count) in &self.0 {
            let count = room.min(*count);
            room -= count;
            // The histogram resizes itself, so recording cannot fail.
            let _ = histogram.record_n(*value, count);
        }
        histogram
    }
}

/// Result of a sweep: verdicts, failures and coverage of its seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SweepResult {
    /// Version of the file format.
    pub schema: String,
    /// Scenario, program and options of the sweep.
    pub subject: SweepSubject,
    /// Seeds that were run.
    pub seeds: SeedSet,
    /// Checksum of their rows, which are in a file of their own. The first schema had none.
    #[serde(default)]
    pub row_checksum: Option<RowChecksum>,
    /// Number of seeds with each verdict.
    pub verdicts: VerdictCounts,
    /// Failures, sorted by cause.
    pub failures: Vec<SweepFailure>,
    /// Seeds in which each expectation held, by its name.
    pub expectations: BTreeMap<String, ExpectationShare>,
    /// Coverage over all seeds.
    pub coverage: Coverage,
    /// Keys of the scenario schema that had the same value in every seed.
    #[serde(default)]
    pub constant_keys: ConstantKeys,
    /// Number of kernel events of all seeds.
    pub events: u64,
    /// Planner latency over all seeds, in microseconds.
    pub latency_micros: HistogramCounts,
    /// Run duration over all seeds, in microseconds.
    pub duration_micros: HistogramCounts,
}

/// Error of reading or merging results.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// The file can't be read.
    #[error(transparent)]
    Unreadable(#[from] FileError),
    /// The file is not the result of a sweep, or has another version.
    #[error("{} is not the result of a sweep: {reason}", path.display())]
    Foreign {
        /// Path of the file.
        path: PathBuf,
        /// Reason, with help.
        reason: String,
    },
    /// The rows of a directory are not those of its result.
    #[error(
        "{}: {reason}; sweep again into another --out, or replace it with --force",
        path.display()
    )]
    Rows {
        /// Path of the file of rows.
        path: PathBuf,
        /// Difference.
        reason: String,
    },
    /// Two results are of different sweeps, or share seeds.
    #[error("the results can't be merged: {0}")]
    Mismatch(String),
}

impl SweepResult {
    /// Empty result.
    pub fn new(subject: SweepSubject) -> Self {
        Self {
            schema: SCHEMA.into(),
            subject,
            seeds: SeedSet::default(),
            row_checksum: Some(RowChecksum::default()),
            verdicts: VerdictCounts::default(),
            failures: Vec::new(),
            expectations: BTreeMap::new(),
            coverage: Coverage::default(),
            constant_keys: ConstantKeys::default(),
            events: 0,
            latency_micros: HistogramCounts::default(),
            duration_micros: HistogramCounts::default(),
        }
    }

    /// Merges a trial. Returns whether it covered anything new.
    pub fn add(&mut self, trial: &Trial) -> bool {
        let row = &trial.row;
        self.seeds.insert(row.seed);
        self.add_rows(Some(RowChecksum::of(&row.to_line())));
        let seeds = match row.verdict {
            Verdict::Pass => &mut self.verdicts.pass,
            Verdict::Fail => &mut self.verdicts.fail,
            Verdict::Miss => &mut self.verdicts.miss,
            Verdict::Vacuous => &mut self.verdicts.vacuous,
        };
        *seeds = seeds.saturating_add(1);
        for (name, share) in &trial.expectations {
            let known = self.expectations.entry(name.clone()).or_default();
            known.merge(*share);
        }
        let events = row.numbers.get("events");
        let events = events.map_or(0, |events| (*events).saturating_u64());
        self.events = self.events.saturating_add(events);
        self.latency_micros.merge(&trial.latency_micros);
        self.duration_micros.merge(&trial.duration_micros);
        if let Some(failure) = &trial.failure {
            self.add_failure(SweepFailure {
                cause: failure.cause.clone(),
                count: 1,
                seeds: vec![row.seed],
                soonest_seed: row.seed,
                soonest: failure.clone(),
                trace: row.trace.clone(),
            });
        }
        self.constant_keys.merge(&trial.constant_keys);
        self.coverage.merge(&trial.coverage)
    }

    fn add_rows(&mut self, more: Option<RowChecksum>) {
        self.row_checksum = self
            .row_checksum
            .zip(more)
            .map(|(own, more)| own.merged(more));
    }

    fn add_failure(&mut self, failure: SweepFailure) {
        let mut known = self.failures.iter_mut();
        match known.find(|known| known.cause.is_same(&failure.cause)) {
            Some(known) => known.merge(failure),
            None => self.failures.push(failure),
        }
        self.failures.sort_by(|a, b| a.cause.cmp(&b.cause));
    }

    /// Merges the result of other seeds of the same sweep.
    ///
    /// # Errors
    /// The subjects differ, or a seed is in both results. Then nothing is merged.
    pub fn merge(&mut self, other: Self) -> Result<(), ResultError> {
        if let Some(difference) = self.subject.difference(&other.subject) {
            return Err(ResultError::Mismatch(difference));
        }
        if let Some(seed) = self.seeds.common(&other.seeds) {
            let message = format!("seed {seed} is in more than one of them");
            return Err(ResultError::Mismatch(message));
        }
        for range in other.seeds.ranges() {
            self.seeds.insert_range(range.clone());
        }
        self.add_rows(other.row_checksum);
        self.verdicts.merge(other.verdicts);
        for (name, share) in other.expectations {
            self.expectations.entry(name).or_default().merge(share);
        }
        self.events = self.events.saturating_add(other.events);
        self.latency_micros.merge(&other.latency_micros);
        self.duration_micros.merge(&other.duration_micros);
        self.constant_keys.merge(&other.constant_keys);
        self.coverage.merge(&other.coverage);
        other
            .failures
            .into_iter()
            .for_each(|failure| self.add_failure(failure));
        Ok(())
    }

    /// Parses the text of a result file; `path` is its name in messages.
    ///
    /// # Errors
    /// The text is not a result of this version.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ResultError> {
        let foreign = |reason: String| ResultError::Foreign {
            path: path.to_owned(),
            reason,
        };
        let mut value: serde_json::Value = serde_json::from_str(text)
            .map_err(|error| foreign(format!("it is damaged ({error})")))?;
        match value.get("schema").and_then(serde_json::Value::as_str) {
            Some(SCHEMA) => {}
            Some(SCHEMA_1) => upgrade(&mut value),
            Some(other) => {
                let reason = format!("its schema is `{other}`; this version reads `{SCHEMA}`");
                return Err(foreign(reason));
            }
            None => return Err(foreign("it has no `schema`".into())),
        }
        serde_json::from_value(value).map_err(|error| foreign(error.to_string()))
    }

    /// Renders the file.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        let text = text.unwrap_or_else(|error| unreachable!("a result is plain data: {error}"));
        text + "\n"
    }

    /// Names of the expectations that one seed must meet, and none did.
    pub fn never_met(&self) -> impl Iterator<Item = &str> {
        let never = self
            .expectations
            .iter()
            .filter(|(_, share)| share.is_missed());
        never.map(|(name, _)| name.as_str())
    }

    /// Verdict of the sweep: `VACUOUS` if every seed was, `MISS` if no seed met a required
    /// `sometimes`.
    pub fn verdict(&self) -> Verdict {
        if self.verdicts.fail > 0 {
            Verdict::Fail
        } else if self.verdicts.pass == 0 && self.verdicts.miss == 0 {
            Verdict::Vacuous
        } else if self.never_met().next().is_some() {
            Verdict::Miss
        } else {
            Verdict::Pass
        }
    }

    /// Exit code of the sweep. Nondeterminism has the highest priority.
    pub fn exit_code(&self) -> u8 {
        let codes = self
            .failures
            .iter()
            .map(|failure| failure.cause.exit_code());
        worst_exit_code(codes.chain([self.verdict().exit_code()]))
    }
}

/// Converts a result of [`SCHEMA_1`].
fn upgrade(value: &mut serde_json::Value) {
    let decided: u64 = value["verdicts"]
        .as_object()
        .into_iter()
        .flat_map(|verdicts| verdicts.values().filter_map(serde_json::Value::as_u64))
        .fold(0, u64::saturating_add);
    let sometimes = value
        .as_object_mut()
        .and_then(|fields| fields.remove("sometimes"));
    let shares = sometimes
        .iter()
        .filter_map(serde_json::Value::as_object)
        .flatten();
    let shares: serde_json::Map<_, _> = shares
        .map(|(name, held)| {
            let share = serde_json::json!({
                "required": RequiredSeeds::Some, "held": held, "decided": decided, "skipped": 0
            });
            (name.clone(), share)
        })
        .collect();
    value["schema"] = SCHEMA.into();
    value["expectations"] = shares.into();
}

impl SweepFailure {
    fn merge(&mut self, other: Self) {
        let rank = |failure: &Self| (failure.soonest.after_seconds, failure.soonest_seed);
        if rank(&other) < rank(self) {
            self.soonest_seed = other.soonest_seed;
            self.cause = other.cause;
            self.soonest = other.soonest;
            self.trace = other.trace;
        }
        self.count = self.count.saturating_add(other.count);
        self.seeds.extend(other.seeds);
        self.seeds.sort_unstable();
        self.seeds.truncate(SEEDS_KEPT);
    }
}

impl SweepSubject {
    /// Describes the first difference between two subjects; none if they are equal.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let fields = [
            ("version", self.version.clone(), other.version.clone()),
            ("scenario", self.scenario.clone(), other.scenario.clone()),
            ("profile", self.profile.clone(), other.profile.clone()),
            ("--set", self.set.join(" "), other.set.join(" ")),
            (
                "--rerun-every",
                self.rerun_every.to_string(),
                other.rerun_every.to_string(),
            ),
            (
                "--event-budget",
                self.event_budget.to_string(),
                other.event_budget.to_string(),
            ),
        ];
        let differs = fields.into_iter().find(|(_, a, b)| a != b);
        match differs {
            Some((name, a, b)) => Some(format!("{name} is `{a}` in one and `{b}` in the other")),
            None if self.text != other.text => Some("the scenario texts differ".into()),
            None => None,
        }
    }
}
