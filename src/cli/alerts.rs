//! `rehearsal alerts`

use std::fs;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use clap::{Args, ValueEnum};
use rehearsal::alerts::unit_tests::{UnitTestError, unit_tests};
use rehearsal::alerts::{RunScore, Scorecard, Subject, Survey, SurveyError, junit, text};
use rehearsal::check::vocabulary;
use rehearsal::promql::Semantics;
use rehearsal::promql::rules::{RuleFile, Timeline};
use rehearsal::rehearsal::{Finished, RunError};
use rehearsal::scenario::{Duration, Loader, Scenario};

use super::failure::Failure;
use super::output;
use super::progress::SeedBar;
use super::rehearse::Profile;
use super::rules::read_rules;
use super::sweep::parse_seeds;

/// The exit code if an incident was missed, or a rule fires while all is well.
const BAD_RULES: u8 = 10;

#[derive(Args)]
pub struct Arguments {
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
    #[arg(long, value_enum, default_value_t = Profile::None)]
    profile: Profile,
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
pub fn main(arguments: &Arguments) -> Result<u8, Failure> {
    let (rules, rules_text) = read_rules(arguments.rules.as_deref(), arguments.semantics)?;
    let loader = Loader {
        vocabulary: vocabulary(),
        overrides: arguments.overrides.clone(),
    };
    let scenarios = arguments.scenarios.iter().map(|path| loader.load(path));
    let scenarios = scenarios.collect::<Result<Vec<Scenario>, _>>()?;
    if let Some(directory) = &arguments.unit_tests {
        write(&directory.join("rules.yaml"), &rules_text)?;
    }
    let card = Scorecard::new(&rules.path, &score(arguments, &rules, &scenarios)?);
    output::print(&match arguments.format {
        Format::Text => text(&card),
        Format::Json => json(&card)?,
        Format::Junit => junit(&card)
            .map_err(|error| Failure::Surroundings(format!("can't write JUnit XML: {error}")))?,
    })?;
    Ok(if card.is_good() { 0 } else { BAD_RULES })
}

fn score(
    arguments: &Arguments,
    rules: &RuleFile,
    scenarios: &[Scenario],
) -> Result<Vec<RunScore>, Failure> {
    let cores = || available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let survey = Survey {
        rules,
        interval_ms: (arguments.interval.as_nanos() / 1_000_000) as i64,
        jobs: arguments.jobs.unwrap_or_else(cores),
    };
    let seeds = arguments.seeds.as_ref();
    let subjects = Subject::all(scenarios, seeds, arguments.profile.kind());
    let bar = SeedBar::new("alerts", &(0..subjects.len() as u64));
    let work = |finished: &Finished| {
        let timeline = survey.timeline(finished).map_err(SurveyError::from)?;
        if let Some(directory) = &arguments.unit_tests {
            write_unit_tests(directory, rules, finished, &timeline)?;
        }
        Ok::<RunScore, Failure>(survey.score(finished, &timeline)?)
    };
    let scores = survey.over(&subjects, work, || bar.advance_by_one());
    bar.finish();
    scores
}

fn write_unit_tests(
    directory: &Path,
    rules: &RuleFile,
    finished: &Finished,
    timeline: &Timeline,
) -> Result<(), Failure> {
    let name = format!("{}-{}", finished.scenario.name, finished.seed);
    let source = &finished.recording;
    let written = unit_tests(rules, "rules.yaml", &name, source, timeline.span);
    let written = written.map_err(|error: UnitTestError| Failure::Usage(error.to_string()))?;
    write(&directory.join(format!("{name}.test.yaml")), &written)
}

fn json(card: &Scorecard) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(card);
    let text = text.map_err(|error| Failure::Surroundings(error.to_string()))?;
    Ok(text + "\n")
}

fn write(path: &Path, content: &str) -> Result<(), Failure> {
    let directory = path.parent().map_or(Ok(()), fs::create_dir_all);
    directory
        .and_then(|()| fs::write(path, content))
        .map_err(|error| Failure::Surroundings(format!("can't write {}: {error}", path.display())))
}

impl From<SurveyError> for Failure {
    fn from(error: SurveyError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self::Usage(error.to_string())
    }
}
