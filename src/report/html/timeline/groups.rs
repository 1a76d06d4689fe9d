//! A run's time line: its faults, the SLOs that it broke, the alerts that fired.

use std::collections::BTreeMap;

use super::{Lane, LaneGroup, TimelineSpan};
use crate::check::Slo;
use crate::metrics::Labels;
use crate::promql::rules::{self, Alert, AlertState, AlertTimeline, EvaluateError, RuleFile};
use crate::report::RunRecord;

/// Between two evaluations of a group of rules that doesn't say otherwise: as Prometheus has it.
const RULES_INTERVAL_MS: i64 = 60_000;

/// What happened, by heading.
pub fn groups(
    run: &RunRecord,
    rules: &RuleFile,
    told: &Result<AlertTimeline, EvaluateError>,
) -> Vec<LaneGroup> {
    vec![faults(run), truth(run), alerts(run, rules, told)]
}

/// When rules are evaluated.
pub const fn rules_span(run: &RunRecord) -> rules::EvaluationRange {
    rules::EvaluationRange {
        start_ms: run.start_ms,
        end_ms: run.end_ms,
        interval_ms: RULES_INTERVAL_MS,
    }
}

/// Spans by the kind of what they tell of, each kind with its name and meaning.
type SpansByKind<'k> = BTreeMap<(usize, &'k str, &'k str), Vec<TimelineSpan>>;

/// The lanes of a heading. `reading` says how to read them, `nothing` what it means if there are none.
fn group(
    run: &RunRecord,
    title: &str,
    (reading, nothing): (&str, String),
    kinds: SpansByKind<'_>,
) -> LaneGroup {
    let length_ms = run.end_ms - run.start_ms;
    let lanes = kinds.into_iter();
    LaneGroup {
        title: title.into(),
        remark: match lanes.len() {
            0 => nothing,
            _ => reading.to_owned(),
        },
        lanes: lanes
            .map(|((_, name, meaning), spans)| Lane::new(name, meaning, spans, length_ms))
            .collect(),
    }
}

fn faults(run: &RunRecord) -> LaneGroup {
    let mut kinds = SpansByKind::new();
    for episode in &run.faults {
        let end = episode
            .ended
            .map_or(run.end_ms, crate::model::time::Timestamp::millis);
        let span = TimelineSpan::new(episode.began.millis(), end, &episode.subject, "fault");
        let kind = episode.kind;
        let key = (kind as usize, kind.as_str(), kind.meaning());
        kinds.entry(key).or_default().push(span);
    }
    group(run, "Faults", ("", "no fault struck".into()), kinds)
}

/// Where SLOs were broken, and which of that are incidents.
fn truth(run: &RunRecord) -> LaneGroup {
    let mut kinds = SpansByKind::new();
    for broken in &run.slo_breaches {
        let tone = match broken.is_incident() {
            true => "incident",
            false => "broken",
        };
        let whose = match &broken.run {
            Some(run) => format!("{}, {run}", broken.schedule),
            None => broken.schedule.to_string(),
        };
        let span = TimelineSpan::new(broken.from.millis(), broken.to.millis(), whose, tone);
        let kind = broken.kind;
        let key = (kind as usize, kind.as_str(), slo(kind));
        kinds.entry(key).or_default().push(span);
    }
    let reading = "SLOs that were breached; in full colour those that count as incidents";
    group(run, "Truth", (reading, "every SLO was met".into()), kinds)
}

const fn slo(kind: Slo) -> &'static str {
    match kind {
        Slo::PlanningSucceeds => "No run goes from Planning to Error.",
        Slo::PlannedInTime => "Every run is planned within 2 minutes.",
        Slo::BacklogFalls => "A positive backlog falls within every 15 minutes.",
        Slo::RunsProgress => "Every open run commits something within every 30 minutes.",
    }
}

fn alerts(
    run: &RunRecord,
    rules: &RuleFile,
    told: &Result<AlertTimeline, EvaluateError>,
) -> LaneGroup {
    let mut kinds = SpansByKind::new();
    let timeline = match told {
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
    let nothing = format!("none of {} was ever pending", rules.alerts().count());
    group(run, "Alerts", ("hatched while pending", nothing), kinds)
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

/// What tells one alert of a rule from another.
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
