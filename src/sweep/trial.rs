//! Trial: one seed of a sweep.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::cause::violated;
use super::coverage_observer::CoverageObserver;
use super::{
    ConstantKeys, Coverage, ExpectationShare, FailureCause, HistogramCounts, first_violation,
};
use crate::check::InvariantName;
use crate::metrics::InstrumentKind;
use crate::model::Timestamp;
use crate::model::observation::Observation;
use crate::rehearsal::{FinishedRun, Hooks, RehearsalError, RunOptions, WithListener, run_with};
use crate::report::{RunReport, SeriesSummaryValue, Verdict};
use crate::scenario::Scenario;
use crate::sim::fault_plan::{FaultProfile, PlannedScenario};
use rehearsal_convert::{Nearest, Saturating};

/// Numbers of one seed: a line of `seeds.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeedRow {
    /// Root seed of the random streams.
    pub seed: u64,
    /// Verdict of the seed.
    pub verdict: Verdict,
    /// Trace hash over all events, in hexadecimal; empty if the seed did not finish.
    pub trace: String,
    /// Numbers by name: events, images, quantiles of latencies in seconds, and so on.
    pub numbers: BTreeMap<String, f64>,
}

impl SeedRow {
    /// Extracts the row from the report of a rehearsal.
    pub fn of(report: &RunReport) -> Self {
        Self {
            seed: report.seed,
            verdict: report.verdict,
            numbers: numbers(report),
            trace: report.trace_hash.clone(),
        }
    }

    /// Renders the row as a line, without the line end.
    pub fn to_line(&self) -> String {
        let line = serde_json::to_string(self);
        line.unwrap_or_else(|error| unreachable!("a row is plain data: {error}"))
    }
}

/// Failure of a seed: cause, message and time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeedFailure {
    /// Cause, shared with all seeds that fail in the same way.
    pub cause: FailureCause,
    /// Complete message of the first violation.
    pub message: String,
    /// Virtual time of the first violation after the start, in seconds.
    pub after_seconds: f64,
    /// Description of the drawn faults and options.
    pub drawn: Vec<String>,
}

impl SeedFailure {
    /// Failure of a seed with two different traces.
    pub fn nondeterminism() -> Self {
        let cause = FailureCause::nondeterminism();
        Self {
            message: cause.shape.clone(),
            cause,
            after_seconds: 0.0,
            drawn: Vec::new(),
        }
    }
}

/// Outcome of one seed.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Numbers of the seed.
    pub row: SeedRow,
    /// Failure, if the seed failed.
    pub failure: Option<SeedFailure>,
    /// When the first of the unfinished runs last moved, if that is the failure: the violation is
    /// found at the end of the drain.
    pub stuck_since: Option<Timestamp>,
    /// Coverage of the seed.
    pub coverage: Coverage,
    /// Keys of the scenario as the seed has run it; unknown if it did not finish.
    pub constant_keys: ConstantKeys,
    /// Expectations by name: whether each held, or was skipped.
    pub expectations: Vec<(String, ExpectationShare)>,
    /// Planner latency of all runs, in microseconds.
    pub latency_micros: HistogramCounts,
    /// Duration of all runs, in microseconds.
    pub duration_micros: HistogramCounts,
}

/// Options with which a seed is run.
#[derive(Clone, Debug)]
pub struct TrialOptions {
    /// Profile of random faults, added to those of the scenario.
    pub profile: FaultProfile,
    /// Maximum number of kernel events; exceeding it is a failure.
    pub event_budget: u64,
}

impl Trial {
    /// Runs a seed; twice, with a comparison of the traces, if `is_rerun`. A panic fails the seed.
    ///
    /// # Errors
    /// The scenario can't be simulated.
    pub fn of<C: Hooks>(
        hooks: impl Fn() -> C,
        scenario: &Scenario,
        seed: u64,
        options: &TrialOptions,
        is_rerun: bool,
    ) -> Result<Self, RehearsalError> {
        let attempt = || try_once(hooks(), scenario, seed, options);
        let tried = catch_unwind(AssertUnwindSafe(|| {
            let trial = attempt()?;
            let again = is_rerun.then(attempt).transpose()?;
            Ok::<_, RehearsalError>((trial, again))
        }));
        let (mut trial, again) = match tried {
            Ok(result) => result?,
            Err(panic) => {
                let message = panic_message(&*panic);
                return Ok(Self::broken(scenario, seed, options, "panic", &message));
            }
        };
        if again.is_some_and(|again| again.row.trace != trial.row.trace) {
            trial.row.verdict = Verdict::Fail;
            trial.failure = Some(SeedFailure {
                drawn: drawn(scenario, seed, options.profile),
                ..SeedFailure::nondeterminism()
            });
        }
        Ok(trial)
    }

    /// Trial of a seed that did not finish.
    pub fn broken(
        scenario: &Scenario,
        seed: u64,
        options: &TrialOptions,
        name: &str,
        message: &str,
    ) -> Self {
        Self {
            row: SeedRow {
                seed,
                verdict: Verdict::Fail,
                trace: String::new(),
                numbers: BTreeMap::new(),
            },
            failure: Some(SeedFailure {
                cause: FailureCause::new(name, message),
                message: message.to_owned(),
                after_seconds: 0.0,
                drawn: drawn(scenario, seed, options.profile),
            }),
            stuck_since: None,
            coverage: Coverage::default(),
            constant_keys: ConstantKeys::default(),
            expectations: Vec::new(),
            latency_micros: HistogramCounts::default(),
            duration_micros: HistogramCounts::default(),
        }
    }
}

