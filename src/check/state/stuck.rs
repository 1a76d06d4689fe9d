//! Events that unfinished runs wait for.

use std::fmt;

use super::WorldState;
use super::message::{MessageRecord, MessageStatus};
use super::run::{RunRecord, RunWork, SegmentRecord};
use super::table::RunIndex;
use super::transition::MessageTransition;
use crate::model::observation::{PortName, QueueName};
use crate::model::{RunId, RunState, Timestamp};

/// Segments that an explanation names.
const NAMED_MAX: usize = 3;

/// A run that is not terminal, and what it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckRun {
    /// Identifier of the unfinished run.
    pub run: RunId,
    /// Where it stands.
    pub state: RunState,
    /// The event that must happen next, in words.
    pub waits_for: String,
    /// When what it waits for last moved.
    pub moved_at: Timestamp,
}

impl fmt::Display for StuckRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "run {} is {} since it last moved at {}, and waits for {}",
            self.run, self.state, self.moved_at, self.waits_for
        )
    }
}

/// When the work that a run waits for last moved: the first of its released segments, or the run.
fn moved_at(run: &RunRecord, work: &RunWork) -> Timestamp {
    let open = work.segments.iter();
    let open = open.filter(|segment| segment.is_released && segment.committed_by.is_none());
    let segments = open.map(|segment| segment.transition.map(|transition| transition.at));
    let planner = work.transition.map(|transition| transition.at);
    let since = run.progress_at.max(planner.unwrap_or_default());
    // A segment that never moved waits since its release, which was the run's last progress.
    segments
        .map(|at| at.unwrap_or(since))
        .min()
        .unwrap_or(since)
}

/// Reason why a released segment has no message.
fn explain_absence(segment: &SegmentRecord) -> String {
    let remedy = "repair must enqueue it again";
    match segment.transition {
        Some(MessageTransition {
            at, description, ..
        }) => {
            format!("its message is not on the queue: it was {description} at {at}; {remedy}")
        }
        None => format!("released, but its message was never on the queue; {remedy}"),
    }
}

impl WorldState {
    /// Event that each unfinished run waits for, oldest run first.
    pub(crate) fn explain_stuck(&self) -> Vec<StuckRun> {
        self.runs
            .unfinished
            .iter()
            .filter_map(|run| self.explain(*run))
            .collect()
    }

    fn explain(&self, index: RunIndex) -> Option<StuckRun> {
        let run = &self.runs[index];
        let (state, work) = (run.state?, run.work.as_ref()?);
        let mut waits_for = match state {
            RunState::Planning => self.explain_planning(work),
            RunState::Queued => self.explain_queued(index, work),
            _ => self.explain_running(index, work),
        };
        waits_for.push_str(&self.explain_calls(index));
        waits_for.push_str(&self.explain_world(run));
        Some(StuckRun {
            run: run.id.clone(),
            state,
            waits_for,
            moved_at: moved_at(run, work),
        })
    }

    fn explain_planning(&self, work: &RunWork) -> String {
        match work.planning {
            (0, _) => "a planner to take it up".to_owned(),
            (failed, Some(at)) if at > self.now => {
                format!("its next planning attempt, not before {at} ({failed} have failed)")
            }
            (failed, _) => format!("a planner to try it again ({failed} attempts have failed)"),
        }
    }

    fn explain_queued(&self, index: RunIndex, work: &RunWork) -> String {
        let message = self.message_of(index, None);
        match (message, self.runs.intents.get(&index)) {
            (Some(message), _) => format!("its planner message: {}", self.explain_place(message)),
            (None, Some(_))
                if let Some(MessageTransition {
                    at, description, ..
                }) = work.transition =>
            {
                format!(
                    "repair to enqueue its planner message again, which was {description} at {at}"
                )
            }
            (None, Some(since)) => {
                format!("a relay to enqueue its planner message (an intent exists since {since})")
            }
            (None, None) => {
                "a planner message: there is none on the queue, and no intent to enqueue one"
                    .to_owned()
            }
        }
    }

