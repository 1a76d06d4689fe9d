//! Timeline of a run: faults, SLO breaches and alerts on lanes over one time axis.

mod groups;

use serde::Serialize;

pub use groups::{groups, rules_span};

/// Approximate width of the timeline, in pixels.
const WIDTH: i64 = 1_500;

/// Lanes under one heading.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LaneGroup {
    /// Heading: `Faults`, `SLO breaches` or `Alerts`.
    pub title: String,
    /// Note beside the heading: how to read the lanes, or why there are none.
    pub remark: String,
    /// Lanes, one per kind.
    pub lanes: Vec<Lane>,
}

/// Time spans of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lane {
    /// Name of the kind.
    pub name: String,
    /// Meaning of the kind, as a sentence.
    pub meaning: String,
    /// Spans, ordered by start.
    pub spans: Vec<TimelineSpan>,
}

/// Time span on a lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineSpan {
    /// Start, in ms since 1970.
    pub from_ms: i64,
    /// End, in ms since 1970.
    pub to_ms: i64,
    /// Affected object.
    pub text: String,
    /// Style: `fault`, `breach`, `incident`, `pending` or `firing`.
    pub tone: &'static str,
    /// Number of merged spans.
    pub count: usize,
}

impl Lane {
    /// Creates a lane. `length_ms` is the time that the timeline covers. Spans of the same style
    /// less than a pixel apart are merged.
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
    /// Creates a span.
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
    fn lane_merges_spans_less_than_a_pixel_apart() {
        let span = |from, to, text: &str| TimelineSpan::new(from, to, text, "fault");
        let spans = vec![
            span(2_500, 2_600, "worker-2"),
            span(0, 1_000, "worker-1"),
            span(1_500, 2_000, "worker-1"),
            span(8_000, 8_000, "worker-1"),
            TimelineSpan::new(8_100, 8_200, "worker-1", "firing"),
        ];
        let lane = Lane::new("process-crash", "", spans, 1_000 * WIDTH);
        let merged: Vec<_> = lane
            .spans
            .iter()
            .map(|span| (span.from_ms, span.to_ms, span.text.as_str(), span.count))
            .collect();
        assert_eq!(
            merged,
            [
                (0, 2_600, "several", 3),
                (8_000, 8_000, "worker-1", 1),
                (8_100, 8_200, "worker-1", 1),
            ]
        );
    }
}
