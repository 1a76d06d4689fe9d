//! Evaluation of rules over a range of virtual time.

use super::dependencies::look_back;
use super::file::{RuleFile, RuleGroup};
use super::recorded::{MergedQueryable, RecordedRules, TimestampsId};
use super::rule_evaluator::{EvaluationTimes, RuleEvaluator};
use super::states::Alert;
use crate::{Engine, Queryable};

/// Range and default interval of evaluations, ms since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvaluationRange {
    /// Time of the first evaluation.
    pub start_ms: i64,
    /// Latest possible evaluation.
    pub end_ms: i64,
    /// Default interval of groups.
    pub interval_ms: i64,
}

/// Alerts of one rule over a range of time.
#[derive(Clone, Debug)]
pub struct AlertTimeline {
    /// Evaluated range.
    pub span: EvaluationRange,
    /// All alerts in the order of the rules, then by labels.
    pub alerts: Vec<Alert>,
    /// Recorded series, including `ALERTS`.
    pub recorded: RecordedRules,
}

/// Maximum number of evaluations of a group: a year at 10 s has 3.2 million.
const EVALUATIONS_MAX: i64 = 5_000_000;

/// Error of an evaluation of rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateError {
    /// A rule cannot be evaluated.
    #[error("rule `{rule}`: {message}")]
    Rule {
        /// Name of the rule.
        rule: String,
        /// Description of the error.
        message: String,
    },
    /// An interval is too short for the range.
    #[error(
        "{path}: group `{group}` would be evaluated {evaluations} times, and at most \
         {EVALUATIONS_MAX} are possible; give it an `interval` of {interval_ms}ms or more"
    )]
    TooOften {
        /// Path of the rules file.
        path: String,
        /// Name of the group.
        group: String,
        /// Number of evaluations in the range.
        evaluations: i64,
        /// Shortest possible interval.
        interval_ms: i64,
    },
}

/// Evaluates every rule at each interval of its group.
///
/// # Errors
///
/// If a query is refused, two samples of a vector have the same labels, or a group would be
/// evaluated more than five million times.
pub fn evaluate(
    rules: &RuleFile,
    source: &impl Queryable,
    span: EvaluationRange,
) -> Result<AlertTimeline, EvaluateError> {
    check_intervals(rules, span)?;
    let mut recorded = RecordedRules::default();
    let groups = rules.groups.iter();
    let mut groups: Vec<GroupRun<'_>> = groups
        .map(|group| GroupRun::new(group, span, &mut recorded))
        .collect();
    // Rules that depend on their own results are evaluated at one instant after the other.
    let is_stepwise = look_back(rules);
    let mut from_ms = span.start_ms;
    while from_ms <= span.end_ms {
        let until_ms = if is_stepwise { from_ms } else { span.end_ms };
        for group in &mut groups {
            if let Some(instants) = group.due(from_ms, until_ms) {
                group.evaluate(source, &mut recorded, instants)?;
            }
        }
        let next = groups.iter().map(|group| group.next_ms(until_ms + 1)).min();
        from_ms = next.unwrap_or(i64::MAX);
    }
    let rules = groups.into_iter().flat_map(|group| group.rules);
    Ok(AlertTimeline {
        span,
        alerts: rules.flat_map(RuleEvaluator::into_alerts).collect(),
        recorded,
    })
}

/// Checks that no group would be evaluated too often.
fn check_intervals(rules: &RuleFile, span: EvaluationRange) -> Result<(), EvaluateError> {
    let length_ms = span.end_ms - span.start_ms;
    let evaluations = |group: &RuleGroup| length_ms / interval_ms(group, span) + 1;
    let mut groups = rules.groups.iter();
    match groups.find(|group| evaluations(group) > EVALUATIONS_MAX) {
        None => Ok(()),
        Some(group) => Err(EvaluateError::TooOften {
            path: rules.path.clone(),
            group: group.name.clone(),
            evaluations: evaluations(group),
            interval_ms: length_ms / EVALUATIONS_MAX + 1,
        }),
    }
}

fn interval_ms(group: &RuleGroup, span: EvaluationRange) -> i64 {
    group.interval_ms.unwrap_or(span.interval_ms).max(1)
}

/// Evaluation state of a group.
struct GroupRun<'r> {
    start_ms: i64,
    interval_ms: i64,
    clock: TimestampsId,
    rules: Vec<RuleEvaluator<'r>>,
}

impl<'r> GroupRun<'r> {
    fn new(group: &'r RuleGroup, span: EvaluationRange, recorded: &mut RecordedRules) -> Self {
        Self {
            start_ms: span.start_ms,
            interval_ms: interval_ms(group, span),
            clock: recorded.add_clock(),
            rules: group.rules.iter().map(RuleEvaluator::new).collect(),
        }
    }

    /// Time of the first evaluation that is not earlier.
    fn next_ms(&self, from_ms: i64) -> i64 {
        let passed_ms = from_ms - self.start_ms;
        let begun = passed_ms / self.interval_ms;
        let intervals = begun + i64::from(passed_ms % self.interval_ms > 0);
        self.start_ms
            .saturating_add(intervals.saturating_mul(self.interval_ms))
    }

    /// Evaluation times in an inclusive range; `None` if there is none.
    fn due(&self, from_ms: i64, until_ms: i64) -> Option<EvaluationTimes> {
        let first_ms = self.next_ms(from_ms);
        (first_ms <= until_ms).then_some(EvaluationTimes {
            first_ms,
            last_ms: until_ms,
            interval_ms: self.interval_ms,
        })
    }

    fn evaluate(
        &mut self,
        source: &impl Queryable,
        recorded: &mut RecordedRules,
        instants: EvaluationTimes,
    ) -> Result<(), EvaluateError> {
        recorded.tick(self.clock, instants.iter());
        let (first_ms, last_ms) = (instants.first_ms, instants.last_ms);
        for rule in &mut self.rules {
            let both = MergedQueryable(source, &*recorded);
            let found = Engine::new(&both).range(rule.query(), first_ms, last_ms, self.interval_ms);
            let found = found.map_err(|error| error.to_string());
            let taken =
                found.and_then(|found| rule.take(&found.series, recorded, self.clock, instants));
            taken.map_err(|message| EvaluateError::Rule {
                rule: rule.name().to_owned(),
                message,
            })?;
        }
        Ok(())
    }
}
