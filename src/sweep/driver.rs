//! Sweep driver: runs seeds in parallel and merges their trials in seed order.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// The caller of `progress` stopped it.
    Stopped,
    /// The flag of [`Sweep::stop_on`] was set. The seeds in progress were finished.
    Interrupted,
}

/// Sweep of a scenario, with hooks between workers, world and checks.
pub struct Sweep<F> {
    shared: Arc<WorkerShared<F>>,
    options: SweepOptions,
    interrupt: Option<&'static AtomicBool>,
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
            interrupt: None,
        }
    }

    /// Starts no more seeds once the flag is set.
    #[must_use]
    pub fn stop_on(mut self, interrupt: &'static AtomicBool) -> Self {
        self.interrupt = Some(interrupt);
        self
    }

    /// Runs the seeds and merges them into `result`. `progress` is called with each trial and the
    /// result so far, in seed order; it may stop the sweep.
    ///
    /// # Errors
    /// The scenario can't be simulated, or a thread can't be created.
    pub fn run(
        &self,
        result: &mut SweepResult,
        mut progress: impl FnMut(&Trial, &SweepResult) -> ControlFlow<()>,
    ) -> Result<SweepEnd, RehearsalError> {
        let scheduler = Arc::new(SeedScheduler::new(
            self.options.seeds.clone(),
            result.seeds.clone(),
        ));
        let end = self.run_all(&scheduler, result, &mut progress);
        if !matches!(end, Ok(SweepEnd::Seeds)) {
            scheduler.stop();
        }
        end
    }

    fn run_all(
        &self,
        scheduler: &Arc<SeedScheduler>,
        result: &mut SweepResult,
        progress: &mut impl FnMut(&Trial, &SweepResult) -> ControlFlow<()>,
    ) -> Result<SweepEnd, RehearsalError> {
        let began = Instant::now();
        let rerun_every = result.subject.rerun_every;
        let (sender, errors) = channel();
        let start = || self.start_worker(Arc::clone(scheduler), rerun_every, sender.clone());
        (0..self.options.jobs.max(1)).try_for_each(|_| start())?;
        let mut end = SweepEnd::Seeds;
        let mut nothing_new = 0;
        loop {
            while let Some(trial) = scheduler.next_in_order() {
                nothing_new = if result.add(&trial) {
                    0
                } else {
                    nothing_new + 1
                };
                if progress(&trial, result).is_break() {
                    return Ok(SweepEnd::Stopped);
                }
                let plateau = self.options.plateau;
                let is_flat = plateau.is_some_and(|count| nothing_new >= count);
                if is_flat && result.never_met().next().is_none() {
                    return Ok(SweepEnd::Plateau);
                }
            }
            if scheduler.is_over() {
                return Ok(end);
            }
            // A worker thread reports a finished seed, or that the scenario can't be simulated.
            if let Ok(error) = errors.recv_timeout(TIME_CHECK_INTERVAL) {
                error?;
            }
            if end == SweepEnd::Seeds
                && let Some(reason) = self.reason_to_stop(began)
            {
                end = reason;
                scheduler.stop();
            }
            for seed in scheduler.overdue(self.options.hang) {
                scheduler.finish(self.hung(seed));
                start()?;
            }
        }
    }

    fn reason_to_stop(&self, began: Instant) -> Option<SweepEnd> {
        if self
            .interrupt
            .is_some_and(|flag| flag.load(Ordering::Relaxed))
        {
            return Some(SweepEnd::Interrupted);
        }
        let limit = self.options.time;
        limit
            .filter(|limit| began.elapsed() >= *limit)
            .map(|_| SweepEnd::Time)
    }

    /// Runs one seed; twice, with a comparison of the traces, if `is_rerun`.
    ///
    /// # Errors
    /// The scenario can't be simulated, or a thread can't be created.
    pub fn try_seed(&self, seed: u64, is_rerun: bool) -> Result<Trial, RehearsalError> {
        let (sender, tried) = channel();
        let shared = Arc::clone(&self.shared);
        // After a timeout, the result of the abandoned thread is dropped.
        let work = move || drop(sender.send(shared.try_seed(seed, is_rerun)));
        thread::Builder::new().spawn(work)?;
        let tried = tried.recv_timeout(self.options.hang);
        tried.unwrap_or_else(|_| Ok(self.hung(seed)))
    }

    fn start_worker(
        &self,
        scheduler: Arc<SeedScheduler>,
        rerun_every: u64,
        sender: Sender<Result<(), RehearsalError>>,
    ) -> Result<(), RehearsalError> {
        let shared = Arc::clone(&self.shared);
        let work = move || {
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
        };
        thread::Builder::new().spawn(work)?;
        Ok(())
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
