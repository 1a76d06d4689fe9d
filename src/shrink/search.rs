//! The search: candidates rehearsed in parallel, taken in order.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use toml::Table;

use super::ScenarioSize;
use super::reductions::{REDUCTIONS, Reduction};
use crate::check::scenario_loader;
use crate::rehearsal::{Hooks, RehearsalError, RunOptions};
use crate::scenario::write::{to_table, to_text};
use crate::scenario::{Gates, Scenario};
use crate::sim::fault_plan::{FaultProfile, PlannedScenario};
use crate::sweep::{FailureCause, Trial, TrialOptions};

/// Events of a candidate at most: something smaller that takes far longer is no help to anybody.
const EVENTS_MAX: u64 = 20_000_000;

/// How a bug is shrunk.
#[derive(Clone, Debug)]
pub struct ShrinkOptions {
    /// How many rehearsals at once.
    pub jobs: usize,
    /// Each candidate is tried with its own seed and with up to so many others, from 1 on, as long
    /// as that is quick: what is smaller draws other numbers, and may fail under another seed.
    pub seeds: u64,
}

impl Default for ShrinkOptions {
    fn default() -> Self {
        Self {
            jobs: 1,
            seeds: 100,
        }
    }
}

/// Where the search stands: told whenever a smaller scenario was found, and of each round.
#[derive(Clone, Copy, Debug)]
pub struct ShrinkProgress<'a> {
    /// What is being tried.
    pub reduction: &'a str,
    /// Rehearsals so far.
    pub rehearsals: usize,
    /// The smallest scenario so far.
    pub smallest: &'a Shrunk,
}

/// A scenario that fails of the same cause.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The scenario, whose seed is the one that fails.
    pub scenario: Scenario,
    /// Its file.
    pub text: String,
    /// The first violation in full.
    pub message: String,
    /// The hash over every event.
    pub trace: String,
    /// How large it is.
    pub size: ScenarioSize,
}

/// Shrinks one bug, with something between workers, world and checks.
pub struct Shrink<'a, F> {
    /// Where files that the scenario refers to are looked up.
    pub directory: &'a Path,
    /// What must stay the same.
    pub cause: &'a FailureCause,
    /// Makes what stands between workers, world and checks.
    pub hooks: F,
    /// How.
    pub options: ShrinkOptions,
}

