//! From a scenario to its report: the one place where the command line meets the simulator.

use clap::ValueEnum;
use rehearsal::rehearsal::{FinishedRun, Progress, RehearsalError, RunOptions, run};
use rehearsal::report::RunReport;
use rehearsal::scenario::{Scenario, changed_parameters};
use rehearsal::sim::fault_plan;

use super::error::CliError;

/// Faults to draw on top of a scenario's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProfileArg {
    /// None
    None,
    /// A bad day
    Light,
    /// A bad day every few hours
    Heavy,
    /// Other kinds and other rates for each seed
    Swarm,
}

impl ProfileArg {
    /// The profile as the simulator knows it.
    pub const fn kind(self) -> fault_plan::FaultProfile {
        match self {
            Self::None => fault_plan::FaultProfile::None,
            Self::Light => fault_plan::FaultProfile::Light,
            Self::Heavy => fault_plan::FaultProfile::Heavy,
            Self::Swarm => fault_plan::FaultProfile::Swarm,
        }
    }
}

/// Rehearses a scenario; twice, if its determinism is to be checked. `replay` is the shell line
/// that does the same again.
pub fn rehearse(
    scenario: &Scenario,
    profile: ProfileArg,
    check_determinism: bool,
    replay: String,
    progress: impl FnMut(Progress),
) -> Result<(RunReport, FinishedRun), CliError> {
    let options = RunOptions {
        profile: profile.kind(),
        ..RunOptions::default()
    };
    let impossible = |error: RehearsalError| CliError::Usage(error.to_string());
    if check_determinism {
        let (finished, difference) =
            rehearsal::rehearsal::check_determinism(scenario, &options, progress)
                .map_err(impossible)?;
        let report = RunReport::new(&finished, replay, Some(difference.as_ref()));
        return Ok((report, finished));
    }
    let finished = run(scenario, &options, progress).map_err(impossible)?;
    Ok((RunReport::new(&finished, replay, None), finished))
}

/// The seed, and every parameter that differs from its default.
pub fn banner(scenario: &Scenario, profile: ProfileArg) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let (name, seed) = (&scenario.name, scenario.seed);
    let profile = profile.kind().as_str();
    let head = format!("rehearsal {version}: {name}, seed {seed}, profile {profile}");
    let lines = changed_parameters(scenario).into_iter().map(|parameter| {
        let default = match parameter.default.as_str() {
            "" => String::new(),
            default => format!("  (default {default})"),
        };
        format!("  {} = {}{default}", parameter.key, parameter.value)
    });
    [head]
        .into_iter()
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n")
}
