//! Every property holds on the simulated services, and a missing capability is reported as such.

use std::time::Duration;

use rehearsal_port_contract::{
    Capabilities, Capability, ContractViolation, Property, PropertyFamily, PropertyVerdict,
    properties,
};

use crate::planted::PlantedFault;
use crate::simulated::{SimulatedBench, Simulation};

/// Checks all properties of these families on fresh worlds. Returns their names and verdicts.
pub fn check_all(
    seed: u64,
    planted: Option<PlantedFault>,
    families: &[PropertyFamily],
) -> Vec<(&'static str, PropertyVerdict)> {
    let suite = properties::<SimulatedBench>();
    let check = |property: Property<SimulatedBench>| {
        let mut simulation = Simulation::start(seed, planted);
        let verdict = simulation.run(property.check(simulation.bench()));
        let endless = || {
            let because = "the services are up";
            let violation = ContractViolation::new("the check", "not ended", "ended", because);
            PropertyVerdict::Violated(violation)
        };
        (property.name, verdict.unwrap_or_else(endless))
    };
    let chosen = suite
        .into_iter()
        .filter(|property| families.contains(&property.family));
    chosen.map(check).collect()
}

#[test]
fn every_property_holds_on_the_simulated_services() {
    let mut violations = Vec::new();
    for seed in [1, 2] {
        for (name, verdict) in check_all(seed, None, &PropertyFamily::ALL) {
            if verdict != PropertyVerdict::Holds {
                violations.push(format!("{name} (seed {seed}) {verdict}"));
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn property_without_its_capability_is_not_declared() {
    let none = Capabilities::default();
    let mut undeclared = Vec::new();
    for property in properties::<SimulatedBench>() {
        if let Some(needed) = property.needs {
            let mut simulation = Simulation::with(1, None, none);
            let verdict = simulation.run(property.check(simulation.bench()));
            assert_eq!(verdict, Some(PropertyVerdict::NotDeclared(needed)));
            undeclared.push(needed);
        }
    }
    for capability in Capability::ALL {
        assert!(undeclared.contains(&capability), "{capability} is needed");
    }
    let window = Capabilities {
        idempotency_window: Some(Duration::from_secs(1)),
        ..none
    };
    assert!(window.has(Capability::IdempotencyWindow));
}

#[test]
fn names_of_properties_are_unique_and_in_lower_case() {
    let mut names: Vec<_> = properties::<SimulatedBench>()
        .iter()
        .map(|p| p.name)
        .collect();
    let count = names.len();
    assert!(names.iter().all(|name| {
        let mut letters = name.chars();
        letters.all(|letter| letter.is_ascii_lowercase() || letter == '-')
    }));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
