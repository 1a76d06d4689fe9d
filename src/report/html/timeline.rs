//! What went wrong, what was promised and not kept, and which alerts told of it, on one line of time.

mod groups;

use serde::Serialize;

pub use groups::{groups, rules_span};

/// The time line is drawn about so many pixels wide.
const WIDTH: i64 = 1_500;

/// Lanes under one heading.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LaneGroup {
    /// `Faults`, `Truth`, `Alerts`.
    pub title: String,
    /// What is said beside it: how to read the lanes, or why there are none.
    pub remark: String,
    /// What happened, one kind a lane.
    pub lanes: Vec<Lane>,
}

/// Everything of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lane {
    /// What.
    pub name: String,
    /// What that means, in a sentence.
    pub meaning: String,
    /// When, by their beginnings.
    pub spans: Vec<TimelineSpan>,
}

/// Something that went on for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineSpan {
    /// When it began, ms since 1970.
    pub from_ms: i64,
    /// When it ended, ms since 1970.
    pub to_ms: i64,
    /// What it concerned.
    pub text: String,
    /// How it looks: `fault`, `broken`, `incident`, `pending` or `firing`.
    pub tone: &'static str,
    /// How many it stands for, since they lie too close together to be told apart.
    pub count: usize,
}

impl Lane {
    /// A lane over a time of this length, ms. Spans of one tone that can't be told apart become one.
    pub fn new(name: &str, meaning: &str, mut spans: Vec<TimelineSpan>, length_ms: i64) -> Self {
        spans.sort_by_key(|span| (span.from_ms, span.to_ms));
        let pixel_ms = length_ms / WIDTH;
        let mut merged: Vec<TimelineSpan> = Vec::new();
        for span in spans {
            match merged.last_mut() {
                Some(last) if last.tone == span.tone && span.from_ms - last.to_ms < pixel_ms => {
                    last.absorb(span);
                }
                _ => merged.push(span),
            }
        }
        Self {
            name: name.to_owned(),
            meaning: meaning.to_owned(),
            spans: merged,
        }
    }
}

impl TimelineSpan {
    /// Something from when to when.
    pub fn new(from_ms: i64, to_ms: i64, text: impl Into<String>, tone: &'static str) -> Self {
        Self {
            from_ms,
            to_ms,
            text: text.into(),
            tone,
            count: 1,
        }
    }

    fn absorb(&mut self, other: Self) {
        self.to_ms = self.to_ms.max(other.to_ms);
        self.count += other.count;
        if self.text != other.text {
            self.text = "several".into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_too_close_to_be_told_apart_become_one_that_says_so() {
        let span = |from, to, text: &str| TimelineSpan::new(from, to, text, "fault");
        let spans = vec![
            span(2_500, 2_600, "worker-2"),
            span(0, 1_000, "worker-1"),
            span(1_500, 2_000, "worker-1"),
            span(8_000, 8_000, "worker-1"),
            TimelineSpan::new(8_100, 8_200, "worker-1", "firing"),
        ];
        let lane = Lane::new("process-crash", "", spans, 1_000 * WIDTH);
        let told: Vec<_> = lane
            .spans
            .iter()
            .map(|span| (span.from_ms, span.to_ms, span.text.as_str(), span.count))
            .collect();
        assert_eq!(
            told,
            [
                (0, 2_600, "several", 3),
                (8_000, 8_000, "worker-1", 1),
                (8_100, 8_200, "worker-1", 1),
            ]
        );
    }
}
