//! Looking for a defect.

use std::rc::Rc;

use rehearsal::check::{InvariantName, vocabulary};
use rehearsal::scenario::{Loader, Scenario};
use rehearsal::sim::fault_plan::Profile;
use rehearsal::sweep::{SeedFailure, Trial, TrialOptions};

use crate::plant::{Defect, Planted};

/// Makes a defect anew, for one seed.
pub type Make = fn() -> Rc<dyn Defect>;

/// A defect, and how it is found.
pub struct Bug {
    /// What it is called in the table.
    pub name: &'static str,
    /// The invariants that may find it; none: any. Which of them is first depends on the seed.
    pub by: &'static [InvariantName],
    /// Within so many seeds it has to be found.
    pub budget_seeds: u64,
    /// Makes it.
    pub make: Make,
}

impl Bug {
    /// A defect of the list.
    pub const fn new(
        name: &'static str,
        by: &'static [InvariantName],
        budget_seeds: u64,
        make: Make,
    ) -> Self {
        Self {
            name,
            by,
            budget_seeds,
            make,
        }
    }

    /// Whether a seed finds it, by one of its invariants.
    pub fn is_found(&self, scenario: &Scenario, seed: u64) -> bool {
        failure(self.make, scenario, seed).is_some_and(|failure| {
            let mut names = self.by.iter().map(|name| name.as_str());
            self.by.is_empty() || names.any(|name| name == failure.cause.name)
        })
    }
}

/// How a seed fails with a defect.
pub fn failure(make: Make, scenario: &Scenario, seed: u64) -> Option<SeedFailure> {
    let options = TrialOptions {
        profile: Profile::Swarm,
        event_budget: 20_000_000,
    };
    let trial = Trial::of(|| Planted(make()), scenario, seed, &options, false);
    trial.unwrap_or_else(|error| panic!("{error}")).failure
}

/// The scenario in which all of them are looked for.
pub fn quickstart() -> Scenario {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/quickstart.toml");
    let loader = Loader {
        vocabulary: vocabulary(),
        overrides: Vec::new(),
    };
    let scenario = loader.load(path.as_ref());
    scenario.unwrap_or_else(|error| panic!("{error}"))
}
