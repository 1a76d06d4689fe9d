//! Search of the smallest scenario: candidates run in parallel and are accepted in order.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use toml::Table;

use super::ScenarioSize;
use super::reductions::{REDUCTIONS, Reduction};
use crate::check::scenario_loader;
use crate::rehearsal::{Hooks, RehearsalError, RunOptions};
use crate::scenario::write::{to_table, to_text};
use crate::scenario::{Gates, Scenario};
use crate::sim::fault_plan::{FaultProfile, PlannedScenario};
use crate::sweep::{FailureCause, Trial, TrialOptions};
use crate::threads::on_threads;
use rehearsal_convert::Saturating;

/// Event limit per candidate: a smaller scenario that runs much longer is no improvement.
const EVENTS_MAX: u64 = 20_000_000;

/// Options of shrinking.
#[derive(Clone, Debug)]
pub struct ShrinkOptions {
    /// Number of rehearsals run in parallel.
    pub jobs: usize,
    /// Maximum number of other seeds per candidate, from 1 on, within the event limit of the
    /// reduction. A smaller scenario draws other numbers and may fail with another seed only.
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

/// Progress of the search, reported for each round and each smaller scenario.
#[derive(Clone, Copy, Debug)]
pub struct ShrinkProgress<'a> {
    /// Name of the current reduction.
    pub reduction: &'a str,
    /// Number of candidates so far.
    pub rehearsals: usize,
    /// The smallest scenario so far.
    pub smallest: &'a Shrunk,
}

/// Scenario that fails with the same cause.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// Scenario with its failing seed.
    pub scenario: Scenario,
    /// Text of its file.
    pub text: String,
    /// Complete message of the first violation.
    pub message: String,
    /// Trace hash over all events, in hexadecimal.
    pub trace: String,
    /// Size of the scenario.
    pub size: ScenarioSize,
}

/// Shrinking of one bug, with hooks between workers, world and checks.
pub struct Shrink<'a, F> {
    /// Directory of the files that the scenario refers to.
    pub directory: &'a Path,
    /// Cause that every accepted candidate must have.
    pub cause: &'a FailureCause,
    /// Constructor of the hooks of a rehearsal.
    pub hooks: F,
    /// Options of the search.
    pub options: ShrinkOptions,
}

impl<C: Hooks, F: Fn() -> C + Sync> Shrink<'_, F> {
    /// Finds the smallest scenario that fails with the cause; none if the scenario itself does not
    /// fail with its seed and this profile.
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

    /// First candidate that is smaller and fails with the cause. Rejected and duplicate candidates
    /// are skipped.
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
        let worker = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let best = || {
                    let found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    found.as_ref().map_or(usize::MAX, |(best, _)| *best)
                };
                // A candidate after an accepted one cannot be the first.
                if index >= candidates.len() || index > best() {
                    return;
                }
                if is_known(index) {
                    continue;
                }
                let (candidate, event_limit) = (&candidates[index], reduction.event_limit);
                let Some(result) = self.attempt(candidate, smallest, event_limit) else {
                    continue;
                };
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                if found.as_ref().is_none_or(|(best, _)| index < *best) {
                    *found = Some((index, result));
                }
            }
        };
        on_threads(self.options.jobs, worker)?;
        let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found
            .map(|(index, result)| result.map(|shrunk| (index, shrunk)))
            .transpose()
    }

    /// Runs a candidate; none unless it is valid, smaller, and fails with the cause for a seed.
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
                // The seed is a value and counts for the size.
                Ok((_, Some(found))) if found.size < smallest.size => return Some(Ok(found)),
                Ok((spent, _)) => events += spent,
            }
            if events > event_limit {
                return None;
            }
        }
        None
    }

    /// Runs a scenario table. Returns the number of events, and the result if the cause matches.
    fn rehearse(
        &self,
        table: &Table,
        seed: u64,
        budget: u64,
    ) -> Result<(u64, Option<Shrunk>), RehearsalError> {
        let mut table = table.clone();
        table.insert("seed".into(), seed_value(seed));
        let Some(scenario) = self.load(&to_text(&table)) else {
            return Ok((0, None));
        };
        let options = TrialOptions {
            profile: FaultProfile::None,
            event_budget: budget,
        };
        let trial = Trial::of(&self.hooks, &scenario, seed, &options, false)?;
        let events = trial.row.numbers.get("events");
        let events = events.map_or(budget, |events| (*events).saturating_u64());
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

/// Makes the drawn faults and options explicit, and removes what is irrelevant to the cause.
fn materialized(scenario: &Scenario, profile: FaultProfile, cause: &FailureCause) -> Scenario {
    let mut concrete = PlannedScenario::draw(scenario, profile, scenario.seed).into_stated();
    concrete.gates = Gates::default();
    concrete.description = String::new();
    if cause.name != "expectation" {
        concrete.expectations = Vec::new();
    }
    concrete
}

/// TOML value of a seed, which is below 2^63.
fn seed_value(seed: u64) -> toml::Value {
    toml::Value::Integer(seed.try_into().unwrap_or(i64::MAX))
}
