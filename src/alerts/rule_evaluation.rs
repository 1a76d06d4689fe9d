//! Rehearses scenarios, with one seed or many, and scores the rules on each.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::score::{RunScore, score};
use crate::promql::rules::{AlertTimeline, EvaluateError, EvaluationRange, RuleFile, evaluate};
use crate::rehearsal::{FinishedRun, RehearsalError, RunOptions, run};
use crate::scenario::Scenario;
use crate::sim::fault_plan::FaultProfile;

/// What is rehearsed: one scenario with one seed.
#[derive(Clone, Debug)]
pub struct EvaluatedRun<'s> {
    /// The scenario.
    pub scenario: &'s Scenario,
    /// The root of its random streams.
    pub seed: u64,
    /// Faults that are drawn besides the scenario's own.
    pub profile: FaultProfile,
}

/// Why rules could not be scored.
#[derive(Debug, thiserror::Error)]
pub enum RuleEvaluationError {
    /// A scenario can't be rehearsed.
    #[error(transparent)]
    Run(#[from] RehearsalError),
    /// A rule can't be evaluated.
    #[error(transparent)]
    Rule(#[from] EvaluateError),
    /// A rule's label names no SLO.
    #[error("{0}")]
    Label(String),
}

/// How rules are scored.
#[derive(Clone, Copy, Debug)]
pub struct RuleEvaluation<'r> {
    /// The rules.
    pub rules: &'r RuleFile,
    /// Between two evaluations of a group that doesn't say otherwise, ms.
    pub interval_ms: i64,
    /// How many rehearsals at once.
    pub jobs: NonZeroUsize,
}

impl<'s> EvaluatedRun<'s> {
    /// Each scenario with its own seed, or with each of some seeds.
    pub fn all(
        scenarios: &'s [Scenario],
        seeds: Option<&Range<u64>>,
        profile: FaultProfile,
    ) -> Vec<Self> {
        let of_one = |scenario: &'s Scenario| {
            let seeds = seeds.cloned().unwrap_or(scenario.seed..scenario.seed + 1);
            seeds.map(move |seed| Self {
                scenario,
                seed,
                profile,
            })
        };
        scenarios.iter().flat_map(of_one).collect()
    }

    /// Rehearses it.
    ///
    /// # Errors
    ///
    /// If the scenario can't be simulated.
    pub fn rehearse(&self) -> Result<FinishedRun, RehearsalError> {
        let options = RunOptions {
            seed: Some(self.seed),
            profile: self.profile,
            ..RunOptions::default()
        };
        run(self.scenario, &options, |_| {})
    }
}

impl RuleEvaluation<'_> {
    /// What became of the rules in a rehearsal.
    ///
    /// # Errors
    ///
    /// If a rule can't be evaluated.
    pub fn timeline(&self, finished: &FinishedRun) -> Result<AlertTimeline, EvaluateError> {
        let span = EvaluationRange {
            start_ms: finished.scenario.start.millis(),
            end_ms: finished.ended_at.millis(),
            interval_ms: self.interval_ms,
        };
        evaluate(self.rules, &finished.recording, span)
    }

    /// The score of one rehearsal.
    ///
    /// # Errors
    ///
    /// If a rule can't be evaluated, or its label names no SLO.
    pub fn score(
        &self,
        finished: &FinishedRun,
        timeline: &AlertTimeline,
    ) -> Result<RunScore, RuleEvaluationError> {
        let subject = (finished.scenario.name.as_str(), finished.seed);
        let broken = &finished.oracle.slo_breaches;
        score(self.rules, timeline, subject, broken).map_err(RuleEvaluationError::Label)
    }

    /// Rehearses all rehearsals, some at once, and does `work` with each; the results come in the
    /// order of the rehearsals. `done` is told after each.
    ///
    /// # Errors
    ///
    /// The first that `work`, or a rehearsal, gave.
    pub fn over<T: Send, E: Send + From<RehearsalError>>(
        &self,
        rehearsals: &[EvaluatedRun<'_>],
        work: impl Fn(&FinishedRun) -> Result<T, E> + Sync,
        done: impl Fn() + Sync,
    ) -> Result<Vec<T>, E> {
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Vec::with_capacity(rehearsals.len()));
        let labour = || {
            while let Some((index, subject)) = take(&next, rehearsals) {
                let result = subject
                    .rehearse()
                    .map_err(E::from)
                    .and_then(|finished| work(&finished));
                let failed = result.is_err();
                let mut results = results
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                results.push((index, result));
                drop(results);
                done();
                if failed {
                    next.store(rehearsals.len(), Ordering::Relaxed);
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..self.jobs.get() {
                scope.spawn(labour);
            }
            labour();
        });
        let mut results = results
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        results.sort_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

fn take<'a, T>(next: &AtomicUsize, all: &'a [T]) -> Option<(usize, &'a T)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    all.get(index).map(|one| (index, one))
}
