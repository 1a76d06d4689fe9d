//! Last transition of the message for a run or a segment, by which unfinished work is explained.

use std::time::Duration;

use rehearsal_convert::Index;

use super::{MessageStep, WorldState};
use crate::model::Timestamp;
use crate::model::observation::QueueStep;

/// Description of the first transition.
const ENQUEUED: &str = "enqueued";

/// Transition of a message that changes what the work waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MessageTransition {
    pub at: Timestamp,
    pub message: u64,
    /// Participle that describes it.
    pub description: &'static str,
}

impl MessageTransition {
    /// Returns that of a step; none if the message stays where it is.
    const fn of(at: Timestamp, step: &MessageStep) -> Option<Self> {
        let description = match step.step {
            QueueStep::Enqueued => ENQUEUED,
            QueueStep::Leased { .. } => "leased",
            QueueStep::Acknowledged => "acknowledged",
            QueueStep::Released { .. } => "released",
            QueueStep::Expired => "released when its lease expired",
            QueueStep::DeadLettered => "made a dead letter",
            QueueStep::Dropped => "dropped",
            QueueStep::Redriven => "redriven",
            QueueStep::Lost => "lost by the queue",
            QueueStep::Deduplicated | QueueStep::Renewed { .. } | QueueStep::RefusedLate => {
                return None;
            }
        };
        let message = step.message;
        Some(Self {
            at,
            message,
            description,
        })
    }

    /// Whether the message came onto the queue later than `delay` after the release of its work.
    pub fn is_enqueued_after(&self, released_at: Timestamp, delay: Duration) -> bool {
        self.description == ENQUEUED && self.at > released_at.after(delay)
    }
}

impl WorldState {
    /// Records a transition of the message for the run or the segment that it asks to work.
    pub(super) fn record_transition(&mut self, step: &MessageStep) {
        let transition = MessageTransition::of(self.now, step);
        let Some((transition, run)) = transition.zip(step.run) else {
            return;
        };
        let Some(work) = self.runs[run].work.as_mut() else {
            return;
        };
        let place = match step.segment {
            None => Some(&mut work.transition),
            Some(index) => {
                let segment = work.segments.get_mut(index.to_index());
                segment.map(|segment| &mut segment.transition)
            }
        };
        if let Some(place) = place {
            *place = Some(transition);
        }
    }
}
