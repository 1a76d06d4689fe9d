//! Builds the report of a finished rehearsal.

use std::collections::BTreeMap;

use super::format::count;
use super::{
    CallSummary, DeterminismSummary, ExpectationSummary, FaultSummary, GateSummary,
    InstrumentSummary, InvariantSummary, QuantileSummary, RunReport, RunsSummary, SCHEMA,
    SeriesSummary, SeriesSummaryValue, SkippedExpectationSummary, StationSummary, StuckRunSummary,
    Verdict, ViolationSummary, WaitSummary,
};
use crate::check::expectation::{AlertWatch, ExpectationOutcome, RehearsalSpan, judge};
use crate::check::{InvariantFindings, InvariantName, OracleReport};
use crate::metrics::series::SeriesId;
use crate::metrics::{Family, InstrumentKind, TimeSeriesStore};
use crate::model::commit::FireOutcome;
use crate::model::{CallCount, CallCounts, PortCall};
use crate::rehearsal::FinishedRun;
use crate::scenario::Gates;
use crate::sim::fault_plan::{FaultProfile, SkippedExpectation};
use crate::sim::kernel::divergence::Divergence;
use crate::sim::kernel::{Stop, TraceLine};
use crate::sim::station::WaitTimes;
use crate::sim::world::StationLoad;
use rehearsal_convert::{Nearest, Saturating};

/// Maximum age of the last value of a series, in ms. The same as the lookback of PromQL.
const LOOKBACK_MS: i64 = 300_000;

impl RunReport {
    /// Builds the report. `replay` is the shell line that repeats the run. `rerun` is the result
    /// of a determinism check, if one was made.
    pub fn new(finished: &FinishedRun, replay: String, rerun: Option<Option<&Divergence>>) -> Self {
        let FinishedRun {
            scenario,
            oracle,
            recording,
            ..
        } = finished;
        let tally = &oracle.tally;
        let determinism = rerun.map(determinism);
        let expectations = expectations(finished);
        let skipped = finished.skipped.iter();
        let skipped = skipped.map(|it| skipped_expectation(finished.profile, it));
        let gates = gates(&scenario.gates, oracle);
        let mut invariants: Vec<InvariantSummary> = oracle.findings.iter().map(invariant).collect();
        note_determinism(&mut invariants, determinism.as_ref());
        let halted = finished
            .halted
            .and_then(|stop| halt_reason(stop, finished.events));
        Self {
            schema: SCHEMA.into(),
            scenario: scenario.name.clone(),
            description: scenario.description.clone(),
            seed: finished.seed,
            profile: finished.profile.as_str().into(),
            window: finished.window,
            trace_hash: format!("{:016x}", finished.trace_hash),
            verdict: verdict(
                &invariants,
                &expectations,
                &gates,
                halted.is_some(),
                finished.window.is_some(),
            ),
            virtual_seconds: finished.ended_at.since(scenario.start).as_secs_f64(),
            wall_seconds: finished.wall.as_secs_f64(),
            events: finished.events,
            calls: calls(&finished.calls),
            stations: finished.stations.iter().map(station).collect(),
            images: tally.images,
            images_failed: tally.images_failed,
            deltas: tally.deltas,
            runs: RunsSummary {
                completed: tally.runs_completed - tally.runs_without_work,
                no_work: tally.runs_without_work,
                error: tally.runs_failed,
                cancelled: tally.runs_cancelled,
                open: oracle.stuck.len() as u64,
            },
            fires: FireOutcome::ALL
                .iter()
                .map(|fate| (fate.as_str().to_owned(), tally.fires[fate.index()]))
                .collect(),
            latency: BTreeMap::from([
                (
                    "plannerLatency".into(),
                    QuantileSummary::of_micros(&oracle.latency_micros),
                ),
                (
                    "runDuration".into(),
                    QuantileSummary::of_micros(&oracle.duration_micros),
                ),
            ]),
            backlog_peak: tally.peak_backlog,
            faults: faults(oracle),
            invariants,
            expectations,
            skipped: skipped.collect(),
            gates,
            stuck: stuck(oracle),
            halted,
            determinism,
            instruments: instruments(recording, finished.ended_at.millis()),
            replay,
        }
    }
}

/// Returns the reason if an early stop makes the run a failure.
/// Returns the calls by name.
fn calls(counts: &CallCounts) -> BTreeMap<String, CallSummary> {
    let summary = |call: &PortCall| {
        let CallCount { begun, failed } = counts.of(*call);
        (begun > 0).then(|| (call.as_str().to_owned(), CallSummary { begun, failed }))
    };
    PortCall::ALL.iter().filter_map(summary).collect()
}

