//! Tries seeds on all cores, and folds what became of them in the order of the seeds.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::seed_scheduler::SeedScheduler;
use super::{SweepResult, Trial, TrialOptions};
use crate::rehearsal::{Hooks, RehearsalError};
use crate::scenario::Scenario;

/// Between two looks at whether a seed hangs or the time is up, if no seed is done meanwhile.
const LOOK: Duration = Duration::from_millis(100);

/// How a sweep is done.
#[derive(Clone, Debug)]
pub struct SweepOptions {
    /// The seeds, in this order; those that the result has already are left out.
    pub seeds: Range<u64>,
    /// How many are tried at once.
    pub jobs: usize,
    /// How each is tried.
    pub trial: TrialOptions,
    /// No new seed is begun after that much real time.
    pub time: Option<Duration>,
    /// Ends once every `sometimes` was met and so many seeds in a row covered nothing new.
    pub plateau: Option<u64>,
    /// A seed that takes longer, in real time, hangs: that is a failure, and it is left to itself.
    pub hang: Duration,
}

/// Why a sweep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepEnd {
    /// All seeds were tried.
    Seeds,
    /// The time was up.
    Time,
    /// Nothing new was to be seen any more.
    Plateau,
}

/// A sweep of a scenario, with something between workers, world and checks.
pub struct Sweep<F> {
    shared: Arc<WorkerShared<F>>,
    options: SweepOptions,
}

/// What every worker knows.
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
    /// A sweep. `hooks` is made anew for each rehearsal; `begin` is told of each seed before it is
    /// tried, on the worker's thread.
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

    /// Tries the seeds and adds them to `result`. `progress` is told of each, in their order, and of
    /// all so far.
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
            // A worker's word: a seed is done, or the scenario can't be simulated.
            if let Ok(Err(error)) = errors.recv_timeout(LOOK) {
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

    /// Tries one seed by itself, twice if it is to be compared with itself.
    ///
    /// # Errors
    /// The scenario can't be simulated.
    pub fn try_seed(&self, seed: u64, is_rerun: bool) -> Result<Trial, RehearsalError> {
        let (sender, tried) = channel();
        let shared = Arc::clone(&self.shared);
        // Nobody listens any more to a seed that has hung.
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
                let word = shared.try_seed(seed, is_rerun);
                if sender
                    .send(word.map(|trial| scheduler.finish(trial)))
                    .is_err()
                {
                    return;
                }
            }
        });
    }

    fn hung(&self, seed: u64) -> Trial {
        let seconds = self.options.hang.as_secs();
        let message = format!("it has not come to an end within {seconds} s of real time");
        Trial::broken(
            &self.shared.scenario,
            seed,
            &self.shared.trial,
            "hang",
            &message,
        )
    }
}
