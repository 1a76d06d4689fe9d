//! What a sweep found: the versioned file, and how several become one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::{Coverage, FailureCause, SeedFailure, SeedSet, Trial};
use crate::report::{Verdict, worst_exit_code};

/// The version of the file format.
pub const SCHEMA: &str = "rehearsal.sweep@1";

/// So many failing seeds are kept of each cause.
const SEEDS_KEPT: usize = 20;

/// Significant digits of histograms.
const DIGITS: u8 = 3;

/// What was swept. Only results of the same subject can be merged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SweepSubject {
    /// The version of the program.
    pub version: String,
    /// The scenario's name.
    pub scenario: String,
    /// The scenario file, as it was named.
    pub path: String,
    /// The scenario file's text.
    pub text: String,
    /// The profile of additional faults.
    pub profile: String,
    /// Values put over those of the scenario.
    pub set: Vec<String>,
    /// Each seed that is divisible by this was tried twice; 0: none.
    pub rerun_every: u64,
    /// Events of a seed at most; more is a failure.
    pub event_budget: u64,
}

/// How seeds ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerdictCounts {
    /// Everything held.
    pub pass: u64,
    /// Something was violated.
    pub fail: u64,
    /// A `sometimes` never happened.
    pub miss: u64,
    /// Too little happened.
    pub vacuous: u64,
}

/// A bug: all seeds that failed of one cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SweepFailure {
    /// The cause.
    pub cause: FailureCause,
    /// How many seeds failed of it.
    pub count: u64,
    /// The first of them.
    pub seeds: Vec<u64>,
    /// The seed that fails soonest, in virtual time.
    pub soonest_seed: u64,
    /// How that seed failed.
    pub soonest: SeedFailure,
    /// The hash of that seed's trace.
    pub trace: String,
}

/// A histogram as it is kept and written: pairs of value and count. One of a single seed holds a
/// few, where an HDR histogram would hold thousands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HistogramCounts(BTreeMap<u64, u64>);

impl HistogramCounts {
    /// The counts of a histogram.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let recorded = histogram.iter_recorded();
        let pairs = recorded.map(|bucket| (bucket.value_iterated_to(), bucket.count_at_value()));
        Self(pairs.collect())
    }

    fn merge(&mut self, other: &Self) {
        for (value, count) in &other.0 {
            *self.0.entry(*value).or_default() += count;
        }
    }

    /// The histogram, to the significant digits that were kept.
    pub fn histogram(&self) -> Histogram<u64> {
        // Three digits are within the library's range.
        let histogram = Histogram::new(DIGITS);
        let mut histogram = histogram.unwrap_or_else(|_| unreachable!("{DIGITS} digits"));
        for (value, count) in &self.0 {
            // It grows as needed, so this can't fail.
            let _ = histogram.record_n(*value, *count);
        }
        histogram
    }
}

/// What a sweep found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SweepResult {
    /// The version of the format.
    pub schema: String,
    /// What was swept.
    pub subject: SweepSubject,
    /// Which seeds were tried.
    pub seeds: SeedSet,
    /// How they ended.
    pub verdicts: VerdictCounts,
    /// Bugs, by cause.
    pub failures: Vec<SweepFailure>,
    /// What was expected to be so sometimes, and in how many seeds it was.
    pub sometimes: BTreeMap<String, u64>,
    /// What happened.
    pub coverage: Coverage,
    /// Events of all seeds.
    pub events: u64,
    /// Planner latency over all seeds, in microseconds.
    pub latency_micros: HistogramCounts,
    /// Run duration over all seeds, in microseconds.
    pub duration_micros: HistogramCounts,
}

/// Why a result can't be had, or several can't become one.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// The file can't be read.
    #[error("can't read {}: {reason}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It is no result of a sweep, or one of another version.
    #[error("{} is no result of a sweep: {reason}", path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// Two results are of different sweeps, or share seeds.
    #[error("they can't become one: {0}")]
    Mismatch(String),
}

impl SweepResult {
    /// A sweep that has tried nothing yet.
    pub fn new(subject: SweepSubject) -> Self {
        Self {
            schema: SCHEMA.into(),
            subject,
            seeds: SeedSet::default(),
            verdicts: VerdictCounts::default(),
            failures: Vec::new(),
            sometimes: BTreeMap::new(),
            coverage: Coverage::default(),
            events: 0,
            latency_micros: HistogramCounts::default(),
            duration_micros: HistogramCounts::default(),
        }
    }

