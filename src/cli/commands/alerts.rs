//! `rehearsal alerts`

use std::fs;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use clap::{Args, ValueEnum};
use rehearsal::alerts::unit_tests::{UnitTestError, unit_tests};
use rehearsal::alerts::{
    EvaluatedRun, RuleEvaluation, RuleEvaluationError, RunScore, Scorecard, TradeOff, Tuning,
    TuningError, junit, plot, text, trade_off_text,
};
use rehearsal::check::scenario_loader;
use rehearsal::promql::Semantics;
use rehearsal::promql::rules::{AlertTimeline, RuleFile};
use rehearsal::rehearsal::{FinishedRun, RehearsalError};
use rehearsal::scenario::{Duration, Scenario};
use serde::Serialize;

use super::sweep::parse_seeds;
use crate::cli::error::CliError;
use crate::cli::input::read_rules;
use crate::cli::output;
use crate::cli::progress::SeedBar;
use crate::cli::simulate::ProfileArg;

/// The exit code if an incident was missed, or a rule fires while all is well.
const BAD_RULES: u8 = 10;

#[derive(Args)]
pub struct AlertsArgs {
    /// The scenario files
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
    /// The rules, as Prometheus reads them. Default: those of docs/ops/
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// The seeds of each scenario, the last one left out. Default: the file's own
    #[arg(long, value_name = "A..B", value_parser = parse_seeds)]
    seeds: Option<Range<u64>>,
    /// Faults to draw on top of the files'
    #[arg(long, value_enum, default_value_t = ProfileArg::None)]
    profile: ProfileArg,
    /// Put a value over the files', as in `fleet.images=100`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Between two evaluations of a group that doesn't say otherwise
    #[arg(long, value_name = "TIME", default_value = "1m")]
    interval: Duration,
    /// Which Prometheus's semantics queries follow: `v3` or `v2.42`
    #[arg(long, value_name = "VERSION", default_value_t = Semantics::V3)]
    semantics: Semantics,
    /// How many rehearsals at once. Default: one for each core
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Also write the rules and a file of `promtool` unit tests for each rehearsal here
    #[arg(long, value_name = "DIR")]
    unit_tests: Option<PathBuf>,
    /// Try a range of values on one rule, as in `SchedulerRunStuck threshold=600..3600` or
    /// `SchedulerRunStuck for=1m..30m`, and print delay against false alarms
    #[arg(long, num_args = 2, value_names = ["RULE", "RANGE"])]
    tune: Option<Vec<String>>,
    /// Where the picture of that goes. Default: `reports/tune-RULE.svg`
    #[arg(long, value_name = "FILE", requires = "tune")]
    picture: Option<PathBuf>,
    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// The form of a scorecard.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One document
    Json,
    /// `JUnit` XML, for CI
    Junit,
}

/// Scores the rules, and prints the scorecard.
pub fn main(arguments: &AlertsArgs) -> Result<u8, CliError> {
    let (rules, rules_text) = read_rules(arguments.rules.as_deref(), arguments.semantics)?;
    let loader = scenario_loader(&arguments.overrides);
    let scenarios = arguments.scenarios.iter().map(|path| loader.load(path));
    let scenarios = scenarios.collect::<Result<Vec<Scenario>, _>>()?;
    if let Some(directory) = &arguments.unit_tests {
        write(&directory.join("rules.yaml"), &rules_text)?;
    }
    if let Some([rule, range]) = arguments.tune.as_deref() {
        return tune(arguments, &rules, &scenarios, rule, range);
    }
    let card = Scorecard::new(&rules.path, &score(arguments, &rules, &scenarios)?);
    output::print(&match arguments.format {
        Format::Text => text(&card),
        Format::Json => json(&card)?,
        Format::Junit => {
            junit(&card).map_err(|error| CliError::Io(format!("can't write JUnit XML: {error}")))?
        }
    })?;
    Ok(if card.is_good() { 0 } else { BAD_RULES })
}