fn try_once<C: Hooks>(
    hooks: C,
    scenario: &Scenario,
    seed: u64,
    options: &TrialOptions,
) -> Result<Trial, RehearsalError> {
    let observer = Rc::new(RefCell::new(CoverageObserver::default()));
    let observing = Rc::clone(&observer);
    let hooks = WithListener {
        hooks,
        listener: move |_, observation: &Observation<'_>| {
            observing.borrow_mut().observe(observation);
        },
    };
    let run = RunOptions {
        seed: Some(seed),
        profile: options.profile,
        event_budget: options.event_budget,
        ..RunOptions::default()
    };
    let finished = run_with(hooks, scenario, &run, |_| {})?;
    let report = RunReport::new(&finished, String::new(), None);
    let mut coverage = observer.borrow().coverage();
    note_counters(&report, &mut coverage);
    let [latencies, durations] = finished.oracle.samples_on_bounds;
    coverage.note("latency sample on the bound of a bucket", latencies);
    coverage.note("duration sample on the bound of a bucket", durations);
    let failure = FailureCause::of(&finished, &report).map(|(cause, message)| SeedFailure {
        cause,
        message,
        after_seconds: after_seconds(&finished, &report),
        drawn: drawn(scenario, seed, options.profile),
    });
    let is_stuck = |failure: &SeedFailure| failure.cause.name == InvariantName::Liveness.as_str();
    let first_stuck = finished.oracle.stuck.first().map(|stuck| stuck.moved_at);
    Ok(Trial {
        stuck_since: first_stuck.filter(|_| failure.as_ref().is_some_and(is_stuck)),
        failure,
        coverage,
        constant_keys: ConstantKeys::of(&finished),
        expectations: ExpectationShare::of(&report),
        row: SeedRow::of(&report),
        latency_micros: HistogramCounts::of(&finished.oracle.latency_micros),
        duration_micros: HistogramCounts::of(&finished.oracle.duration_micros),
    })
}

/// Records the counters by their static labels, without mode and schedule. Counters of the metrics
/// layer itself count misuse and are not coverage goals.
fn note_counters(report: &RunReport, coverage: &mut Coverage) {
    let counters = report.instruments.iter().filter(|(name, instrument)| {
        instrument.kind == InstrumentKind::Counter.exposed() && !name.starts_with("metrics_")
    });
    for (name, instrument) in counters {
        let mut totals: BTreeMap<String, u64> = BTreeMap::new();
        for series in &instrument.series {
            let SeriesSummaryValue::Number { value } = series.value else {
                continue;
            };
            let labels: Vec<String> = series
                .labels
                .iter()
                .filter(|(label, _)| label.as_str() != "mode" && label.as_str() != "scheduleId")
                .map(|(label, value)| format!("{label}=\"{value}\""))
                .collect();
            let braces = match labels.is_empty() {
                true => String::new(),
                false => format!("{{{}}}", labels.join(",")),
            };
            *totals.entry(format!("{name}{braces}")).or_default() += value.saturating_u64();
        }
        for (series, total) in totals {
            coverage.note(&series, total);
        }
    }
}

fn numbers(report: &RunReport) -> BTreeMap<String, f64> {
    let mut numbers = BTreeMap::from([
        ("events".into(), report.events.nearest_f64()),
        ("images".into(), report.images.nearest_f64()),
        ("imagesFailed".into(), report.images_failed.nearest_f64()),
        ("deltas".into(), report.deltas.nearest_f64()),
        ("runsCompleted".into(), report.runs.completed.nearest_f64()),
        ("runsFailed".into(), report.runs.error.nearest_f64()),
        ("backlogPeak".into(), report.backlog_peak.nearest_f64()),
        ("virtualSeconds".into(), report.virtual_seconds),
    ]);
    for (name, quantiles) in &report.latency {
        numbers.insert(format!("{name}P50Seconds"), quantiles.p50_seconds);
        numbers.insert(format!("{name}P95Seconds"), quantiles.p95_seconds);
        numbers.insert(format!("{name}MaxSeconds"), quantiles.max_seconds);
    }
    numbers
}

fn after_seconds(finished: &FinishedRun, report: &RunReport) -> f64 {
    let at = match first_violation(finished) {
        Some(violation) => Some(violation.at),
        None if report.halted.is_some() => None,
        None => violated(report).and_then(|expectation| expectation.at),
    };
    let at = at.unwrap_or(finished.ended_at);
    at.since(finished.scenario.start).as_secs_f64()
}

/// Describes the faults and options that a profile draws for a seed.
pub fn drawn(scenario: &Scenario, seed: u64, profile: FaultProfile) -> Vec<String> {
    let scenario = Scenario {
        faults: Vec::new(),
        ..scenario.clone()
    };
    let PlannedScenario { plan, .. } = PlannedScenario::draw(&scenario, profile, seed);
    let faults = plan.faults.iter().map(|fault| fault.effect.kind().as_str());
    let operations = plan
        .operations
        .iter()
        .map(|operation| operation.kind.as_str());
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for kind in faults.chain(operations) {
        *kinds.entry(kind).or_default() += 1;
    }
    let kinds = kinds
        .into_iter()
        .map(|(kind, count)| format!("{kind} × {count}"));
    let settings = [
        plan.overrides.to_string(),
        plan.latency.to_string(),
        plan.schedules.to_string(),
        plan.findings.to_string(),
    ];
    let settings = settings.into_iter().filter(|text| !text.is_empty());
    let slice = plan.slice.map(|slice| slice.to_string());
    let images = plan
        .images
        .map(|images| format!("--set 'fleet.images={images}'"));
    kinds.chain(settings).chain(images).chain(slice).collect()
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("panic without a message").to_owned()
}
