//! What is to go wrong in a rehearsal: data, made before the run, so that it can be printed, saved
//! and shrunk.

mod generator;
mod injection_times;
mod operations;
mod overrides;
mod planned;
mod profile;
#[cfg(test)]
mod tests;
mod time_slice;

use serde::{Deserialize, Serialize};

use self::injection_times::InjectionTimes;
pub use self::overrides::PlanOverrides;
pub use self::planned::PlannedFault;
pub use self::profile::FaultProfile;
pub use self::time_slice::TimeSlice;
use crate::scenario::{FaultSpec, OperationSpec, Scenario, Timing};

/// All faults of a rehearsal, and what was drawn with them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FaultPlan {
    /// The part of the scenario that is rehearsed; none: all of it.
    pub window: Option<TimeSlice>,
    /// In order of time, counted from the start of what is rehearsed.
    pub faults: Vec<PlannedFault>,
    /// What an operator does besides what the scenario states.
    pub operations: Vec<OperationSpec>,
    /// Options of the worker that the profile has drawn.
    pub overrides: PlanOverrides,
}

impl FaultPlan {
    /// Puts what was drawn, but for the faults, into the scenario.
    pub fn apply(&self, scenario: &mut Scenario) {
        if let Some(window) = self.window {
            window.apply(scenario);
        }
        scenario.operations.extend(self.operations.iter().cloned());
        self.overrides.apply(&mut scenario.workers.options);
    }

    /// The faults that a scenario states, and those that a profile adds. The same scenario with the
    /// same seed and the same profile give the same plan.
    pub fn draw(scenario: &Scenario, profile: FaultProfile) -> Self {
        let seed = scenario.seed;
        let window = TimeSlice::draw(profile, scenario, seed);
        let mut part = scenario.clone();
        if let Some(window) = window {
            window.apply(&mut part);
        }
        let times = InjectionTimes::new(&part, profile);
        let mut faults = planned::plan_stated(&part, seed);
        faults.extend(profile.draw_plan(&part, &times, seed));
        // Stable: faults at the same time stay in the order of the scenario.
        faults.sort_by_key(|planned| planned.at);
        Self {
            window,
            faults,
            operations: operations::draw(profile, &part, &times, seed),
            overrides: PlanOverrides::draw(profile, seed),
        }
    }

    /// The scenario that states all that a profile draws for it: rehearsed without a profile, it is
    /// the same rehearsal.
    pub fn state(scenario: &Scenario, profile: FaultProfile) -> Scenario {
        let plan = Self::draw(scenario, profile);
        let mut stated = scenario.clone();
        plan.apply(&mut stated);
        let faults = plan.faults.into_iter().map(|planned| FaultSpec {
            timing: Timing {
                at: Some(planned.at),
                ..Timing::default()
            },
            effect: planned.effect,
        });
        stated.faults = faults.collect();
        stated
    }
}