fn score(
    arguments: &AlertsArgs,
    rules: &RuleFile,
    scenarios: &[Scenario],
) -> Result<Vec<RunScore>, CliError> {
    let evaluation = evaluation(arguments, rules);
    over(arguments, &evaluation, scenarios, |finished| {
        let timeline = evaluation
            .timeline(finished)
            .map_err(RuleEvaluationError::from)?;
        if let Some(directory) = &arguments.unit_tests {
            write_unit_tests(directory, rules, finished, &timeline)?;
        }
        Ok(evaluation.score(finished, &timeline)?)
    })
}

/// Prints what other values would do, and draws it.
fn tune(
    arguments: &AlertsArgs,
    rules: &RuleFile,
    scenarios: &[Scenario],
    rule: &str,
    range: &str,
) -> Result<u8, CliError> {
    let usage = |error: &dyn std::fmt::Display| CliError::Usage(error.to_string());
    let tuning: Tuning = range.parse().map_err(|error: TuningError| usage(&error))?;
    let files = tuning
        .rule_files(rules, rule)
        .map_err(|error| usage(&error))?;
    let evaluation = evaluation(arguments, rules);
    let runs = over(arguments, &evaluation, scenarios, |finished| {
        Ok(TradeOff::scores(&files, &evaluation, finished)?)
    })?;
    let trade_off = TradeOff::new(rule, &tuning, &runs);
    let default = || PathBuf::from(format!("reports/tune-{rule}.svg"));
    let path = arguments.picture.clone().unwrap_or_else(default);
    write(&path, &plot(&trade_off).map_err(CliError::Io)?)?;
    output::print(&match arguments.format {
        Format::Json => json(&trade_off)?,
        _ => format!("{}\nwrote {}\n", trade_off_text(&trade_off), path.display()),
    })?;
    Ok(0)
}

fn evaluation<'r>(arguments: &AlertsArgs, rules: &'r RuleFile) -> RuleEvaluation<'r> {
    let cores = || available_parallelism().unwrap_or(NonZeroUsize::MIN);
    RuleEvaluation {
        rules,
        interval_ms: arguments.interval.std().as_millis() as i64,
        jobs: arguments.jobs.unwrap_or_else(cores),
    }
}

/// Rehearses all scenarios, and does `work` with each rehearsal.
fn over<T: Send>(
    arguments: &AlertsArgs,
    evaluation: &RuleEvaluation<'_>,
    scenarios: &[Scenario],
    work: impl Fn(&FinishedRun) -> Result<T, CliError> + Sync,
) -> Result<Vec<T>, CliError> {
    let seeds = arguments.seeds.as_ref();
    let rehearsals = EvaluatedRun::all(scenarios, seeds, arguments.profile.kind());
    let bar = SeedBar::new("alerts", &(0..rehearsals.len() as u64));
    let done = evaluation.over(&rehearsals, work, || bar.advance_by_one());
    bar.finish();
    done
}

fn write_unit_tests(
    directory: &Path,
    rules: &RuleFile,
    finished: &FinishedRun,
    timeline: &AlertTimeline,
) -> Result<(), CliError> {
    let name = format!("{}-{}", finished.scenario.name, finished.seed);
    let source = &finished.recording;
    let written = unit_tests(rules, "rules.yaml", &name, source, timeline.span);
    let written = written.map_err(|error: UnitTestError| CliError::Usage(error.to_string()))?;
    write(&directory.join(format!("{name}.test.yaml")), &written)
}

fn json(document: &impl Serialize) -> Result<String, CliError> {
    let text = serde_json::to_string_pretty(document);
    let text = text.map_err(|error| CliError::Io(error.to_string()))?;
    Ok(text + "\n")
}

fn write(path: &Path, content: &str) -> Result<(), CliError> {
    let directory = path.parent().map_or(Ok(()), fs::create_dir_all);
    directory
        .and_then(|()| fs::write(path, content))
        .map_err(|error| CliError::Io(format!("can't write {}: {error}", path.display())))
}

impl From<RuleEvaluationError> for CliError {
    fn from(error: RuleEvaluationError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<RehearsalError> for CliError {
    fn from(error: RehearsalError) -> Self {
        Self::Usage(error.to_string())
    }
}
