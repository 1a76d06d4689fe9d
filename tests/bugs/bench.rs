//! Looking for a defect.
use crate::plant::{Defect, Planted};
use rehearsal::check::{InvariantName, vocabulary};
use rehearsal::scenario::{Loader, Scenario};
use rehearsal::sim::fault_plan::Profile;
use rehearsal::sweep::{Trial, TrialOptions};
use std::rc::Rc;

pub type Needs = &'static [&'static str];
pub struct Bug {
    pub name: &'static str,
    pub by: &'static [InvariantName],
    pub budget: u64,
    pub needs: &'static [Needs],
    pub make: fn() -> Rc<dyn Defect>,
}
pub fn quickstart() -> Scenario {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/quickstart.toml");
    let loader = Loader {
        vocabulary: vocabulary(),
        overrides: Vec::new(),
    };
    loader.load(path.as_ref()).unwrap_or_else(|e| panic!("{e}"))
}
impl Bug {
    pub fn try_seed(&self, scenario: &Scenario, seed: u64) -> Trial {
        let options = TrialOptions {
            profile: Profile::Swarm,
            event_budget: 20_000_000,
        };
        Trial::of(|| Planted((self.make)()), scenario, seed, &options, false).unwrap()
    }
}
