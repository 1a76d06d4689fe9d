//! `rehearsal alerts`

use std::fmt::Display;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::Args;
use rehearsal::alerts::unit_tests::unit_tests;
use rehearsal::alerts::{
    EvaluatedRun, RuleEvaluation, RunScore, Scorecard, TradeOff, Tuning, TuningError, junit, plot,
    text, trade_off_text,
};
use rehearsal::check::scenario_loader;
use rehearsal::files::{DirectoryLock, OutputFiles};
use rehearsal::promql::Semantics;
use rehearsal::promql::rules::{AlertTimeline, RuleFile};
use rehearsal::rehearsal::FinishedRun;
use rehearsal::scenario::{Duration, Scenario};
use serde::Serialize;

use crate::cli::error::CliError;
use crate::cli::input::{OverwriteArgs, jobs_or_cores, parse_jobs, parse_seeds, read_rules};
use crate::cli::output::{self, ReportFormat};
use crate::cli::progress::SeedBar;
use crate::cli::simulate::{ProfileArg, warn_of_cost};

/// Exit code if an incident was missed, or a rule fires without an incident.
const BAD_RULES: u8 = 10;

/// Name of the rule file beside its unit tests.
const RULES: &str = "rules.yaml";

#[derive(Args)]
pub struct AlertsArgs {
    /// Scenario files
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
    /// Prometheus rule file. Default: docs/ops/
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Seed range of each scenario, end exclusive. Default: seed of the scenario
    #[arg(long, value_name = "A..B", value_parser = parse_seeds)]
    seeds: Option<Range<u64>>,
    /// Profile of random faults, added to those of the scenario
    #[arg(long, value_enum, default_value_t = ProfileArg::None)]
    profile: ProfileArg,
    /// Override of a scenario value, as in `fleet.images=100`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Evaluation interval of rule groups that state none, as in `30s`
    #[arg(long, value_name = "TIME", default_value = "1m")]
    interval: Duration,
    /// Prometheus version whose query semantics apply: `v3` or `v2.42`
    #[arg(long, value_name = "VERSION", default_value_t = Semantics::V3)]
    semantics: Semantics,
    /// Number of rehearsals run in parallel, 1 to 1024. Default: number of cores
    #[arg(long, value_name = "N", value_parser = parse_jobs)]
    jobs: Option<usize>,
    /// Directory for the rules and a `promtool` unit-test file per rehearsal. Default: none
    #[arg(long, value_name = "DIR")]
    unit_tests: Option<PathBuf>,
    /// Evaluate a rule with a range of values, as in `SchedulerRunStuck threshold=600..3600` or
    /// `SchedulerRunStuck for=1m..30m`, and print delay against false alarms
    #[arg(long, num_args = 2, value_names = ["RULE", "RANGE"])]
    tune: Option<Vec<String>>,
    /// SVG file for the plot of --tune. Default: `reports/tune-RULE.svg`, or with a number if that
    /// exists
    #[arg(long, value_name = "FILE", requires = "tune")]
    picture: Option<PathBuf>,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    /// Format of standard output
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

/// Scores the rules and prints the scorecard.
pub fn main(arguments: &AlertsArgs) -> Result<u8, CliError> {
    let (rules, rules_text) = read_rules(arguments.rules.as_deref(), arguments.semantics)?;
    let loader = scenario_loader(&arguments.overrides);
    let scenarios = arguments.scenarios.iter().map(|path| loader.load(path));
    let scenarios = scenarios.collect::<Result<Vec<Scenario>, _>>()?;
    for scenario in &scenarios {
        warn_of_cost(scenario, arguments.profile.kind());
    }
    let files = output_files(arguments);
    let _lock = match &arguments.unit_tests {
        Some(directory) => {
            check_unit_tests(&files, directory, &scenarios)?;
            let lock = DirectoryLock::acquire(directory)?;
            files.write(&directory.join(RULES), &rules_text)?;
            Some(lock)
        }
        None => None,
    };
    if let Some([rule, range]) = arguments.tune.as_deref() {
        let picture = picture(arguments, &files, rule)?;
        let trade_off = tune(arguments, &rules, &scenarios, rule, range)?;
        return publish(arguments, &files, &trade_off, &picture);
    }
    let card = Scorecard::new(&rules.path, &score(arguments, &files, &rules, &scenarios)?);
    match arguments.format {
        ReportFormat::Text => output::print_text(&text(&card)),
        ReportFormat::Json => output::print(&json(&card)?),
        ReportFormat::Junit => output::print(&junit(&card).map_err(CliError::junit)?),
    }?;
    Ok(if card.is_good() { 0 } else { BAD_RULES })
}

/// Rules for the output files.
fn output_files(arguments: &AlertsArgs) -> OutputFiles {
    let inputs = arguments.scenarios.iter().chain(&arguments.rules);
    OutputFiles::new(arguments.overwrite.force, inputs.map(PathBuf::as_path))
}

/// Checks, before the work, that each unit test has a file of its own.
fn check_unit_tests(
    files: &OutputFiles,
    directory: &Path,
    scenarios: &[Scenario],
) -> Result<(), CliError> {
    for (index, scenario) in scenarios.iter().enumerate() {
        let others = &scenarios[..index];
        if others.iter().any(|other| other.name == scenario.name) {
            return Err(CliError::Usage(format!(
                "two scenarios are named `{}`, and so would be their unit tests: score one at a \
                 time, each with a directory of its own",
                scenario.name
            )));
        }
    }
    Ok(files.check(&directory.join(RULES))?)
}

/// Path of the plot. It may be written.
fn picture(arguments: &AlertsArgs, files: &OutputFiles, rule: &str) -> Result<PathBuf, CliError> {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let picture = match &arguments.picture {
        Some(picture) => picture.clone(),
        None if rule.is_empty() || !rule.chars().all(is_plain) => {
            let message = "the name of the rule is no file name: name the plot with --picture";
            return Err(CliError::Usage(message.into()));
        }
        None => files.unused(Path::new(&format!("reports/tune-{rule}.svg"))),
    };
    files.check(&picture)?;
    Ok(picture)
}

fn score(
    arguments: &AlertsArgs,
    files: &OutputFiles,
    rules: &RuleFile,
    scenarios: &[Scenario],
) -> Result<Vec<RunScore>, CliError> {
    let evaluation = evaluation(arguments, rules);
    over(arguments, &evaluation, scenarios, |finished| {
        let timeline = evaluation.timeline(finished);
        let timeline = timeline.map_err(|error| of_rules(rules, error))?;
        if let Some(directory) = &arguments.unit_tests {
            write_unit_tests(files, directory, (rules, &timeline), finished)?;
        }
        let scored = evaluation.score(finished, &timeline);
        scored.map_err(|error| of_rules(rules, error))
    })
}

/// Evaluates other values of a rule.
fn tune(
    arguments: &AlertsArgs,
    rules: &RuleFile,
    scenarios: &[Scenario],
    rule: &str,
    range: &str,
) -> Result<TradeOff, CliError> {
    let tuning: Tuning = range
        .parse()
        .map_err(|error: TuningError| CliError::usage(error))?;
    let files = tuning.rule_files(rules, rule);
    let files = files.map_err(|error| of_rules(rules, error))?;
    let evaluation = evaluation(arguments, rules);
    let runs = over(arguments, &evaluation, scenarios, |finished| {
        TradeOff::scores(&files, &evaluation, finished).map_err(|error| of_rules(rules, error))
    })?;
    Ok(TradeOff::new(rule, &tuning, &runs))
}

/// Writes the plot of a trade-off, and prints it.
fn publish(
    arguments: &AlertsArgs,
    files: &OutputFiles,
    trade_off: &TradeOff,
    picture: &Path,
) -> Result<u8, CliError> {
    files.write(picture, plot(trade_off).map_err(CliError::Io)?)?;
    match arguments.format {
        ReportFormat::Json => output::print(&json(trade_off)?),
        _ => {
            let text = trade_off_text(trade_off);
            output::print_text(&format!("{text}\nwrote {}\n", picture.display()))
        }
    }?;
    Ok(0)
}

/// Error of a rule, with the name of its file.
fn of_rules(rules: &RuleFile, error: impl Display) -> CliError {
    CliError::Usage(format!("{}: {error}", rules.path))
}

fn evaluation<'r>(arguments: &AlertsArgs, rules: &'r RuleFile) -> RuleEvaluation<'r> {
    RuleEvaluation {
        rules,
        // A duration is a hundred years at most.
        interval_ms: i64::try_from(arguments.interval.std().as_millis()).unwrap_or(i64::MAX),
        jobs: NonZeroUsize::new(jobs_or_cores(arguments.jobs)).unwrap_or(NonZeroUsize::MIN),
    }
}

/// Runs all scenarios and calls `work` with each finished run.
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
    files: &OutputFiles,
    directory: &Path,
    (rules, timeline): (&RuleFile, &AlertTimeline),
    finished: &FinishedRun,
) -> Result<(), CliError> {
    let name = format!("{}-{}", finished.scenario.name, finished.seed);
    let source = &finished.recording;
    let written = unit_tests(rules, RULES, &name, source, timeline.span);
    let written = written.map_err(|error| of_rules(rules, error))?;
    Ok(files.write(&directory.join(format!("{name}.test.yaml")), &written)?)
}

fn json(document: &impl Serialize) -> Result<String, CliError> {
    let text = serde_json::to_string_pretty(document).map_err(CliError::io)?;
    Ok(text + "\n")
}
