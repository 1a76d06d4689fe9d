//! Evaluation of rules over a range of virtual time.

use super::dependencies::look_back;
use super::file::{RuleFile, RuleGroup};
use super::recorded::{MergedQueryable, RecordedRules, TimestampsId};
use super::rule_evaluator::{EvaluationTimes, RuleEvaluator};
use super::states::Alert;
use crate::{Engine, Queryable};
use rehearsal_convert::Index;

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

/// Error of a rule's evaluation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule `{rule}`: {message}")]
pub struct EvaluateError {
    /// Name of the rule.
    pub rule: String,
    /// Description of the error.
    pub message: String,
}

/// Evaluates every rule at each interval of its group.
///
/// # Errors
///
/// If a query is refused, or two samples of a vector have the same labels.
pub fn evaluate(
    rules: &RuleFile,
    source: &impl Queryable,
    span: EvaluationRange,
) -> Result<AlertTimeline, EvaluateError> {
    let mut recorded = RecordedRules::default();
    let groups = rules.groups.iter();
    let mut groups: Vec<GroupRun<'_>> = groups
        .map(|group| GroupRun::new(group, span, &mut recorded))
        .collect();
    for (from_ms, until_ms) in pieces(rules, span) {
        for group in &mut groups {
            if let Some(instants) = group.due(from_ms, until_ms) {
                group.evaluate(source, &mut recorded, instants)?;
            }
        }
    }
    let rules = groups.into_iter().flat_map(|group| group.rules);
    Ok(AlertTimeline {
        span,
        alerts: rules.flat_map(RuleEvaluator::into_alerts).collect(),
        recorded,
    })
}

/// Time ranges that are evaluated at once: the whole range, or single instants if rules depend on
/// their own results.
fn pieces(rules: &RuleFile, span: EvaluationRange) -> Vec<(i64, i64)> {
    if !look_back(rules) {
        return vec![(span.start_ms, span.end_ms)];
    }
    let intervals = rules.groups.iter().map(|group| interval_ms(group, span));
    let step = intervals.reduce(greatest_common_divisor).unwrap_or(1);
    let instants = (span.start_ms..=span.end_ms).step_by(step.to_index());
    instants.map(|at_ms| (at_ms, at_ms)).collect()
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
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

    /// Evaluation times in an inclusive range; `None` if there is none.
    fn due(&self, from_ms: i64, until_ms: i64) -> Option<EvaluationTimes> {
        let intervals = (from_ms - self.start_ms + self.interval_ms - 1) / self.interval_ms;
        let first_ms = self.start_ms + intervals * self.interval_ms;
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
            taken.map_err(|message| EvaluateError {
                rule: rule.name().to_owned(),
                message,
            })?;
        }
        Ok(())
    }
}
