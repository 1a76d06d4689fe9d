//! Sweep driver: runs seeds in parallel and merges their trials in seed order.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::seed_scheduler::SeedScheduler;
use super::{SweepResult, Trial, TrialOptions};
use crate::rehearsal::{Hooks, RehearsalError};
use crate::scenario::Scenario;

/// Delay between two checks of the time limits while no seed finishes.
const TIME_CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Options of a sweep: seeds, parallelism and limits.
#[derive(Clone, Debug)]
pub struct SweepOptions {
    /// Seed range, in this order. Seeds that the result already has are skipped.
    pub seeds: Range<u64>,
    /// Number of seeds run in parallel.
    pub jobs: usize,
    /// Options of each trial.
    pub trial: TrialOptions,
    /// Maximum wall-clock time before the last seed starts.
    pub time: Option<Duration>,
    /// Number of successive seeds without new coverage that ends the sweep. Every
    /// required `sometimes` must have been met before.
    pub plateau: Option<u64>,
    /// Maximum wall-clock time of a seed. A longer seed fails, and its thread is abandoned.
    pub hang: Duration,
}

/// Reason for the end of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepEnd {
    /// All seeds were run.
    Seeds,
    /// The time limit was reached.
    Time,
    /// Coverage reached a plateau.
    Plateau,
}

/// Sweep of a scenario, with hooks between workers, world and checks.
pub struct Sweep<F> {
    shared: Arc<WorkerShared<F>>,
    options: SweepOptions,
}

/// State shared by the worker threads.
struct WorkerShared<F> {
    scenario: Scenario,
    hooks: F,
    begin: Box<dyn Fn(u64) + Send + Sync>,
    trial: TrialOptions,
}

impl<C: Hooks, F: Fn() -> C> WorkerShared<F> {
    fn try_seed(&self, seed: u64, is_rerun: bool) -> Result<Trial, RehearsalError> {
        (self.begin)(seed);
        Trial::of(&self.hooks, &self.scenario, seed, &self.trial, is_rerun)
    }
}

impl<C: Hooks, F: Fn() -> C + Send + Sync + 'static> Sweep<F> {
    /// Creates a sweep. `hooks` makes the hooks of each rehearsal. `begin` is called with each seed
    /// before it runs, on the worker thread.
    pub fn new(
        scenario: Scenario,
        hooks: F,
        options: SweepOptions,
        begin: impl Fn(u64) + Send + Sync + 'static,
    ) -> Self {
        let shared = WorkerShared {
            scenario,
            hooks,
            begin: Box::new(begin),
            trial: options.trial.clone(),
        };
        Self {
            shared: Arc::new(shared),
            options,
        }
    }

    /// Runs the seeds and merges them into `result`. `progress` is called with each trial and the
    /// result so far, in seed order.
    ///
    /// # Errors
    /// The scenario can't be simulated.
    pub fn run(
        &self,
        result: &mut SweepResult,
        mut progress: impl FnMut(&Trial, &SweepResult),
    ) -> Result<SweepEnd, RehearsalError> {
        let began = Instant::now();
        let scheduler = Arc::new(SeedScheduler::new(
            self.options.seeds.clone(),
            result.seeds.clone(),
        ));
        let rerun_every = result.subject.rerun_every;
        let (sender, errors) = channel();
        let start = || self.start_worker(Arc::clone(&scheduler), rerun_every, sender.clone());
        (0..self.options.jobs.max(1)).for_each(|_| start());
        let mut end = SweepEnd::Seeds;
        let mut nothing_new = 0;
        loop {
            while let Some(trial) = scheduler.next_in_order() {
                nothing_new = if result.add(&trial) {
                    0
                } else {
                    nothing_new + 1
                };
                progress(&trial, result);
                let is_flat = self
                    .options
                    .plateau
                    .is_some_and(|count| nothing_new >= count);
                if is_flat && result.never_met().next().is_none() {
                    scheduler.stop();
                    return Ok(SweepEnd::Plateau);
                }
            }
            if scheduler.is_over() {
                return Ok(end);
            }
            // A worker thread reports a finished seed, or that the scenario can't be simulated.
            if let Ok(Err(error)) = errors.recv_timeout(TIME_CHECK_INTERVAL) {
                scheduler.stop();
                return Err(error);
            }
            if end == SweepEnd::Seeds
                && self
                    .options
                    .time
                    .is_some_and(|time| began.elapsed() >= time)
            {
                end = SweepEnd::Time;
                scheduler.stop();
            }
            for seed in scheduler.overdue(self.options.hang) {
                scheduler.finish(self.hung(seed));
                start();
            }
        }
    }

    /// Runs one seed; twice, with a comparison of the traces, if `is_rerun`.
    ///
    /// # Errors
    /// The scenario can't be simulated.
    pub fn try_seed(&self, seed: u64, is_rerun: bool) -> Result<Trial, RehearsalError> {
        let (sender, tried) = channel();
        let shared = Arc::clone(&self.shared);
        // After a timeout, the result of the abandoned thread is dropped.
        thread::spawn(move || drop(sender.send(shared.try_seed(seed, is_rerun))));
        let tried = tried.recv_timeout(self.options.hang);
        tried.unwrap_or_else(|_| Ok(self.hung(seed)))
    }

    fn start_worker(
        &self,
        scheduler: Arc<SeedScheduler>,
        rerun_every: u64,
        sender: Sender<Result<(), RehearsalError>>,
    ) {
        let shared = Arc::clone(&self.shared);
        thread::spawn(move || {
            while let Some(seed) = scheduler.next_seed() {
                let is_rerun = rerun_every > 0 && seed.is_multiple_of(rerun_every);
                let outcome = shared.try_seed(seed, is_rerun);
                if sender
                    .send(outcome.map(|trial| scheduler.finish(trial)))
                    .is_err()
                {
                    return;
                }
            }
        });
    }

    fn hung(&self, seed: u64) -> Trial {
        let seconds = self.options.hang.as_secs();
        let message = format!("the seed did not finish within {seconds} s of wall-clock time");
        Trial::broken(
            &self.shared.scenario,
            seed,
            &self.shared.trial,
            "hang",
            &message,
        )
    }
}
