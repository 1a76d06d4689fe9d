//! The bench of bugs: defects such as workers have, each of which a swarm has to find.
//! See `docs/bug-bench.md`.

mod bench;
mod committing;
mod counting;
mod list;
mod messages;
mod outliving;
mod per_life;
mod planning;
#[allow(dead_code, unused_imports, reason = "each test binary uses a part")]
#[path = "../plant/mod.rs"]
mod plant;
mod scanning;
mod table;

use std::rc::Rc;

use bench::{Bug, failure, on_all_cores, quickstart};
use rehearsal::sim::fault_plan::Profile;

/// Defects that a debug build finds soon, too.
const SOON: [&str; 3] = [
    "latency-in-milliseconds",
    "duration-since-the-start",
    "acknowledges-first",
];

/// Looks for defects and demands that each is found within its budget.
fn assert_found(bugs: &[&Bug]) {
    let scenario = quickstart();
    let found = on_all_cores(bugs, |bug| bug.find(&scenario).is_some());
    let missed: Vec<_> = bugs
        .iter()
        .zip(found)
        .filter(|(_, is_found)| !is_found)
        .map(|(bug, _)| format!("{} in {} seeds", bug.name, bug.budget_seeds))
        .collect();
    assert!(missed.is_empty(), "not found: {}", missed.join(", "));
}

#[test]
fn three_bugs_are_found_soon() {
    let soon = list::ALL.iter().filter(|bug| SOON.contains(&bug.name));
    let soon: Vec<_> = soon.collect();
    assert_eq!(soon.len(), SOON.len());
    assert_found(&soon);
}

#[test]
#[ignore = "takes minutes without optimisation: run with --profile checked -- --include-ignored"]
fn every_bug_is_found_within_its_budget() {
    let all: Vec<_> = list::ALL.iter().collect();
    assert_found(&all);
}

#[test]
#[ignore = "takes minutes without optimisation: run with --profile checked -- --include-ignored"]
fn bugs_that_need_two_things_are_not_found_with_one_of_them() {
    let scenario = quickstart();
    let cases = list::ALL.iter();
    let cases = cases.flat_map(|bug| bug.needs.iter().map(move |kinds| (bug, *kinds)));
    let cases: Vec<_> = cases.collect();
    assert!(cases.len() >= 10, "five bugs of two kinds each");
    let found = on_all_cores(&cases, |(bug, kinds)| bug.found_without(&scenario, kinds));
    for ((bug, kinds), found) in cases.iter().zip(found) {
        assert_eq!(found, None, "{} needs one of {kinds:?}", bug.name);
    }
}

#[test]
#[ignore = "takes minutes without optimisation: run with --profile checked -- --include-ignored"]
fn without_a_defect_no_seed_fails() {
    let scenario = quickstart();
    let seeds: Vec<u64> = (0..200).collect();
    let failures = on_all_cores(&seeds, |seed| {
        failure(|| Rc::new(plant::Healthy), &scenario, *seed, Profile::Swarm)
    });
    for (seed, failure) in seeds.iter().zip(failures) {
        assert_eq!(failure, None, "seed {seed}");
    }
}

/// Prints the table of `docs/bug-bench.md`, and the small scenarios.
#[test]
#[ignore = "prints a table: run with --profile checked -- --ignored --nocapture --exact table"]
fn table() {
    table::print();
}
