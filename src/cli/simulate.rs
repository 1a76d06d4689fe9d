//! Simulation of a scenario for a command, and the banner before it.

use clap::ValueEnum;
use rehearsal::rehearsal::{FinishedRun, Progress, RunOptions, run};
use rehearsal::report::RunReport;
use rehearsal::scenario::{CostEstimate, Scenario, changed_parameters};
use rehearsal::sim::fault_plan;

use super::error::CliError;
use super::output::print_status;

/// Profile of random faults, added to those of the scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProfileArg {
    /// No random faults
    None,
    /// Few faults, as on a bad day
    Light,
    /// Many faults, every few hours
    Heavy,
    /// Random kinds and rates of faults for each seed
    Swarm,
}

impl ProfileArg {
    /// Converts to the profile of the simulator.
    pub const fn kind(self) -> fault_plan::FaultProfile {
        match self {
            Self::None => fault_plan::FaultProfile::None,
            Self::Light => fault_plan::FaultProfile::Light,
            Self::Heavy => fault_plan::FaultProfile::Heavy,
            Self::Swarm => fault_plan::FaultProfile::Swarm,
        }
    }
}

/// Runs a scenario; twice if `check_determinism`. `replay` is the shell line that repeats the run.
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
    if check_determinism {
        let (finished, difference) =
            rehearsal::rehearsal::check_determinism(scenario, &options, progress)?;
        let report = RunReport::new(&finished, replay, Some(difference.as_ref()));
        return Ok((report, finished));
    }
    let finished = run(scenario, &options, progress)?;
    Ok((RunReport::new(&finished, replay, None), finished))
}

/// Warns before a simulation that takes long or much memory. Profile `swarm` limits the events of
/// each seed.
pub fn warn_of_cost(scenario: &Scenario, profile: fault_plan::FaultProfile) {
    if profile != fault_plan::FaultProfile::Swarm
        && let Some(warning) = CostEstimate::of(scenario).warning(scenario)
    {
        print_status(&warning);
    }
}

/// Banner: the seed, and every parameter that differs from its default.
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
