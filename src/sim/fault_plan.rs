//! What is to go wrong in a rehearsal: data, made before the run, so that it can be printed, saved
//! and shrunk.

mod planned;
mod profile;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::planned::PlannedFault;
pub use self::profile::{Overrides, Profile};
use crate::scenario::Scenario;

/// All faults of a rehearsal, and the options that were drawn with them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FaultPlan {
    /// In order of time.
    pub faults: Vec<PlannedFault>,
    /// Options of the worker that the profile has drawn.
    pub overrides: Overrides,
}

impl FaultPlan {
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
            overrides: profile.draw_overrides(seed),
        }
    }
}
