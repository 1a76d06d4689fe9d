//! What an open run waits for, for people.

use std::collections::BTreeMap;

use super::Store;
use crate::model::{Run, Segment, SegmentKey};
use crate::sim::world::queue::Whereabouts;

/// So many segments are named.
const SEGMENTS_NAMED: usize = 3;

impl Store {
    /// Intents that the dispatcher has not done with.
    pub fn intents_left(&self) -> u64 {
        self.runs.intents().count() as u64
    }

    /// Events that are not published.
    pub fn events_left(&self) -> u64 {
        self.outbox.depth()
    }

    /// What a run in `Queued` waits for.
    pub fn queued_waits_for(&self, run: &Run, message: Option<&Whereabouts>) -> String {
        let record = self.runs.get(&run.id);
        let intent = record.and_then(|record| record.intent.as_ref());
        match (message, intent) {
            (Some(whereabouts), _) => format!("a dispatcher: its message is {whereabouts}"),
            (None, Some(intent)) if !intent.enqueued => {
                format!("a relay: its intent stands since {}", intent.since)
            }
            (None, Some(intent)) => format!(
                "repair: its message is gone, and was enqueued at {} at the earliest",
                intent.since
            ),
            (None, None) => "nothing: it has no intent and no message".to_owned(),
        }
    }

    /// What a run in `Running` waits for.
    pub fn running_waits_for(
        &self,
        run: &Run,
        messages: &BTreeMap<SegmentKey, Whereabouts>,
    ) -> String {
        let Some(record) = self.runs.get(&run.id) else {
            return "nothing: it is gone".to_owned();
        };
        let left: Vec<&Segment> = record
            .segments
            .iter()
            .filter(|segment| segment.committed_by.is_none())
            .collect();
        let named: Vec<String> = left
            .iter()
            .take(SEGMENTS_NAMED)
            .map(|segment| {
                let index = segment.key.index;
                match (messages.get(&segment.key), segment.released_at) {
                    (Some(whereabouts), _) => format!("{index} is {whereabouts}"),
                    (None, Some(at)) => format!("{index} was released at {at} and has no message"),
                    (None, None) => format!("{index} is not released"),
                }
            })
            .collect();
        let all = record.segments.len();
        format!("{} of {all} segments: {}", left.len(), named.join(", "))
    }
}
