//! Tuning of a rule: the trade-off between detection delay and false alarms over a range of
//! thresholds or `for` durations.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::rule_evaluation::{RuleEvaluation, RuleEvaluationError};
use super::score::RunScore;
use super::scorecard::{RuleScore, Scorecard};
use crate::promql::rules::{AlertParameter, RuleFile, TunedError};
use crate::rehearsal::FinishedRun;
use crate::scenario::Duration;
use rehearsal_convert::Nearest;

/// Number of values of a range that are tried.
const STEPS: usize = 12;

/// Range of values of one parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuning {
    /// Tuned parameter.
    pub parameter: AlertParameter,
    low: f64,
    high: f64,
}

/// Error of parsing a range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a range like `threshold=10..1000` or `for=1m..30m`")]
pub struct TuningError;

impl FromStr for Tuning {
    type Err = TuningError;

    fn from_str(text: &str) -> Result<Self, TuningError> {
        let (name, range) = text.split_once('=').ok_or(TuningError)?;
        let (low, high) = range.split_once("..").ok_or(TuningError)?;
        let (parameter, read): (AlertParameter, fn(&str) -> Option<f64>) = match name {
            "threshold" => (AlertParameter::Threshold, |text| text.parse().ok()),
            "for" => (AlertParameter::For, |text| {
                let duration: Duration = text.parse().ok()?;
                Some(duration.std().as_secs_f64())
            }),
            _ => return Err(TuningError),
        };
        let (low, high) = (
            read(low).ok_or(TuningError)?,
            read(high).ok_or(TuningError)?,
        );
        if low.is_finite() && high.is_finite() && low < high {
            Ok(Self {
                parameter,
                low,
                high,
            })
        } else {
            Err(TuningError)
        }
    }
}

impl fmt::Display for Tuning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.parameter {
            AlertParameter::Threshold => "threshold",
            AlertParameter::For => "for, s",
        })
    }
}

impl Tuning {
    /// Returns the values that are tried, ascending. They form a geometric sequence if the range
    /// is positive, otherwise an arithmetic one.
    pub fn values(&self) -> Vec<f64> {
        let part = |step: usize| step.nearest_f64() / (STEPS - 1).nearest_f64();
        let value = |step: usize| {
            let value = if self.low > 0.0 {
                self.low * (self.high / self.low).powf(part(step))
            } else {
                self.low + (self.high - self.low) * part(step)
            };
            // Three significant digits keep the table readable.
            let digits = 2.0 - value.abs().max(1e-9).log10().floor();
            let unit = 10f64.powf(digits);
            (value * unit).round() / unit
        };
        (0..STEPS).map(value).collect()
    }

    /// Returns the rules file once per value.
    ///
    /// # Errors
    ///
    /// The rule does not exist or has no such parameter.
    pub fn rule_files(&self, rules: &RuleFile, rule: &str) -> Result<Vec<RuleFile>, TunedError> {
        let tuned = |value: f64| rules.tuned(rule, self.parameter, value);
        self.values().into_iter().map(tuned).collect()
    }
}

/// Score of a rule per value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TradeOff {
    /// Name of the rule.
    pub rule: String,
    /// Name of the tuned parameter.
    pub parameter: String,
    /// Scores, by ascending value.
    pub points: Vec<TunedPoint>,
}

/// Score of a rule with one value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TunedPoint {
    /// Value of the parameter.
    pub value: f64,
    /// False alarms per virtual week.
    pub false_alarms_per_week: f64,
    /// Score of the rule with this value.
    #[serde(flatten)]
    pub score: RuleScore,
}

impl TradeOff {
    /// Scores one rehearsal with every value.
    ///
    /// # Errors
    ///
    /// A rule cannot be evaluated, or its label names an unknown SLO.
    pub fn scores(
        files: &[RuleFile],
        evaluation: &RuleEvaluation<'_>,
        finished: &FinishedRun,
    ) -> Result<Vec<RunScore>, RuleEvaluationError> {
        let score = |rules: &RuleFile| {
            let evaluation = RuleEvaluation {
                rules,
                ..*evaluation
            };
            let timeline = evaluation.timeline(finished)?;
            evaluation.score(finished, &timeline)
        };
        files.iter().map(score).collect()
    }

    /// Combines the results of [`scores`](Self::scores) over all rehearsals.
    pub fn new(rule: &str, tuning: &Tuning, runs: &[Vec<RunScore>]) -> Self {
        let point = |(index, value): (usize, f64)| {
            let scores: Vec<RunScore> = runs.iter().map(|run| run[index].clone()).collect();
            let card = Scorecard::new(rule, &scores);
            let score = card.rules.into_iter().find(|score| score.rule == rule)?;
            Some(TunedPoint {
                value,
                false_alarms_per_week: score.false_alarms.nearest_f64() / card.weeks,
                score,
            })
        };
        Self {
            rule: rule.to_owned(),
            parameter: tuning.to_string(),
            points: tuning
                .values()
                .into_iter()
                .enumerate()
                .filter_map(point)
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_is_parsed_and_divided_into_steps() {
        let tuning: Tuning = "threshold=10..1000".parse().unwrap();
        let values = tuning.values();
        assert_eq!(values[..3], [10.0, 15.2, 23.1]);
        assert_eq!(values[11], 1000.0);
        let tuning: Tuning = "for=1m..30m".parse().unwrap();
        assert_eq!((tuning.values()[0], tuning.values()[11]), (60.0, 1800.0));
        assert_eq!(tuning.parameter, AlertParameter::For);
        let tuning: Tuning = "threshold=0..11".parse().unwrap();
        assert_eq!(tuning.values()[..3], [0.0, 1.0, 2.0]);
        assert_eq!(tuning.parameter, AlertParameter::Threshold);
        for wrong in [
            "",
            "threshold",
            "threshold=5",
            "threshold=5..1",
            "size=1..2",
            "for=1..2",
        ] {
            assert!(wrong.parse::<Tuning>().is_err(), "{wrong}");
        }
    }
}
