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

use std::rc::Rc;

use bench::{Bug, failure, quickstart};

/// Of so many seeds the table gives the share that find a defect.
const TABLE_SEEDS: u64 = 20;

/// Defects that a debug build finds soon, too.
const SOON: [&str; 3] = [
    "latency-in-milliseconds",
    "duration-since-the-start",
    "acknowledges-first",
];

/// Looks for defects and demands that each is found within its budget.
fn assert_found<'a>(bugs: impl Iterator<Item = &'a Bug>) {
    let scenario = quickstart();
    let missed = bugs.filter(|bug| {
        let mut seeds = 0..bug.budget_seeds;
        !seeds.any(|seed| bug.is_found(&scenario, seed))
    });
    let missed: Vec<_> = missed
        .map(|bug| format!("{} in {} seeds", bug.name, bug.budget_seeds))
        .collect();
    assert!(missed.is_empty(), "not found: {}", missed.join(", "));
}

#[test]
fn three_bugs_are_found_soon() {
    let soon: Vec<_> = list::ALL
        .iter()
        .filter(|bug| SOON.contains(&bug.name))
        .collect();
    assert_eq!(soon.len(), SOON.len());
    assert_found(soon.into_iter());
}

#[test]
#[ignore = "takes minutes without optimisation: run with --profile checked -- --include-ignored"]
fn every_bug_is_found_within_its_budget() {
    assert_found(list::ALL.iter());
}

#[test]
#[ignore = "takes minutes without optimisation: run with --profile checked -- --include-ignored"]
fn without_a_defect_no_seed_fails() {
    let scenario = quickstart();
    for seed in 0..TABLE_SEEDS {
        let failure = failure(|| Rc::new(plant::Healthy), &scenario, seed);
        assert_eq!(failure, None, "seed {seed}");
    }
}

/// Prints the table of `docs/bug-bench.md`.
#[test]
#[ignore = "prints a table: run with --profile checked -- --ignored --nocapture table"]
fn table() {
    let scenario = quickstart();
    println!("| Defect | Invariants | Seeds needed | Found by, of {TABLE_SEEDS} seeds |");
    println!("|---|---|---:|---:|");
    for bug in list::ALL.iter().chain(list::OPEN) {
        let seeds = 0..TABLE_SEEDS;
        let found: Vec<_> = seeds
            .filter(|seed| bug.is_found(&scenario, *seed))
            .collect();
        let needed = found
            .first()
            .map_or("more".to_owned(), |seed| (seed + 1).to_string());
        let names: Vec<_> = bug.by.iter().map(|name| name.as_str()).collect();
        let share = 100 * found.len() as u64 / TABLE_SEEDS;
        println!(
            "| {} | {} | {needed} | {share} % |",
            bug.name,
            names.join(", ")
        );
    }
}
