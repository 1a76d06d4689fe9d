//! Evaluation of rules over rehearsals: runs scenarios with one or many seeds and scores the
//! rules on each run.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::score::{RunScore, score};
use crate::promql::rules::{AlertTimeline, EvaluateError, EvaluationRange, RuleFile, evaluate};
use crate::rehearsal::{FinishedRun, RehearsalError, RunOptions, run};
use crate::scenario::Scenario;
use crate::sim::fault_plan::FaultProfile;
use crate::threads::on_threads;

/// Scenario and seed of one rehearsal.
#[derive(Clone, Debug)]
pub struct EvaluatedRun<'s> {
    /// Scenario to run.
    pub scenario: &'s Scenario,
    /// Root seed of the random streams.
    pub seed: u64,
    /// Profile of additional faults.
    pub profile: FaultProfile,
}

/// Error of evaluating rules.
#[derive(Debug, thiserror::Error)]
pub enum RuleEvaluationError {
    /// A scenario cannot be simulated.
    #[error(transparent)]
    Run(#[from] RehearsalError),
    /// A rule cannot be evaluated.
    #[error(transparent)]
    Rule(#[from] EvaluateError),
    /// The label of a rule names an unknown SLO.
    #[error("{0}")]
    Label(String),
}

/// Rules, and how they are evaluated.
#[derive(Clone, Copy, Debug)]
pub struct RuleEvaluation<'r> {
    /// Rules file.
    pub rules: &'r RuleFile,
    /// Default interval between two evaluations of a rule group, in ms.
    pub interval_ms: i64,
    /// Number of rehearsals that run at the same time.
    pub jobs: NonZeroUsize,
}

impl<'s> EvaluatedRun<'s> {
    /// Combines every scenario with its own seed, or with each of the given seeds.
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

    /// Runs the rehearsal.
    ///
    /// # Errors
    ///
    /// The scenario cannot be simulated.
    pub fn run(&self) -> Result<FinishedRun, RehearsalError> {
        let options = RunOptions {
            seed: Some(self.seed),
            profile: self.profile,
            ..RunOptions::default()
        };
        run(self.scenario, &options, |_| {})
    }
}

impl RuleEvaluation<'_> {
    /// Evaluates the rules over the series of a rehearsal.
    ///
    /// # Errors
    ///
    /// A rule cannot be evaluated.
    pub fn timeline(&self, finished: &FinishedRun) -> Result<AlertTimeline, EvaluateError> {
        let span = EvaluationRange {
            start_ms: finished.scenario.start.millis(),
            end_ms: finished.ended_at.millis(),
            interval_ms: self.interval_ms,
        };
        evaluate(self.rules, &finished.recording, span)
    }

    /// Scores the rules on one rehearsal.
    ///
    /// # Errors
    ///
    /// The label of a rule names an unknown SLO.
    pub fn score(
        &self,
        finished: &FinishedRun,
        timeline: &AlertTimeline,
    ) -> Result<RunScore, RuleEvaluationError> {
        let scenario_and_seed = (finished.scenario.name.as_str(), finished.seed);
        let broken = &finished.oracle.slo_breaches;
        score(self.rules, timeline, scenario_and_seed, broken).map_err(RuleEvaluationError::Label)
    }

    /// Runs all rehearsals on several threads and applies `work` to each. Results have the order
    /// of `rehearsals`. `done` is called after each rehearsal.
    ///
    /// # Errors
    ///
    /// The first error of a rehearsal or of `work`. Rehearsals that have not started by then are
    /// skipped.
    pub fn over<T: Send, E: Send + From<RehearsalError>>(
        &self,
        rehearsals: &[EvaluatedRun<'_>],
        work: impl Fn(&FinishedRun) -> Result<T, E> + Sync,
        done: impl Fn() + Sync,
    ) -> Result<Vec<T>, E> {
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Vec::with_capacity(rehearsals.len()));
        let worker = || {
            while let Some((index, rehearsal)) = take_next(&next, rehearsals) {
                let result = rehearsal
                    .run()
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
        on_threads(self.jobs.get(), worker).map_err(RehearsalError::from)?;
        let mut results = results
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        results.sort_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

fn take_next<'a, T>(next: &AtomicUsize, all: &'a [T]) -> Option<(usize, &'a T)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    all.get(index).map(|one| (index, one))
}
