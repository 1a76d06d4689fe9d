//! Bug bench: planted defects that swarm testing must find. See `docs/bug-bench.md`.

mod bench;
mod committing;
mod counting;
mod list;
mod messages;
mod outliving;
mod per_incarnation;
mod planning;
#[allow(dead_code, unused_imports, reason = "each test binary uses a part")]
#[path = "../plant/mod.rs"]
mod plant;
mod scanning;
mod table;
mod writes;

use std::rc::Rc;

use bench::{Bug, failure, on_all_cores, quickstart};
use rehearsal::shrink::Shrunk;
use rehearsal::sim::fault_plan::FaultProfile;

/// Defects that a debug build finds within seconds.
const SOON: [&str; 3] = [
    "segment-counted-when-sent",
    "latency-in-milliseconds",
    "acknowledges-first",
];

/// Searches for defects and requires that each is found within its budget. A defect that needs two
/// conditions must not be found by the same seeds without one of them.
fn assert_found(bugs: &[&Bug]) {
    let scenario = quickstart();
    let look = |bug: &&Bug| {
        let Some(found) = bug.find(&scenario) else {
            return Some(format!("{}: not in {} seeds", bug.name, bug.budget_seeds));
        };
        bug.needs.iter().find_map(|kinds| {
            let seed = bug.fails_without(&scenario, kinds, 0..=found.seed)?;
            Some(format!("{}: seed {seed} without {kinds:?}", bug.name))
        })
    };
    let wrong: Vec<_> = on_all_cores(bugs, look).into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bench_of_three_frequent_defects_finds_each() {
    let soon = list::ALL.iter().filter(|bug| SOON.contains(&bug.name));
    let soon: Vec<_> = soon.collect();
    assert_eq!(soon.len(), SOON.len());
    assert_found(&soon);
}

#[test]
#[ignore = "takes minutes without optimisation: run with --profile checked -- --include-ignored"]
fn bench_of_all_defects_finds_each_within_budget() {
    let two = list::ALL.iter().filter(|bug| bug.needs.len() == 2);
    assert!(two.count() >= 5, "too few need two things");
    let all: Vec<_> = list::ALL.iter().collect();
    assert_found(&all);
}

#[test]
#[ignore = "takes minutes without optimisation: run with --profile checked -- --include-ignored"]
fn shrink_of_found_defects_reaches_size_limits() {
    let scenario = quickstart();
    let soon = list::ALL.iter().filter(|bug| SOON.contains(&bug.name));
    for bug in soon {
        let found = bug.find(&scenario).expect("it is found soon");
        let (Shrunk { size, text, .. }, _) = bug.shrink(&scenario, &found);
        let is_small =
            size.faults_and_operations == 0 && (size.schedules, size.processes) == (1, 1);
        assert!(is_small && size.images <= 2, "{}:\n{text}", bug.name);
    }
}

#[test]
#[ignore = "takes minutes without optimisation: run with --profile checked -- --include-ignored"]
fn swarm_without_defect_passes_all_seeds() {
    let scenario = quickstart();
    let seeds: Vec<u64> = (0..200).collect();
    let failures = on_all_cores(&seeds, |seed| {
        failure(
            || Rc::new(plant::Healthy),
            &scenario,
            *seed,
            FaultProfile::Swarm,
        )
    });
    for (seed, failure) in seeds.iter().zip(failures) {
        assert_eq!(failure, None, "seed {seed}");
    }
}

/// Prints the table of `docs/bug-bench.md`.
#[test]
#[ignore = "prints a table: run with --profile checked -- --ignored --nocapture --exact table"]
fn table() {
    table::print();
}
