//! Rehearses a case, and once more for its trace if it fails.

use std::io;
use std::time::Duration;

use super::ReplayCase;
use super::entry::TraceEntry;
use super::observation_log::SharedObservationLog;
use super::tracks::TraceTracks;
use crate::model::Timestamp;
use crate::model::observation::Observation;
use crate::rehearsal::{Hooks, RehearsalError, WithListener};
use crate::sweep::{FailureCause, SeedFailure, Sweep, SweepOptions, Trial};

/// A stretch of virtual time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayWindow {
    /// The first instant.
    pub from: Timestamp,
    /// The instant that it is about.
    pub centre: Timestamp,
    /// The last instant.
    pub until: Timestamp,
}

impl ReplayWindow {
    /// So much time before and after an instant.
    pub fn around(centre: Timestamp, reach: Duration) -> Self {
        Self {
            from: centre.before(reach),
            centre,
            until: centre.after(reach),
        }
    }

    /// Whether an instant is in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        (self.from..=self.until).contains(&at)
    }
}

/// Replays a case, with something between workers, world and checks.
pub struct Replay<F> {
    /// What is replayed.
    pub case: ReplayCase,
    /// Makes what stands between workers, world and checks.
    pub hooks: F,
    /// How much virtual time before and after the first violation is shown.
    pub around: Duration,
    /// A rehearsal that takes longer, in real time, hangs.
    pub hang: Duration,
}

/// What a replay gave.
#[derive(Clone, Debug)]
pub struct ReplayOutcome {
    /// What became of the seed now.
    pub trial: Trial,
    /// What happened around the first violation; none if it passes, or has no instant.
    pub excerpt: Option<ReplayExcerpt>,
}

/// What happened around an instant.
#[derive(Clone, Debug)]
pub struct ReplayExcerpt {
    /// When.
    pub window: ReplayWindow,
    /// What, in order.
    pub entries: Vec<TraceEntry>,
    /// Entries that were left out, since there were too many.
    pub left_out: u64,
    tracks: TraceTracks,
}

impl<C: Hooks, F: Fn() -> C + Clone + Send + Sync + 'static> Replay<F> {
    /// Rehearses it. `progress` is told what is being done.
    ///
    /// # Errors
    /// The scenario can't be simulated.
    pub fn run(&self, mut progress: impl FnMut(&str)) -> Result<ReplayOutcome, RehearsalError> {
        progress("does it fail?");
        let (mut trial, recorder) = self.rehearse(None)?;
        let Some(centre) = self.centre(&trial, recorder.lock().last) else {
            return Ok(ReplayOutcome {
                trial,
                excerpt: None,
            });
        };
        progress("what happens around the failure?");
        let window = ReplayWindow::around(centre, self.around);
        let (again, recorder) = self.rehearse(Some(window))?;
        if again.row.trace != trial.row.trace {
            trial.failure = Some(SeedFailure::nondeterminism());
        }
        let mut record = recorder.lock();
        record.tracks.close(&window, trial.failure.as_ref());
        let excerpt = ReplayExcerpt {
            window,
            entries: std::mem::take(&mut record.entries).into(),
            left_out: record.left_out,
            tracks: std::mem::take(&mut record.tracks),
        };
        let excerpt = Some(excerpt);
        Ok(ReplayOutcome { trial, excerpt })
    }

    fn rehearse(
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
                    kept.lock().take(at, observation);
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

    /// The instant of the first violation; of a rehearsal that came to no end, the last instant.
    fn centre(&self, trial: &Trial, last: Timestamp) -> Option<Timestamp> {
        let failure = trial.failure.as_ref()?;
        if failure.cause == FailureCause::nondeterminism() {
            return None;
        }
        if trial.row.trace.is_empty() {
            return Some(last);
        }
        let after = Duration::from_secs_f64(failure.after_seconds);
        Some(self.case.start().after(after))
    }
}

impl ReplayOutcome {
    /// The exit code: 0 if nothing fails any more.
    pub fn exit_code(&self) -> u8 {
        match &self.trial.failure {
            None => 0,
            Some(failure) => failure.cause.exit_code(),
        }
    }
}

impl ReplayExcerpt {
    /// Writes the excerpt as Chrome trace events in JSON, which Perfetto opens: a process of the
    /// scenario is a process there, work is a span, a fault an instant. Times count from the start
    /// of the epoch, in microseconds.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_chrome(&self, out: impl io::Write) -> io::Result<()> {
        self.tracks.write(out)
    }
}
