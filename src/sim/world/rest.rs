//! Whether the world is at rest, and if not, what it waits for.

use std::collections::BTreeMap;
use std::fmt;

use super::World;
use super::queue::Whereabouts;
use crate::model::{Run, RunId, RunState, SegmentKey};

/// What is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rest {
    /// Runs in planning or open.
    pub runs: u64,
    /// Messages on both queues; dead letters are none.
    pub messages: u64,
    /// Intents.
    pub intents: u64,
    /// Rows of the outbox.
    pub events: u64,
    /// Exports that no commit has handled.
    pub exports: u64,
    /// Calls that were sent and neither answered nor given up.
    pub calls: u64,
}

impl Rest {
    /// Whether nothing is left: the world is quiet. A call may always be on its way, since
    /// processes look and say that they are alive for ever; it is no work.
    pub fn is_quiet(&self) -> bool {
        let Self {
            runs,
            messages,
            intents,
            events,
            exports,
            calls: _,
        } = *self;
        runs + messages + intents + events + exports == 0
    }
}

impl fmt::Display for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} runs, {} messages, {} intents, {} events, {} exports, {} calls",
            self.runs, self.messages, self.intents, self.events, self.exports, self.calls
        )
    }
}

/// A run that isn't finished, and what it waits for.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfinished {
    /// The run.
    pub run: Run,
    /// What it waits for, in a sentence.
    pub waits_for: String,
}

impl World {
    /// What is left to do.
    pub fn rest(&self) -> Rest {
        let now = self.now();
        let store = self.store.borrow();
        let planner = self.planner_queue.look(|queue| queue.depth(now).depth);
        let runner = self.runner_queue.look(|queue| queue.depth(now).depth);
        Rest {
            runs: store.unfinished().count() as u64,
            messages: planner + runner,
            intents: store.intents_left(),
            events: store.events_left(),
            exports: store.exports_waiting(),
            calls: self.calls.get(),
        }
    }

    /// Runs that aren't finished, oldest first, each with what it waits for.
    pub fn unfinished(&self) -> Vec<Unfinished> {
        let planner: BTreeMap<RunId, Whereabouts> = self
            .planner_queue
            .look(|queue| queue.whereabouts(|headers| Some(headers.run.clone())));
        let runner: BTreeMap<SegmentKey, Whereabouts> = self
            .runner_queue
            .look(|queue| queue.whereabouts(|headers| headers.segment.clone()));
        let store = self.store.borrow();
        let unfinished = |run: &Run| Unfinished {
            run: run.clone(),
            waits_for: match run.state {
                RunState::Planning => planning_waits_for(run),
                RunState::Queued => store.queued_waits_for(run, planner.get(&run.id)),
                _ => store.running_waits_for(run, &runner),
            },
        };
        store.unfinished().map(unfinished).collect()
    }
}

fn planning_waits_for(run: &Run) -> String {
    match run.not_before {
        Some(instant) => format!(
            "a planner, not before {instant}, after {} failed attempts",
            run.planning_attempts
        ),
        None => "a planner".to_owned(),
    }
}