impl<C: Hooks, F: Fn() -> C + Sync> Shrink<'_, F> {
    /// The smallest scenario that fails of the cause; none if the scenario itself does not, under
    /// this profile and its seed.
    ///
    /// # Errors
    /// The scenario can't be simulated.
    pub fn run(
        &self,
        scenario: &Scenario,
        run: &RunOptions,
        mut progress: impl FnMut(ShrinkProgress<'_>),
    ) -> Result<Option<Shrunk>, RehearsalError> {
        let concrete = materialized(scenario, run.profile, self.cause);
        let table = to_table(&concrete);
        let budget = run.event_budget;
        let (_, Some(found)) = self.rehearse(&table, concrete.seed, budget)? else {
            return Ok(None);
        };
        let (mut smallest, mut table) = (found, table);
        let mut rehearsals = 1;
        let mut rejected = BTreeSet::new();
        loop {
            let before = smallest.size;
            for reduction in &REDUCTIONS {
                let mut from = 0;
                loop {
                    progress(ShrinkProgress {
                        reduction: reduction.name,
                        rehearsals,
                        smallest: &smallest,
                    });
                    let candidates = (reduction.candidates)(&table);
                    let rest = candidates.get(from..).unwrap_or_default();
                    rehearsals += rest.len();
                    let found = self.first(reduction, rest, &rejected, &smallest)?;
                    let failed = found.as_ref().map_or(rest.len(), |(index, _)| *index);
                    rejected.extend(rest[..failed].iter().map(to_text));
                    let Some((index, found)) = found else {
                        break;
                    };
                    from += index;
                    table = to_table(&found.scenario);
                    smallest = found;
                }
            }
            if smallest.size == before {
                return Ok(Some(smallest));
            }
        }
    }

    /// The first candidate that is smaller and fails of the cause, and was not tried in vain
    /// before. Of equal ones only the first is tried.
    fn first(
        &self,
        reduction: &Reduction,
        candidates: &[Table],
        rejected: &BTreeSet<String>,
        smallest: &Shrunk,
    ) -> Result<Option<(usize, Shrunk)>, RehearsalError> {
        let texts: Vec<String> = candidates.iter().map(to_text).collect();
        let is_known = |index: usize| {
            rejected.contains(&texts[index]) || texts[..index].contains(&texts[index])
        };
        let next = AtomicUsize::new(0);
        let found: Mutex<Option<(usize, Result<Shrunk, RehearsalError>)>> = Mutex::new(None);
        thread::scope(|scope| {
            for _ in 0..self.options.jobs.max(1) {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let best = || {
                            let found = found.lock().unwrap_or_else(PoisonError::into_inner);
                            found.as_ref().map_or(usize::MAX, |(best, _)| *best)
                        };
                        // What comes after one that was found can't be the first.
                        if index >= candidates.len() || index > best() {
                            return;
                        }
                        if is_known(index) {
                            continue;
                        }
                        let (candidate, patience) = (&candidates[index], reduction.event_limit);
                        let Some(result) = self.attempt(candidate, smallest, patience) else {
                            continue;
                        };
                        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                        if found.as_ref().is_none_or(|(best, _)| index < *best) {
                            *found = Some((index, result));
                        }
                    }
                });
            }
        });
        let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found
            .map(|(index, result)| result.map(|shrunk| (index, shrunk)))
            .transpose()
    }

    /// A candidate, if it is valid, smaller, and fails of the cause under one of the seeds.
    fn attempt(
        &self,
        table: &Table,
        smallest: &Shrunk,
        event_limit: u64,
    ) -> Option<Result<Shrunk, RehearsalError>> {
        let scenario = self.load(&to_text(table))?;
        if ScenarioSize::of(&scenario, &to_table(&scenario)) >= smallest.size {
            return None;
        }
        let own = scenario.seed;
        let others = (1..=self.options.seeds).filter(|seed| *seed != own);
        let mut events = 0;
        for seed in [own].into_iter().chain(others) {
            match self.rehearse(table, seed, EVENTS_MAX) {
                Err(error) => return Some(Err(error)),
                // The seed is a value, too.
                Ok((_, Some(found))) if found.size < smallest.size => return Some(Ok(found)),
                Ok((spent, _)) => events += spent,
            }
            if events > event_limit {
                return None;
            }
        }
        None
    }

    /// Rehearses a table. How many events that took, and what it is if it fails of the cause.
    fn rehearse(
        &self,
        table: &Table,
        seed: u64,
        budget: u64,
    ) -> Result<(u64, Option<Shrunk>), RehearsalError> {
        let mut table = table.clone();
        table.insert("seed".into(), toml::Value::Integer(seed as i64));
        let Some(scenario) = self.load(&to_text(&table)) else {
            return Ok((0, None));
        };
        let options = TrialOptions {
            profile: FaultProfile::None,
            event_budget: budget,
        };
        let trial = Trial::of(&self.hooks, &scenario, seed, &options, false)?;
        let events = trial.row.numbers.get("events");
        let events = events.map_or(budget, |events| *events as u64);
        let failure = trial.failure.filter(|failure| failure.cause == *self.cause);
        let shrunk = failure.map(|failure| {
            let table = to_table(&scenario);
            Shrunk {
                text: to_text(&table),
                size: ScenarioSize::of(&scenario, &table),
                message: failure.message,
                trace: trial.row.trace,
                scenario,
            }
        });
        Ok((events, shrunk))
    }

    fn load(&self, text: &str) -> Option<Scenario> {
        let loader = scenario_loader(&[]);
        loader.parse("candidate", text, Some(self.directory)).ok()
    }
}

/// The same rehearsal with everything that the profile draws stated in the scenario, and without
/// what has nothing to do with the cause.
fn materialized(scenario: &Scenario, profile: FaultProfile, cause: &FailureCause) -> Scenario {
    let mut concrete = PlannedScenario::draw(scenario, profile, scenario.seed).into_stated();
    concrete.gates = Gates::default();
    concrete.description = String::new();
    if cause.name != "expectation" {
        concrete.expectations = Vec::new();
    }
    concrete
}
