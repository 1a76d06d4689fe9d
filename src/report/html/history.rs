//! A run's time line: its faults, the promises that it broke, the alerts that fired.

use std::collections::BTreeMap;

use super::timeline::{Group, Lane, Span};
use crate::report::RunRecord;

/// What happened, by heading.
pub fn groups(run: &RunRecord) -> Vec<Group> {
    vec![faults(run)]
}

fn faults(run: &RunRecord) -> Group {
    let mut by_kind: BTreeMap<_, Vec<Span>> = BTreeMap::new();
    for episode in &run.faults {
        let end = episode.ended.map_or(run.end_ms, |ended| ended.millis());
        let span = Span::new(episode.began.millis(), end, &episode.subject, "fault");
        by_kind.entry(episode.kind).or_default().push(span);
    }
    let length = run.end_ms - run.start_ms;
    let lanes = by_kind
        .into_iter()
        .map(|(kind, spans)| Lane::new(kind.as_str(), kind.meaning(), spans, length));
    Group {
        title: "Faults".into(),
        nothing: "no fault struck".into(),
        lanes: lanes.collect(),
    }
}