/// Returns the load of a station.
fn station(load: &StationLoad) -> StationSummary {
    let statistics = &load.statistics;
    let servers = load.servers as u64;
    StationSummary {
        service: load.service.to_owned(),
        servers,
        utilisation: statistics.mean_busy() / servers.nearest_f64(),
        queue_length: statistics.mean_queue_length(),
        waits: waits(&statistics.waits),
        row_waits: load.row_waits.as_ref().map(waits),
        connection_waits: load.connection_waits.as_ref().map(waits),
    }
}

fn waits(times: &WaitTimes) -> WaitSummary {
    WaitSummary {
        calls: times.count,
        mean_seconds: times.mean().as_secs_f64(),
        max_seconds: times.longest.as_secs_f64(),
    }
}

fn halt_reason(stop: Stop, events: u64) -> Option<String> {
    match stop {
        Stop::Deadline | Stop::Idle | Stop::Requested => None,
        Stop::EventBudget => Some(format!(
            "event budget exhausted ({}): probably a livelock",
            count(events)
        )),
        Stop::TaskLimit => {
            Some("task limit of the kernel reached: tasks are started faster than they end".into())
        }
        Stop::TimerLimit => {
            Some("timer limit of the kernel reached: timers are set faster than they fire".into())
        }
    }
}

/// Combines the results: a violation outranks an unmet gate, and that outranks a miss. A slice of
/// a scenario is never a miss, because the expectation may be met in another slice. Expectations
/// that are not required have no part in it.
fn verdict(
    invariants: &[InvariantSummary],
    expectations: &[ExpectationSummary],
    gates: &[GateSummary],
    halted: bool,
    is_part: bool,
) -> Verdict {
    let any = |outcome| {
        expectations
            .iter()
            .any(|expectation| expectation.required && expectation.outcome == outcome)
    };
    if halted || invariants.iter().any(|i| i.violations > 0) || any(ExpectationOutcome::Violated) {
        Verdict::Fail
    } else if !gates.iter().all(GateSummary::is_met) {
        Verdict::Vacuous
    } else if any(ExpectationOutcome::Missed) && !is_part {
        Verdict::Miss
    } else {
        Verdict::Pass
    }
}

fn expectations(finished: &FinishedRun) -> Vec<ExpectationSummary> {
    let scenario = &finished.scenario;
    let span = RehearsalSpan {
        start: scenario.start,
        end: finished.ended_at,
        interval: scenario.workers.scrape_interval.std(),
    };
    let mut watch = AlertWatch::new(&finished.recording, &finished.oracle.episodes, span);
    let judged = scenario.expectations.iter().map(|expectation| {
        let judgement = match &expectation.alert {
            Some(_) => watch.judge(expectation),
            None => judge(expectation, &finished.recording, &span),
        };
        ExpectationSummary {
            name: expectation.title(),
            query: expectation.asked(),
            when: expectation.when.as_str().into(),
            required: finished.profile.requires(expectation),
            outcome: judgement.outcome,
            answers: judgement.answers,
            detail: judgement.detail,
            at: judgement.at,
        }
    });
    judged.collect()
}

fn skipped_expectation(
    profile: FaultProfile,
    skipped: &SkippedExpectation,
) -> SkippedExpectationSummary {
    let expectation = &skipped.expectation;
    SkippedExpectationSummary {
        name: expectation.title(),
        when: expectation.when.as_str().into(),
        required: profile.requires(expectation),
        reason: skipped.reason.into(),
    }
}

/// Returns the gates that require anything.
fn gates(gates: &Gates, oracle: &OracleReport) -> Vec<GateSummary> {
    let tally = &oracle.tally;
    let plain = [
        ("runs", gates.runs, tally.runs_ended()),
        ("images", gates.images, tally.images),
        ("faults", gates.faults, oracle.faults_hit()),
        ("deltas", gates.deltas, tally.deltas),
        ("comparisons", gates.comparisons, oracle.checks()),
    ];
    let plain = plain
        .into_iter()
        .map(|(name, required, found)| (name.to_owned(), required, found));
    let exercised = gates.exercised.iter().map(|(name, required)| {
        let findings = oracle
            .findings
            .iter()
            .find(|findings| findings.name.as_str() == name);
        let found = findings.map_or(0, |findings| findings.exercised);
        (format!("exercised.{name}"), *required, found)
    });
    plain
        .chain(exercised)
        .filter(|(_, required, _)| *required > 0)
        .map(|(name, required, found)| GateSummary {
            name,
            required,
            found,
        })
        .collect()
}

fn invariant(findings: &InvariantFindings) -> InvariantSummary {
    let first = findings
        .violations
        .iter()
        .map(|violation| ViolationSummary {
            at: violation.at.to_string(),
            place: violation.object.clone(),
            what: violation.reason.clone(),
            expected: violation.expected.clone(),
            found: violation.found.clone(),
        });
    InvariantSummary {
        name: findings.name.to_string(),
        checks: findings.checks,
        exercised: findings.exercised,
        violations: findings.violated,
        first: first.collect(),
    }
}

