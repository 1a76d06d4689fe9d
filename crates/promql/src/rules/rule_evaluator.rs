//! Evaluation of one rule.

use std::borrow::Cow;

use super::file::{AlertRule, RecordRule, Rule};
use super::recorded::{RecordedRules, TimestampsId, relabelled};
use super::states::{ALERTS, ALERTS_FOR_STATE, Alert, AlertStates};
use crate::{Query, RangeSeries};
use rehearsal_convert::{Index, Nearest};
use rehearsal_metrics::Labels;

/// Timestamps and values, ascending.
type SamplePoints = [(i64, f64)];

/// Evaluation times, an interval apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct EvaluationTimes {
    pub first_ms: i64,
    pub last_ms: i64,
    pub interval_ms: i64,
}

impl EvaluationTimes {
    pub(super) fn iter(self) -> impl Iterator<Item = i64> {
        (self.first_ms..=self.last_ms).step_by(self.interval_ms.to_index())
    }
}

/// Rule with its results so far.
pub(super) enum RuleEvaluator<'r> {
    /// Recording rule with its series.
    Record(&'r RecordRule, Vec<usize>),
    /// Alerting rule with the series of its active alerts.
    Alert(&'r AlertRule, AlertStates<'r>, Vec<usize>),
}

impl<'r> RuleEvaluator<'r> {
    pub(super) fn new(rule: &'r Rule) -> Self {
        match rule {
            Rule::Record(rule) => Self::Record(rule, Vec::new()),
            Rule::Alert(rule) => Self::Alert(rule, AlertStates::new(rule), Vec::new()),
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Record(rule, _) => &rule.name,
            Self::Alert(rule, ..) => &rule.name,
        }
    }

    pub(super) fn query(&self) -> &Query {
        match self {
            Self::Record(rule, _) => &rule.query,
            Self::Alert(rule, ..) => &rule.query,
        }
    }

    /// Returns all alerts, including resolved ones.
    pub(super) fn into_alerts(self) -> Vec<Alert> {
        match self {
            Self::Record(..) => Vec::new(),
            Self::Alert(_, states, _) => states.into_alerts().collect(),
        }
    }

    /// Processes the vectors of several evaluations, later than all before.
    ///
    /// # Errors
    ///
    /// If two samples have the same output labels.
    pub(super) fn take(
        &mut self,
        vectors: &[RangeSeries],
        recorded: &mut RecordedRules,
        clock: TimestampsId,
        instants: EvaluationTimes,
    ) -> Result<(), String> {
        let twice = |labels: &Labels| format!("two of its samples have the labels {labels}");
        match self {
            Self::Record(rule, made) => {
                let mut taken: Vec<(usize, Cow<'_, SamplePoints>)> = Vec::new();
                for series in vectors {
                    let own = rule.labels.iter();
                    let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
                    let labels = relabelled(&series.labels, &rule.name, own);
                    let id = recorded.find_or_add(clock, labels.clone());
                    match taken.iter_mut().find(|(known, _)| *known == id) {
                        None => taken.push((id, Cow::Borrowed(&series.points))),
                        Some((_, points)) => {
                            join(points.to_mut(), &series.points).ok_or_else(|| twice(&labels))?;
                        }
                    }
                }
                for (id, points) in &taken {
                    record(recorded, *id, points, instants);
                }
                let taken: Vec<usize> = taken.into_iter().map(|(id, _)| id).collect();
                for id in made.iter().filter(|id| !taken.contains(id)) {
                    recorded.set(*id, instants.first_ms, None);
                }
                *made = taken;
            }
            Self::Alert(_, states, active) => {
                let mut vectors = VectorCursor::new(vectors);
                for at_ms in instants.iter() {
                    let vector = vectors.at(at_ms);
                    let evaluated = states.evaluate(at_ms, vector.into_iter());
                    evaluated.map_err(|labels| twice(&labels))?;
                    tell(states, recorded, clock, active, at_ms);
                }
            }
        }
        Ok(())
    }
}

/// Merges the points of two series with equal output labels. Returns `None` if both have a point at
/// the same time.
fn join(points: &mut Vec<(i64, f64)>, more: &SamplePoints) -> Option<()> {
    points.extend_from_slice(more);
    points.sort_by_key(|(at_ms, _)| *at_ms);
    points.is_sorted_by(|a, b| a.0 < b.0).then_some(())
}

/// Records the points of a series and ends it where points are missing.
fn record(
    recorded: &mut RecordedRules,
    id: usize,
    points: &SamplePoints,
    instants: EvaluationTimes,
) {
    let mut points = points.iter().peekable();
    for at_ms in instants.iter() {
        let point = points.next_if(|(time, _)| *time == at_ms);
        recorded.set(id, at_ms, point.map(|(_, value)| *value));
    }
}

/// Writes `ALERTS` and `ALERTS_FOR_STATE` of active alerts, and ends those of inactive ones.
fn tell(
    states: &AlertStates<'_>,
    recorded: &mut RecordedRules,
    clock: TimestampsId,
    active: &mut Vec<usize>,
    at_ms: i64,
) {
    let mut told = Vec::new();
    for alert in states.active() {
        let state = [("alertstate", alert.state.as_str())];
        let alerts = relabelled(alert.labels, ALERTS, state.into_iter());
        let since = relabelled(alert.labels, ALERTS_FOR_STATE, [].into_iter());
        let since_seconds = alert.since_ms.div_euclid(1_000).nearest_f64();
        for (labels, value) in [(alerts, 1.0), (since, since_seconds)] {
            let id = recorded.find_or_add(clock, labels);
            recorded.set(id, at_ms, Some(value));
            told.push(id);
        }
    }
    for id in active.iter().filter(|id| !told.contains(id)) {
        recorded.set(*id, at_ms, None);
    }
    *active = told;
}

/// Cursor over series by evaluation time.
struct VectorCursor<'v> {
    series: Vec<(&'v Labels, std::slice::Iter<'v, (i64, f64)>)>,
}

impl<'v> VectorCursor<'v> {
    fn new(series: &'v [RangeSeries]) -> Self {
        let series = series.iter();
        Self {
            series: series
                .map(|series| (&series.labels, series.points.iter()))
                .collect(),
        }
    }

    /// Samples at a time later than all before.
    fn at(&mut self, at_ms: i64) -> Vec<(&'v Labels, f64)> {
        let mut found = Vec::new();
        for (labels, points) in &mut self.series {
            if let Some((time, value)) = points.as_slice().first()
                && *time == at_ms
            {
                found.push((*labels, *value));
                points.next();
            }
        }
        found
    }
}
