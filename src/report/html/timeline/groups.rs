//! Timeline groups of a run.

use std::collections::BTreeMap;

use super::{Lane, LaneGroup, TimelineSpan};
use crate::check::Slo;
use crate::metrics::Labels;
use crate::model::Timestamp;
use crate::promql::rules::{self, Alert, AlertState, AlertTimeline, EvaluateError, RuleFile};
use crate::report::RecordedRun;

/// Default interval between two evaluations of a rule group, in ms: that of Prometheus.
const RULES_INTERVAL_MS: i64 = 60_000;

/// Returns the groups of a run: faults, SLO breaches and alerts.
pub fn groups(
    run: &RecordedRun,
    rules: &RuleFile,
    evaluated: &Result<AlertTimeline, EvaluateError>,
) -> Vec<LaneGroup> {
    vec![
        faults(run),
        slo_breaches(run),
        alerts(run, rules, evaluated),
    ]
}

/// Returns the time range over which rules are evaluated.
pub const fn rules_span(run: &RecordedRun) -> rules::EvaluationRange {
    rules::EvaluationRange {
        start_ms: run.start_ms,
        end_ms: run.end_ms,
        interval_ms: RULES_INTERVAL_MS,
    }
}

/// Spans per kind. The key is the order, name and meaning of the kind.
type SpansByKind<'k> = BTreeMap<(usize, &'k str, &'k str), Vec<TimelineSpan>>;

/// Creates the group of a heading. `note` explains how to read the lanes; `empty_note` replaces
/// it if there are none.
fn group(
    run: &RecordedRun,
    title: &str,
    (note, empty_note): (&str, String),
    kinds: SpansByKind<'_>,
) -> LaneGroup {
    let length_ms = run.end_ms - run.start_ms;
    let lanes = kinds.into_iter();
    LaneGroup {
        title: title.into(),
        remark: match lanes.len() {
            0 => empty_note,
            _ => note.to_owned(),
        },
        lanes: lanes
            .map(|((_, name, meaning), spans)| Lane::new(name, meaning, spans, length_ms))
            .collect(),
    }
}

fn faults(run: &RecordedRun) -> LaneGroup {
    let mut kinds = SpansByKind::new();
    for episode in &run.faults {
        let end = episode.ended.map_or(run.end_ms, Timestamp::millis);
        let span = TimelineSpan::new(episode.began.millis(), end, &episode.subject, "fault");
        let kind = episode.kind;
        let key = (kind as usize, kind.as_str(), kind.meaning());
        kinds.entry(key).or_default().push(span);
    }
    group(run, "Faults", ("", "no fault was injected".into()), kinds)
}

/// Returns the SLO breaches, of which those that last long enough are incidents.
fn slo_breaches(run: &RecordedRun) -> LaneGroup {
    let mut kinds = SpansByKind::new();
    for broken in &run.slo_breaches {
        let tone = match broken.is_incident() {
            true => "incident",
            false => "breach",
        };
        let subject = match &broken.run {
            Some(run) => format!("{}, {run}", broken.schedule),
            None => broken.schedule.to_string(),
        };
        let span = TimelineSpan::new(broken.from.millis(), broken.to.millis(), subject, tone);
        let kind = broken.kind;
        let key = (kind as usize, kind.as_str(), meaning(kind));
        kinds.entry(key).or_default().push(span);
    }
    let note = "in full colour: breaches that last long enough to be incidents";
    group(
        run,
        "SLO breaches",
        (note, "every SLO was met".into()),
        kinds,
    )
}

const fn meaning(slo: Slo) -> &'static str {
    match slo {
        Slo::PlanningSucceeds => "No run goes from Planning to Error.",
        Slo::PlannedInTime => "Every run is planned within 2 minutes.",
        Slo::BacklogFalls => "A positive backlog falls within every 15 minutes.",
        Slo::RunsProgress => "Every open run commits something within every 30 minutes.",
    }
}

fn alerts(
    run: &RecordedRun,
    rules: &RuleFile,
    evaluated: &Result<AlertTimeline, EvaluateError>,
) -> LaneGroup {
    let mut kinds = SpansByKind::new();
    let timeline = match evaluated {
        Ok(timeline) => timeline,
        Err(error) => return group(run, "Alerts", ("", error.to_string()), kinds),
    };
    for alert in &timeline.alerts {
        let rule = rules.alerts().enumerate();
        let mut rule = rule.filter(|(_, rule)| rule.name == alert.name);
        if let Some((number, rule)) = rule.next() {
            let key = (number, rule.name.as_str(), rule.query.text());
            kinds
                .entry(key)
                .or_default()
                .extend(spans(alert, run.end_ms));
        }
    }
    let empty_note = format!(
        "none of the {} alerts was ever pending",
        rules.alerts().count()
    );
    group(run, "Alerts", ("hatched: pending", empty_note), kinds)
}

fn spans(alert: &Alert, end_ms: i64) -> Vec<TimelineSpan> {
    let ends = alert.transitions.iter().skip(1).map(|next| next.at_ms);
    let states = alert.transitions.iter().zip(ends.chain([end_ms]));
    let active = states.filter(|(change, _)| change.state != AlertState::Inactive);
    active
        .map(|(change, end)| {
            let text = subject(&alert.labels);
            TimelineSpan::new(change.at_ms, end, text, change.state.as_str())
        })
        .collect()
}

/// Returns the labels that distinguish the alerts of one rule.
fn subject(labels: &Labels) -> String {
    let own = labels.iter();
    let own = own.filter(|(label, _)| !matches!(*label, "alertname" | "severity" | "slo"));
    let own: Vec<String> = own
        .map(|(label, value)| format!("{label} {value}"))
        .collect();
    match own.is_empty() {
        true => "all".into(),
        false => own.join(", "),
    }
}
