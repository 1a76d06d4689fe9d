//! Replay of a case: one run for the verdict, and a second run that records the observations.

use std::io;
use std::time::Duration;

use super::case::ReplayCase;
use super::chrome_trace;
use super::entry::TraceEntry;
use super::observation_log::SharedObservationLog;
use super::tracks::TraceTracks;
use super::window::ReplayWindow;
use crate::model::Timestamp;
use crate::model::observation::Observation;
use crate::rehearsal::{Hooks, RehearsalError, WithListener};
use crate::sweep::{FailureCause, SeedFailure, Sweep, SweepOptions, Trial};

/// Replay of a case with hooks between workers, world and checks.
pub struct Replay<F> {
    /// Case to replay.
    pub case: ReplayCase,
    /// Creates the hooks of a run.
    pub hooks: F,
    /// Virtual time before and after the first violation that is recorded.
    pub around: Duration,
    /// Wall-clock time after which a run counts as hanging.
    pub hang: Duration,
}

/// Result of a replay.
#[derive(Clone, Debug)]
pub struct ReplayOutcome {
    /// Outcome of the seed in this version.
    pub trial: Trial,
    /// Observations around the first violation; none if the run passes or the failure has no
    /// instant.
    pub excerpt: Option<ReplayExcerpt>,
}

/// Observations around an instant.
#[derive(Clone, Debug)]
pub struct ReplayExcerpt {
    /// Recorded window.
    pub window: ReplayWindow,
    /// Entries in order of time.
    pub entries: Vec<TraceEntry>,
    /// Number of entries that were discarded, because there were too many.
    pub discarded: u64,
    tracks: TraceTracks,
}

impl<C: Hooks, F: Fn() -> C + Clone + Send + Sync + 'static> Replay<F> {
    /// Runs the case. `progress` is called with a description of each step.
    ///
    /// # Errors
    /// The scenario cannot be simulated.
    pub fn run(&self, mut progress: impl FnMut(&str)) -> Result<ReplayOutcome, RehearsalError> {
        progress("checking for the failure");
        let (mut trial, recorder) = self.run_once(None)?;
        let Some(centre) = self.centre(&trial, recorder.lock().last) else {
            return Ok(ReplayOutcome {
                trial,
                excerpt: None,
            });
        };
        progress("recording the observations around the failure");
        let window = ReplayWindow::around(centre, self.around);
        let (recorded, recorder) = self.run_once(Some(window))?;
        if recorded.row.trace != trial.row.trace {
            trial.failure = Some(SeedFailure::nondeterminism());
        }
        let mut record = recorder.lock();
        record.tracks.close(&window, trial.failure.as_ref());
        let excerpt = ReplayExcerpt {
            window,
            entries: std::mem::take(&mut record.entries).into(),
            discarded: record.discarded,
            tracks: std::mem::take(&mut record.tracks),
        };
        let excerpt = Some(excerpt);
        Ok(ReplayOutcome { trial, excerpt })
    }

    fn run_once(
        &self,
        window: Option<ReplayWindow>,
    ) -> Result<(Trial, SharedObservationLog), RehearsalError> {
        let recorder = SharedObservationLog::new(window);
        let (hooks, kept) = (self.hooks.clone(), recorder.clone());
        let recorded = move || {
            let kept = kept.clone();
            WithListener {
                hooks: hooks(),
                listener: move |at, observation: &Observation<'_>| {
                    kept.lock().add(at, observation);
                },
            }
        };
        let ReplayCase {
            scenario,
            options,
            bug,
        } = &self.case;
        let seed = scenario.seed;
        let options = SweepOptions {
            seeds: seed..seed.saturating_add(1),
            jobs: 1,
            trial: options.clone(),
            time: None,
            plateau: None,
            hang: self.hang,
        };
        let nondeterminism = FailureCause::nondeterminism();
        let is_rerun = bug.as_ref().is_some_and(|bug| bug.cause == nondeterminism);
        let sweep = Sweep::new(scenario.clone(), recorded, options, |_| {});
        Ok((sweep.try_seed(seed, is_rerun)?, recorder))
    }

    /// Returns the instant of the first violation. For unfinished work it is that of its last
    /// movement, and for a run that did not end it is the last instant.
    fn centre(&self, trial: &Trial, last: Timestamp) -> Option<Timestamp> {
        let failure = trial.failure.as_ref()?;
        if failure.cause == FailureCause::nondeterminism() {
            return None;
        }
        if trial.row.trace.is_empty() {
            return Some(last);
        }
        if trial.stuck_since.is_some() {
            return trial.stuck_since;
        }
        let after = Duration::from_secs_f64(failure.after_seconds);
        Some(self.case.start().after(after))
    }
}

impl ReplayOutcome {
    /// Returns the exit code: 0 if the case no longer fails.
    pub fn exit_code(&self) -> u8 {
        match &self.trial.failure {
            None => 0,
            Some(failure) => failure.cause.exit_code(),
        }
    }
}

impl ReplayExcerpt {
    /// Writes the observations as Chrome trace events in JSON, which Perfetto opens. A process of
    /// the scenario is a process of the trace, work is a span, a fault is an instant. Times count
    /// from 1970, in microseconds.
    ///
    /// # Errors
    /// The writer failed.
    pub fn write_chrome(&self, out: impl io::Write) -> io::Result<()> {
        chrome_trace::write(self.tracks.items(), out)
    }
}
