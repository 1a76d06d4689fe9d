//! Fault plans: all that will go wrong in a rehearsal, drawn before the run.
//!
//! ```text
//!   scenario, profile, seed ──draw──> PlannedScenario { scenario, plan } ──> world
//!                                            └─ into_stated ──> scenario (shrinking)
//! ```
//!
//! A plan is plain data, so a bug report can print it and shrinking can reduce it. Drawing faults
//! while the world runs was rejected: each fault would then depend on what the worker did before
//! it, and one fewer fault would change all later ones.
//!
//! Drawing never changes the scenario that is read. The part that is rehearsed, with the drawn
//! operations and options, is a new value.

mod finding_overrides;
mod generator;
mod injection_times;
mod load_limit;
mod operations;
mod overrides;
mod planned;
mod profile;
mod scenario_faults;
mod schedule_generator;
mod schedule_overrides;
mod service_latency;
mod set_arguments;
mod skipped_expectation;
#[cfg(test)]
mod tests;
mod time_slice;

pub use self::finding_overrides::FindingOverrides;
use self::injection_times::InjectionTimes;
pub use self::overrides::PlanOverrides;
pub use self::planned::PlannedFault;
pub use self::profile::FaultProfile;
pub use self::schedule_overrides::{DrawnPopulation, DrawnSchedule, ScheduleOverrides};
pub use self::service_latency::ServiceLatency;
use self::set_arguments::SetArguments;
pub use self::skipped_expectation::SkippedExpectation;
pub use self::time_slice::TimeSlice;
use crate::scenario::{FaultSpec, OperationSpec, Scenario, WorkersSpec};
use crate::sim::draw_index;
use crate::sim::kernel::RandomStream;

/// Faults of a rehearsal, and all else that its profile has drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultPlan {
    /// Profile from which the plan was drawn.
    pub profile: FaultProfile,
    /// Part of the scenario that is rehearsed; `None` is all of it.
    pub slice: Option<TimeSlice>,
    /// Expectations that the part can't decide.
    pub skipped: Vec<SkippedExpectation>,
    /// Stated and drawn faults by time since the start of the part that is rehearsed.
    pub faults: Vec<PlannedFault>,
    /// Drawn operations, which follow those that the scenario states.
    pub operations: Vec<OperationSpec>,
    /// Drawn options of the worker.
    pub overrides: PlanOverrides,
    /// Drawn latencies of the services.
    pub latency: ServiceLatency,
    /// Drawn keys of the schedules.
    pub schedules: ScheduleOverrides,
    /// Drawn keys of deltas and advisories.
    pub findings: FindingOverrides,
    /// Number of images that keeps the seed in its event budget; `None` keeps that of the scenario.
    pub images: Option<u64>,
}

/// A scenario as one seed rehearses it, and the plan that was drawn for it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedScenario {
    /// The time slice of the scenario with its seed and with the drawn operations, options,
    /// latencies, and keys of schedules and findings.
    ///
    /// Its `faults` are those that the file states; the world injects those of the plan.
    pub scenario: Scenario,
    /// Faults, operations, options and latencies that were drawn.
    pub plan: FaultPlan,
}

impl PlannedScenario {
    /// Draws the plan of a scenario; equal arguments give equal plans.
    pub fn draw(scenario: &Scenario, profile: FaultProfile, seed: u64) -> Self {
        let whole = Scenario {
            seed,
            ..scenario.clone()
        };
        let slice = TimeSlice::draw(profile, &whole, seed);
        let (part, skipped) = match slice {
            Some(slice) => slice.cut(whole),
            None => (whole, Vec::new()),
        };
        let schedules = ScheduleOverrides::draw(profile, &part, seed);
        let part = schedules.applied_to(part);
        let times = InjectionTimes::new(&part, profile);
        let mut faults = scenario_faults::plan_stated(&part, seed);
        faults.extend(profile.draw_plan(&part, &times, seed));
        // Stable: faults at the same time stay in the order of the scenario.
        faults.sort_by_key(|planned| planned.at);
        let mut plan = FaultPlan {
            profile,
            slice,
            skipped,
            faults,
            operations: operations::draw(profile, &part, &times, seed),
            overrides: PlanOverrides::draw(profile, seed),
            latency: ServiceLatency::draw(profile, seed),
            schedules,
            findings: FindingOverrides::draw(profile, &part, seed),
            images: None,
        };
        let mut scenario = plan.operated(part);
        if profile == FaultProfile::Swarm {
            plan.images = load_limit::limited_images(&scenario);
            scenario.fleet.images = plan.images.unwrap_or(scenario.fleet.images);
        }
        Self { scenario, plan }
    }

    /// Returns a scenario that states all that was drawn: without a profile its rehearsal is the
    /// same. It has the expectations that the profile requires.
    pub fn into_stated(self) -> Scenario {
        let mut expectations = self.scenario.expectations;
        expectations.retain(|expectation| self.plan.profile.requires(expectation));
        Scenario {
            faults: self.plan.faults.into_iter().map(FaultSpec::from).collect(),
            expectations,
            ..self.scenario
        }
    }
}

impl FaultPlan {
    /// Returns the scenario with the drawn operations, options, latencies and findings.
    fn operated(&self, scenario: Scenario) -> Scenario {
        let scenario = self.findings.applied_to(self.latency.applied_to(scenario));
        let mut operations = scenario.operations;
        operations.extend(self.operations.iter().cloned());
        Scenario {
            operations,
            workers: WorkersSpec {
                options: self.overrides.applied_to(scenario.workers.options),
                ..scenario.workers
            },
            ..scenario
        }
    }
}

/// Returns the names of all processes of a scenario.
fn process_names(scenario: &Scenario) -> Vec<String> {
    let processes = scenario.workers.processes.list();
    processes.into_iter().map(|(name, _)| name).collect()
}

/// Draws one of the processes.
fn draw_process<'a>(processes: &'a [String], stream: &mut RandomStream) -> &'a str {
    let number = draw_index(stream, processes.len());
    processes.get(number).map_or("", String::as_str)
}

/// Draws a number in `[low, high)` whose logarithm is uniform: small ones are as likely as large
/// ones.
fn draw_log_uniform(stream: &mut RandomStream, low: f64, high: f64) -> f64 {
    low * libm::exp(libm::log(high / low) * stream.uniform())
}
