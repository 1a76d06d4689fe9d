//! Default sweeps of the bundled scenarios: none of them fails.

use std::fs;
use std::path::{Path, PathBuf};

use rehearsal::check::scenario_loader;
use rehearsal::rehearsal::{EVENT_BUDGET, NoHooks};
use rehearsal::report::Verdict;
use rehearsal::scenario::{ExpectationScope, Scenario};
use rehearsal::sim::fault_plan::{FaultProfile, PlannedScenario};
use rehearsal::sweep::{Trial, TrialOptions};

/// Seeds of each scenario. CI runs more in an optimised build.
const SEEDS: std::ops::Range<u64> = 0..2;

/// Fleet that makes a seed cheap without optimisation.
const SMALL_FLEET: &str = "fleet.images=500";

fn bundled() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_scenario = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    };
    files.filter(is_scenario).collect()
}

fn load(path: &Path) -> Scenario {
    let loader = scenario_loader(&[SMALL_FLEET.to_owned()]);
    loader.load(path).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn bundled_scenarios_each_require_something_under_any_profile() {
    for path in bundled() {
        let expectations = load(&path).expectations;
        let mut scopes = expectations.iter().map(|expectation| expectation.under);
        assert!(
            scopes.any(|scope| scope == ExpectationScope::AnyProfile),
            "{}",
            path.display()
        );
    }
}

#[test]
fn bundled_scenarios_pass_their_first_seeds_under_swarm() {
    let options = TrialOptions {
        profile: FaultProfile::Swarm,
        event_budget: EVENT_BUDGET,
    };
    for path in bundled() {
        let scenario = load(&path);
        for seed in SEEDS {
            let trial = Trial::of(|| NoHooks, &scenario, seed, &options, false).unwrap();
            assert_eq!(
                trial.row.verdict,
                Verdict::Pass,
                "{} seed {seed}: {:?}",
                path.display(),
                trial.failure
            );
        }
    }
}

/// The nightly wave of a million images lies within these slices: without a limit, such a seed
/// has tens of millions of events.
#[test]
fn seeds_with_the_main_wave_of_a_large_scenario_have_limited_events() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/million-images.toml");
    let scenario = scenario_loader(&[]).load(&path).unwrap();
    let options = TrialOptions {
        profile: FaultProfile::Swarm,
        event_budget: EVENT_BUDGET,
    };
    let is_limited = |seed: &u64| {
        let planned = PlannedScenario::draw(&scenario, options.profile, *seed);
        planned.plan.images.is_some()
    };
    let limited: Vec<u64> = (0..100).filter(is_limited).take(2).collect();
    assert_eq!(limited.len(), 2);
    for seed in limited {
        let trial = Trial::of(|| NoHooks, &scenario, seed, &options, false).unwrap();
        let events = trial.row.numbers["events"];
        assert!(events < 1_000_000.0, "seed {seed}: {events} events");
    }
}