    fn explain_running(&self, index: RunIndex, work: &RunWork) -> String {
        let open = (0..)
            .zip(&work.segments)
            .filter(|(_, segment)| segment.committed_by.is_none());
        let open: Vec<(u32, &SegmentRecord)> = open.collect();
        if open.is_empty() {
            return "the commit that completes it: every segment is committed".to_owned();
        }
        let released = open.iter().filter(|(_, segment)| segment.is_released);
        let named: Vec<String> = released
            .take(NAMED_MAX)
            .map(|(number, segment)| {
                let place = match self.message_of(index, Some(*number)) {
                    Some(message) => self.explain_place(message),
                    None => explain_absence(segment),
                };
                format!("segment {number}: {place}")
            })
            .collect();
        let count = open.len();
        let total = work.segments.len();
        if named.is_empty() {
            return format!("the release of {count} of its {total} segments");
        }
        format!("{count} of its {total} segments ({})", named.join("; "))
    }

    /// A message of the run or its segment; a live one rather than a dead one.
    fn message_of(&self, run: RunIndex, segment: Option<u32>) -> Option<&MessageRecord> {
        let queue = if segment.is_some() {
            QueueName::Runner
        } else {
            QueueName::Planner
        };
        let fits = |message: &&(u64, &MessageRecord)| {
            message.1.run == run && message.1.segment == segment && message.1.queue == queue
        };
        let rank = |message: &(u64, &MessageRecord)| match message.1.place {
            MessageStatus::Leased { .. } => 0,
            MessageStatus::Ready => 1,
            MessageStatus::Dead { .. } => 2,
        };
        let all = self.messages.sorted();
        all.iter()
            .filter(fits)
            .min_by_key(|message| rank(message))
            .map(|(_, message)| *message)
    }

    fn explain_place(&self, message: &MessageRecord) -> String {
        match message.place {
            MessageStatus::Ready => "it is on the queue and not leased".to_owned(),
            MessageStatus::Dead { .. } => "it is a dead letter and waits for a redrive".to_owned(),
            MessageStatus::Leased {
                incarnation, until, ..
            } => {
                let record = &self.incarnations[incarnation];
                let holder = match (record.is_alive, record.is_paused) {
                    (false, _) => "ended",
                    (true, true) => "paused",
                    (true, false) => "works on it",
                };
                let overdue = if until < self.now { ", overdue" } else { "" };
                format!(
                    "it is leased by {} ({holder}) until {until}{overdue}",
                    record.id
                )
            }
        }
    }

    fn explain_calls(&self, index: RunIndex) -> String {
        let pending = self.pending.sorted();
        let call = pending.iter().find(|(_, call)| call.run == Some(index));
        call.map_or(String::new(), |((incarnation, _), call)| {
            let fate = match (call.applied_at.is_some(), call.in_flight) {
                (true, true) => "is applied, and its answer is in flight",
                (true, false) => "is applied, but its answer was lost",
                (false, true) => "is in flight",
                (false, false) => "was lost",
            };
            format!(
                "; the {} commit of {} {fate}",
                call.step,
                self.incarnation_name(*incarnation)
            )
        })
    }

    /// Faults and lost ports that may delay the run.
    fn explain_world(&self, run: &RunRecord) -> String {
        let mut notes: Vec<String> = self
            .faults
            .active()
            .map(|kind| format!("{} is active", kind.as_str()))
            .collect();
        let ports = [PortName::Store, PortName::Queue, PortName::Scanner];
        for incarnation in &self.incarnations.living {
            let cut: Vec<&str> = ports
                .iter()
                .filter(|port| self.incarnations.is_cut_off(*incarnation, **port))
                .map(|port| match port {
                    PortName::Store => "store",
                    PortName::Queue => "queues",
                    _ => "scanner",
                })
                .collect();
            if !cut.is_empty() {
                notes.push(format!(
                    "{} can't reach the {}",
                    self.incarnation_name(*incarnation),
                    cut.join(" and the ")
                ));
            }
        }
        if self.incarnations.living.is_empty() {
            notes.push("no process is alive".to_owned());
        }
        if self.schedules[run.schedule].deleted_at.is_some() {
            notes.push("its schedule is deleted, so repair must cancel it".to_owned());
        }
        if notes.is_empty() {
            String::new()
        } else {
            format!(" ({})", notes.join(", "))
        }
    }
}