    /// Adds a seed that was tried. Returns whether it covered anything new.
    pub fn add(&mut self, trial: &Trial) -> bool {
        let row = &trial.row;
        self.seeds.insert(row.seed);
        *match row.verdict {
            Verdict::Pass => &mut self.verdicts.pass,
            Verdict::Fail => &mut self.verdicts.fail,
            Verdict::Miss => &mut self.verdicts.miss,
            Verdict::Vacuous => &mut self.verdicts.vacuous,
        } += 1;
        for (name, is_met) in &trial.sometimes {
            *self.sometimes.entry(name.clone()).or_default() += u64::from(*is_met);
        }
        self.events += row.numbers.get("events").map_or(0, |events| *events as u64);
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
        self.coverage.merge(&trial.coverage)
    }

    fn add_failure(&mut self, failure: SweepFailure) {
        let position = self
            .failures
            .binary_search_by(|known| known.cause.cmp(&failure.cause));
        match position {
            Ok(index) => self.failures[index].merge(failure),
            Err(index) => self.failures.insert(index, failure),
        }
    }

    /// Adds the result of other seeds of the same sweep.
    ///
    /// # Errors
    /// It is another sweep's, or a seed was tried in both. Then nothing is added.
    pub fn merge(&mut self, other: Self) -> Result<(), ResultError> {
        if let Some(difference) = self.subject.difference(&other.subject) {
            return Err(ResultError::Mismatch(difference));
        }
        if let Some(seed) = self.seeds.common(&other.seeds) {
            let message = format!("seed {seed} was tried in more than one of them");
            return Err(ResultError::Mismatch(message));
        }
        for range in other.seeds.ranges() {
            self.seeds.insert_range(range.clone());
        }
        let (verdicts, more) = (&mut self.verdicts, other.verdicts);
        verdicts.pass += more.pass;
        verdicts.fail += more.fail;
        verdicts.miss += more.miss;
        verdicts.vacuous += more.vacuous;
        for (name, seeds) in other.sometimes {
            *self.sometimes.entry(name).or_default() += seeds;
        }
        self.events += other.events;
        self.latency_micros.merge(&other.latency_micros);
        self.duration_micros.merge(&other.duration_micros);
        self.coverage.merge(&other.coverage);
        other
            .failures
            .into_iter()
            .for_each(|failure| self.add_failure(failure));
        Ok(())
    }

    /// Reads a result from the text of a file; `path` is for messages.
    ///
    /// # Errors
    /// It is no result of this version.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ResultError> {
        let foreign = |reason: String| ResultError::Foreign {
            path: path.to_owned(),
            reason,
        };
        let value: serde_json::Value = serde_json::from_str(text)
            .map_err(|error| foreign(format!("it is damaged ({error})")))?;
        match value.get("schema").and_then(serde_json::Value::as_str) {
            Some(SCHEMA) => {}
            Some(other) => {
                let reason = format!("its schema is `{other}`; this version reads `{SCHEMA}`");
                return Err(foreign(reason));
            }
            None => return Err(foreign("it has no `schema`".into())),
        }
        serde_json::from_value(value).map_err(|error| foreign(error.to_string()))
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        let text = text.unwrap_or_else(|error| unreachable!("a result is plain data: {error}"));
        text + "\n"
    }

    /// The expectations that something is sometimes so which no seed met.
    pub fn never_met(&self) -> impl Iterator<Item = &str> {
        let never = self.sometimes.iter().filter(|(_, seeds)| **seeds == 0);
        never.map(|(name, _)| name.as_str())
    }

    /// What became of the sweep, in one word. It is `VACUOUS` if every seed was, and `MISS` if no
    /// seed met one of the `sometimes`.
    pub fn verdict(&self) -> Verdict {
        if self.verdicts.fail > 0 {
            Verdict::Fail
        } else if self.verdicts.pass + self.verdicts.miss == 0 {
            Verdict::Vacuous
        } else if self.never_met().next().is_some() {
            Verdict::Miss
        } else {
            Verdict::Pass
        }
    }

    /// The exit code that the sweep calls for: a seed that differs from itself weighs most.
    pub fn exit_code(&self) -> u8 {
        let codes = self
            .failures
            .iter()
            .map(|failure| failure.cause.exit_code());
        worst_exit_code(codes.chain([self.verdict().exit_code()]))
    }
}

impl SweepFailure {
    fn merge(&mut self, other: Self) {
        let rank = |failure: &Self| (failure.soonest.after_seconds, failure.soonest_seed);
        if rank(&other) < rank(self) {
            self.soonest_seed = other.soonest_seed;
            self.soonest = other.soonest;
            self.trace = other.trace;
        }
        self.count += other.count;
        self.seeds.extend(other.seeds);
        self.seeds.sort_unstable();
        self.seeds.truncate(SEEDS_KEPT);
    }
}

impl SweepSubject {
    /// In what two sweeps differ; none if they are the same.
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
            None if self.text != other.text => {
                Some("the scenario's text is not the same in both".into())
            }
            None => None,
        }
    }
}
