//! Search for a defect and shrinking of the seeds that find it.

use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rehearsal::check::{InvariantName, scenario_loader};
use rehearsal::rehearsal::RunOptions;
use rehearsal::scenario::Scenario;
use rehearsal::shrink::{Shrink, ShrinkOptions, Shrunk};
use rehearsal::sim::fault_plan::{FaultProfile, PlannedScenario};
use rehearsal::sweep::{SeedFailure, Trial, TrialOptions};

use crate::plant::{Defect, Planted};

/// Constructor of a defect, called once per seed.
pub type Make = fn() -> Rc<dyn Defect>;

/// Kinds of faults and operations, or [`DRAWN_LATENCY`], any of which suffices.
pub type OneOf = &'static [&'static str];

/// Condition that the seed draws latencies of the services.
pub const DRAWN_LATENCY: &str = "drawn-latency";

/// Defect with its budget and the invariants that find it.
pub struct Bug {
    /// Name in the table.
    pub name: &'static str,
    /// Invariants that may find it. The seed decides which is violated first.
    pub by: &'static [InvariantName],
    /// Maximum number of seeds until it is found.
    pub budget_seeds: u64,
    /// Conditions that it needs: one kind of each set. Empty if one condition or none suffices.
    pub needs: &'static [OneOf],
    /// Constructor.
    pub make: Make,
}

/// Seed that found a defect.
pub struct Found {
    /// The first failing seed.
    pub seed: u64,
    /// Failure of that seed.
    pub failure: SeedFailure,
    /// Real time of all seeds up to this one.
    pub took: Duration,
}

impl Bug {
    /// Creates an entry of the list.
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
            needs: &[],
            make,
        }
    }

    /// Adds conditions that the defect needs together.
    pub const fn needs(self, needs: &'static [OneOf]) -> Self {
        Self { needs, ..self }
    }

    /// Returns the first seed in the budget that finds the defect by one of its invariants.
    pub fn find(&self, scenario: &Scenario) -> Option<Found> {
        let began = Instant::now();
        let mut seeds = 0..self.budget_seeds;
        let (seed, failure) =
            seeds.find_map(|seed| Some((seed, self.found_by(scenario, seed)?)))?;
        Some(Found {
            seed,
            failure,
            took: began.elapsed(),
        })
    }

    /// Number of seeds in a range that find the defect.
    pub fn count(&self, scenario: &Scenario, seeds: Range<u64>) -> usize {
        seeds
            .filter(|seed| self.found_by(scenario, *seed).is_some())
            .count()
    }

    /// Failure of a seed, if it finds the defect.
    fn found_by(&self, scenario: &Scenario, seed: u64) -> Option<SeedFailure> {
        let failure = failure(self.make, scenario, seed, FaultProfile::Swarm)?;
        let mut names = self.by.iter().map(|name| name.as_str());
        names
            .any(|name| name == failure.cause.name)
            .then_some(failure)
    }

    /// Returns the first seed that fails without any of these kinds.
    pub fn fails_without(
        &self,
        scenario: &Scenario,
        kinds: OneOf,
        mut seeds: RangeInclusive<u64>,
    ) -> Option<u64> {
        seeds.find(|seed| {
            let planned = PlannedScenario::draw(scenario, FaultProfile::Swarm, *seed);
            let mut stated = planned.into_stated();
            let is_left = |kind: &str| !kinds.contains(&kind);
            let faults = &mut stated.faults;
            faults.retain(|fault| is_left(fault.effect.kind().as_str()));
            let operations = &mut stated.operations;
            operations.retain(|operation| is_left(operation.kind.as_str()));
            if !is_left(DRAWN_LATENCY) {
                stated.latency = scenario.latency.clone();
                stated.scanner = scenario.scanner.clone();
            }
            failure(self.make, &stated, *seed, FaultProfile::None).is_some()
        })
    }

    /// Shrinks the scenario of a failing seed.
    pub fn shrink(&self, scenario: &Scenario, found: &Found) -> (Shrunk, Duration) {
        let began = Instant::now();
        let make = self.make;
        let shrink = Shrink {
            directory: Path::new(""),
            cause: &found.failure.cause,
            hooks: || Planted(make()),
            options: ShrinkOptions::default(),
        };
        let run = RunOptions {
            profile: FaultProfile::Swarm,
            ..RunOptions::default()
        };
        let seeded = Scenario {
            seed: found.seed,
            ..scenario.clone()
        };
        let shrunk = shrink.run(&seeded, &run, |_| {});
        let shrunk = shrunk.unwrap_or_else(|error| panic!("{error}"));
        let shrunk = shrunk.unwrap_or_else(|| panic!("{} shows no more when stated", self.name));
        (shrunk, began.elapsed())
    }
}

/// Rehearses a seed with a defect and returns its failure.
pub fn failure(
    make: Make,
    scenario: &Scenario,
    seed: u64,
    profile: FaultProfile,
) -> Option<SeedFailure> {
    let options = TrialOptions {
        profile,
        event_budget: 20_000_000,
    };
    let trial = Trial::of(|| Planted(make()), scenario, seed, &options, false);
    trial.unwrap_or_else(|error| panic!("{error}")).failure
}

/// Scenario of the whole bench.
pub fn quickstart() -> Scenario {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/quickstart.toml");
    let loader = scenario_loader(&[]);
    let scenario = loader.load(path.as_ref());
    scenario.unwrap_or_else(|error| panic!("{error}"))
}

/// Maps all items on all cores; results are in the order of the items.
pub fn on_all_cores<I: Sync, O: Send>(all: &[I], work: impl Fn(&I) -> O + Sync) -> Vec<O> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        while let Some((index, item)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            all.get(index).map(|item| (index, item))
        } {
            done.push((index, work(item)));
        }
        done
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut done: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        let joined = workers.into_iter().map(thread::ScopedJoinHandle::join);
        joined.flat_map(Result::unwrap).collect()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, answer)| answer).collect()
}
