//! What is to go wrong in a rehearsal: data, made before the run, so that it can be printed, saved
//! and shrunk.

mod artist;
mod operations;
mod overrides;
mod planned;
mod profile;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::overrides::Overrides;
pub use self::planned::PlannedFault;
pub use self::profile::Profile;
use crate::scenario::{Operation, Scenario};

/// All faults of a rehearsal, and the operations and options that were drawn with them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FaultPlan {
    /// In order of time.
    pub faults: Vec<PlannedFault>,
    /// What an operator does besides what the scenario states.
    pub operations: Vec<Operation>,
    /// Options of the worker that the profile has drawn.
    pub overrides: Overrides,
}

impl FaultPlan {
    /// Puts what was drawn, but for the faults, into the scenario.
    pub fn apply(&self, scenario: &mut Scenario) {
        scenario.operations.extend(self.operations.iter().cloned());
        self.overrides.apply(&mut scenario.workers.options);
    }

    /// The faults that a scenario states, and those that a profile adds. The same scenario with the
    /// same seed and the same profile give the same plan.
    pub fn draw(scenario: &Scenario, profile: Profile) -> Self {
        let seed = scenario.seed;
        let mut faults = planned::plan_stated(scenario, seed);
        faults.extend(profile.draw_plan(scenario, seed));
        // Stable: faults at the same time stay in the order of the scenario.
        faults.sort_by_key(|planned| planned.at);
        Self {
            faults,
            operations: operations::draw(profile, scenario, seed),
            overrides: Overrides::draw(profile, seed),
        }
    }
}