fn determinism(difference: Option<&Divergence>) -> DeterminismSummary {
    let side = |name: &str, line: Option<&TraceLine>| match line {
        Some(line) => format!(
            "{name}: event {} at {} ns: {}",
            line.event, line.at_ns, line.what
        ),
        None => format!("{name}: no event, the run had ended"),
    };
    let first_difference = difference.map(|difference| {
        vec![
            format!("event {}", difference.event),
            side("first", difference.left.as_ref()),
            side("second", difference.right.as_ref()),
        ]
    });
    DeterminismSummary {
        same: difference.is_none(),
        first_difference: first_difference.unwrap_or_default(),
    }
}

/// Counts the determinism check as an evaluation of its invariant, which needs two runs.
fn note_determinism(invariants: &mut [InvariantSummary], determinism: Option<&DeterminismSummary>) {
    let name = InvariantName::Determinism.as_str();
    let found = invariants
        .iter_mut()
        .find(|invariant| invariant.name == name);
    if let (Some(invariant), Some(determinism)) = (found, determinism) {
        invariant.checks += 1;
        invariant.exercised += 1;
        invariant.violations += u64::from(!determinism.same);
    }
}

fn faults(oracle: &OracleReport) -> Vec<FaultSummary> {
    let faults = oracle
        .faults
        .iter()
        .filter(|(_, begun, hit)| *begun + *hit > 0);
    faults
        .map(|(kind, begun, hit)| FaultSummary {
            kind: kind.as_str().into(),
            begun: *begun,
            hit: *hit,
        })
        .collect()
}

fn stuck(oracle: &OracleReport) -> Vec<StuckRunSummary> {
    let stuck = oracle.stuck.iter();
    stuck
        .map(|stuck| StuckRunSummary {
            run: stuck.run.to_string(),
            waits_for: stuck.waits_for.clone(),
            moved_at: Some(stuck.moved_at),
        })
        .collect()
}

/// Returns the last values of every instrument, summed over processes. Counters and histograms
/// cover all incarnations; the others show the last scrape.
fn instruments(recording: &TimeSeriesStore, at_ms: i64) -> BTreeMap<String, InstrumentSummary> {
    let latest = |id: SeriesId| {
        let sample = recording.latest(id, at_ms, LOOKBACK_MS);
        sample.map(|sample| sample.value)
    };
    let total = |id: SeriesId| Some(recording.total(id));
    let mut instruments = BTreeMap::new();
    for family in recording.families() {
        let series = match family.kind {
            InstrumentKind::Histogram => histogram(recording, family),
            InstrumentKind::Counter => numbers(sums(recording, &family.name, total)),
            InstrumentKind::UpDownCounter | InstrumentKind::Gauge | InstrumentKind::Info => {
                numbers(sums(recording, &family.name, latest))
            }
        };
        let kind = family.kind.exposed().to_owned();
        instruments.insert(family.name.to_string(), InstrumentSummary { kind, series });
    }
    instruments
}

fn numbers(sums: BTreeMap<BTreeMap<String, String>, f64>) -> Vec<SeriesSummary> {
    let series = sums.into_iter().map(|(labels, value)| SeriesSummary {
        labels,
        value: SeriesSummaryValue::Number { value },
    });
    series.collect()
}

fn histogram(recording: &TimeSeriesStore, family: &Family) -> Vec<SeriesSummary> {
    let sums_of = |part: &str| {
        let name = format!("{}_{part}", family.name);
        sums(recording, &name, |id| Some(recording.total(id)))
    };
    let totals = sums_of("sum");
    let series = sums_of("count").into_iter().map(|(labels, count)| {
        let sum = totals.get(&labels).copied().unwrap_or_default();
        SeriesSummary {
            value: SeriesSummaryValue::Histogram {
                count: count.saturating_u64(),
                sum,
            },
            labels,
        }
    });
    series.collect()
}

/// Returns the values of all series of a name, summed over processes.
fn sums(
    recording: &TimeSeriesStore,
    name: &str,
    value: impl Fn(SeriesId) -> Option<f64>,
) -> BTreeMap<BTreeMap<String, String>, f64> {
    let mut sums = BTreeMap::new();
    for id in recording.select(Some(name), &[]) {
        let Some(value) = value(id) else {
            continue;
        };
        let own = recording
            .labels(id)
            .iter()
            .filter(|(name, _)| !matches!(*name, "job" | "instance"));
        let labels = own
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        *sums.entry(labels).or_insert(0.0) += value;
    }
    sums
}
