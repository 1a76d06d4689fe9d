//! Expectations held against the recorded series.
//!
//! A query is asked at the scrape interval, from the start of its window to its end, each time of
//! the last scrapes then (as `PromQL` does, with a look-back of 5 min and staleness markers).
//!
//! A comparison of a vector with a number holds if it holds for every value of the vector; where
//! the vector is empty (nothing recorded yet, no sample in a histogram) nothing is asked. Any other
//! query holds where its answer is a vector with elements, or a number that isn't 0.

mod alert;

use std::ops::ControlFlow;
use std::time::Duration;

pub use alert::AlertWatch;
use serde::{Deserialize, Serialize};

use crate::metrics::TimeSeriesStore;
use crate::model::Timestamp;
use crate::promql::{AnswerKind, Engine, Query, Semantics, ThresholdComparison};
use crate::scenario::{ExpectationSpec, TemporalOperator};

/// Whether an expectation was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExpectationOutcome {
    /// It was met.
    Met,
    /// It was violated.
    Violated,
    /// It is a `sometimes` that never happened.
    Missed,
}

/// Outcome of an expectation, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectationResult {
    /// Whether it was met.
    pub outcome: ExpectationOutcome,
    /// Number of instants at which the query had an answer.
    pub answers: u64,
    /// Why it was not met; empty if it was.
    pub detail: String,
    /// The instant at which it was violated, if there is one.
    pub at: Option<Timestamp>,
}

/// When a rehearsal took place, and how often it was scraped.
#[derive(Debug, Clone, Copy)]
pub struct RehearsalSpan {
    /// The start of virtual time.
    pub start: Timestamp,
    /// The end of virtual time.
    pub end: Timestamp,
    /// Between two scrapes.
    pub interval: Duration,
}

/// Holds an expectation against the recorded series.
pub fn judge(
    expectation: &ExpectationSpec,
    recording: &TimeSeriesStore,
    span: &RehearsalSpan,
) -> ExpectationResult {
    let text = expectation.query.as_deref().unwrap_or_default();
    let answers = Query::parse(text, Semantics::default())
        .map_err(|error| error.to_string())
        .and_then(|query| ask(&query, expectation, recording, span));
    match answers {
        Ok(answers) => answers.judge(expectation.when),
        Err(detail) => ExpectationResult {
            outcome: ExpectationOutcome::Violated,
            answers: 0,
            detail,
            at: None,
        },
    }
}

/// Asks at each scrape interval of the window, and at its end, until all is decided.
fn ask(
    query: &Query,
    expectation: &ExpectationSpec,
    recording: &TimeSeriesStore,
    span: &RehearsalSpan,
) -> Result<ExpectationAnswers, String> {
    let (from_ms, until_ms) = window_ms(expectation, span);
    let step_ms = i64::try_from(span.interval.as_millis())
        .unwrap_or(i64::MAX)
        .max(1);
    let asked = ExpectationQuery::of(query);
    let engine = Engine::new(recording);
    let mut answers = ExpectationAnswers::default();
    let mut show = |at_ms: i64, values: &[f64]| {
        let Some((value, holds)) = asked.answer(values) else {
            return ControlFlow::Continue(());
        };
        answers.add(at_ms, value, holds);
        match (expectation.when, holds) {
            (TemporalOperator::Always, false)
            | (TemporalOperator::Eventually | TemporalOperator::Sometimes, true) => {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    };
    // Of an end only the end matters.
    let steps = match expectation.when {
        TemporalOperator::AtEnd => None,
        _ => Some((from_ms, until_ms - 1, step_ms)),
    };
    for instants in steps.into_iter().chain([(until_ms, until_ms, step_ms)]) {
        let walked = engine.walk(asked.query(), instants, &mut show);
        if walked.map_err(|error| error.to_string())?.is_break() {
            break;
        }
    }
    Ok(answers)
}

/// Query that is evaluated at each instant.
enum ExpectationQuery<'q> {
    /// Whether a comparison holds for all values.
    ThresholdComparison(ThresholdComparison),
    /// Whether a number isn't 0.
    Scalar(&'q Query),
    /// Whether there are elements.
    Vector(&'q Query),
}

impl<'q> ExpectationQuery<'q> {
    fn of(query: &'q Query) -> Self {
        match (query.comparison(), query.answers()) {
            (Some(comparison), _) => Self::ThresholdComparison(comparison),
            (None, AnswerKind::Scalar) => Self::Scalar(query),
            (None, _) => Self::Vector(query),
        }
    }

    /// The query itself.
    fn query(&self) -> &Query {
        match self {
            Self::ThresholdComparison(comparison) => &comparison.of,
            Self::Scalar(query) | Self::Vector(query) => query,
        }
    }

    /// The value to tell of, if there is one, and whether what is asked holds; `None` if there is
    /// nothing to ask of.
    fn answer(&self, values: &[f64]) -> Option<(Option<f64>, bool)> {
        match self {
            Self::ThresholdComparison(comparison) => {
                // A quantile of no samples is no number, and so no answer.
                let mut numbers = values.iter().copied().filter(|value| !value.is_nan());
                let first = numbers.next()?;
                let broken = |value: &f64| !comparison.holds(*value);
                let broken = std::iter::once(first).chain(numbers).find(broken);
                Some((broken.or(Some(first)), broken.is_none()))
            }
            Self::Scalar(_) => {
                let value = values.first().copied();
                Some((value, value.is_some_and(|value| value != 0.0)))
            }
            Self::Vector(_) => Some((values.first().copied(), !values.is_empty())),
        }
    }
}

/// The window of an expectation, ms since 1970.
fn window_ms(expectation: &ExpectationSpec, span: &RehearsalSpan) -> (i64, i64) {
    let offset = |offset: Option<crate::scenario::Duration>| {
        offset.map(|offset| span.start.after(offset.std()).min(span.end).millis())
    };
    let from = offset(expectation.from).unwrap_or(span.start.millis());
    let until = offset(expectation.until).unwrap_or(span.end.millis());
    (from, until)
}

/// The answers so far.
#[derive(Debug, Default)]
struct ExpectationAnswers {
    count: u64,
    /// The last one: when, the value if there was one, and whether it held.
    last: Option<(i64, Option<f64>, bool)>,
}

impl ExpectationAnswers {
    fn add(&mut self, at_ms: i64, value: Option<f64>, holds: bool) {
        self.count += 1;
        self.last = Some((at_ms, value, holds));
    }

    fn judge(&self, when: TemporalOperator) -> ExpectationResult {
        let missed = match when {
            TemporalOperator::Sometimes => ExpectationOutcome::Missed,
            _ => ExpectationOutcome::Violated,
        };
        let mut at = None;
        let (outcome, detail) = match (self.last, when) {
            (None, _) => (missed, "no series ever had an answer".to_owned()),
            (Some((_, _, true)), _) => (ExpectationOutcome::Met, String::new()),
            (Some((at_ms, value, false)), TemporalOperator::Always | TemporalOperator::AtEnd) => {
                let then = Timestamp::from_millis(at_ms);
                at = Some(then);
                (missed, format!("at {then} it was {}", told(value)))
            }
            (Some((_, value, false)), _) => (
                missed,
                format!(
                    "not at any of {} instants; at last it was {}",
                    self.count,
                    told(value)
                ),
            ),
        };
        ExpectationResult {
            outcome,
            answers: self.count,
            detail,
            at,
        }
    }
}

/// A value in a message.
fn told(value: Option<f64>) -> String {
    value.map_or_else(|| "empty".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use rehearsal_convert::Nearest;

    use ExpectationOutcome::{Met, Missed, Violated};
    use TemporalOperator::{Always, AtEnd, Eventually, Sometimes};

    use super::*;
    use crate::metrics::Labels;

    const START_SECONDS: u64 = 1_704_067_200;

    fn labels(pairs: &[(&'static str, &'static str)]) -> Labels {
        Labels::new("x", pairs.iter().map(|(k, v)| ((*k).into(), (*v).into()))).unwrap()
    }

    /// Two processes; `x` is 0, 1, 2, .. on the first and always 10 on the second, which is down
    /// at the third scrape. `h` has 3 samples up to 1 and 1 up to 5.
    fn recording() -> TimeSeriesStore {
        let mut recording = TimeSeriesStore::new("job");
        let (a, b) = (recording.instance("a"), recording.instance("b"));
        let mode = labels(&[("mode", "analysisOnly")]);
        let buckets = [("1", 3.0), ("5", 4.0), ("+Inf", 4.0)]
            .map(|(le, count)| (labels(&[("le", le)]), count));
        for index in 0..5_i64 {
            let at_ms = START_SECONDS.cast_signed() * 1_000 + index * 15_000;
            let page = [("x", &mode, index.nearest_f64())];
            let histogram = buckets
                .iter()
                .map(|(labels, count)| ("h_bucket", labels, *count));
            recording
                .scrape_values(a, at_ms, page.into_iter().chain(histogram))
                .unwrap();
            match index {
                2 => recording.scrape_failed(b, at_ms + 1).unwrap(),
                _ => recording
                    .scrape_values(b, at_ms + 1, [("x", &mode, 10.0)])
                    .unwrap(),
            }
        }
        recording
    }

    fn outcome(query: &str, when: TemporalOperator) -> ExpectationResult {
        let start = Timestamp::from_seconds(START_SECONDS);
        let (end, interval) = (
            start.after(Duration::from_secs(61)),
            Duration::from_secs(15),
        );
        let expectation = ExpectationSpec {
            query: Some(query.into()),
            ..ExpectationSpec::new(when)
        };
        judge(
            &expectation,
            &recording(),
            &RehearsalSpan {
                start,
                end,
                interval,
            },
        )
    }

    #[test]
    fn expectations_are_judged_by_when_they_must_hold() {
        for (query, when, expected) in [
            ("x{instance=\"a\"} <= 4", Always, Met),
            ("x{instance=\"a\"} <= 3", Always, Violated),
            ("x{instance=\"a\"} == 3", Eventually, Met),
            ("x{instance=\"a\"} == 7", Eventually, Violated),
            ("x{instance=\"a\"} == 7", Sometimes, Missed),
            ("x{instance=\"a\"} == 4", AtEnd, Met),
            ("sum(x) == 14", AtEnd, Met),
            ("max by (mode) (x{mode=\"analysisOnly\"}) == 10", AtEnd, Met),
            (
                "count(x) == 1 and on () x{instance=\"a\"} > 1",
                Sometimes,
                Met,
            ),
            ("min(up) == 0", Sometimes, Met),
            ("up == 1", Always, Violated),
            ("avg(x) == 7", AtEnd, Met),
            ("quantile(0.5, x) == 7", AtEnd, Met),
            ("nothing == 0", Always, Violated),
            (
                "histogram_quantile(0.5, h_bucket) == 0.6666666666666666",
                AtEnd,
                Met,
            ),
            (
                "histogram_quantile(1, sum by (le) (h_bucket)) == 5",
                AtEnd,
                Met,
            ),
            ("3 < x", AtEnd, Met),
            ("increase(x{instance=\"a\"}[30s]) >= 1", AtEnd, Met),
            ("x > 3 and on (instance) up == 1", Sometimes, Met),
            ("x > 3 and on (instance) up == 2", Sometimes, Missed),
            ("absent(nothing)", Always, Met),
            ("absent(x)", Eventually, Violated),
            ("scalar(sum(x)) > bool 10", AtEnd, Met),
            ("scalar(sum(x)) > bool 14", AtEnd, Violated),
        ] {
            assert_eq!(outcome(query, when).outcome, expected, "{query} {when:?}");
        }
    }

    #[test]
    fn a_violation_says_when_and_what() {
        let judgement = outcome("x{instance=\"a\"} < 3", Always);
        assert_eq!(judgement.detail, "at 2024-01-01T00:00:45Z it was 3");
        assert_eq!(judgement.answers, 4);
        let judgement = outcome("absent(x)", AtEnd);
        assert_eq!(judgement.detail, "at 2024-01-01T00:01:01Z it was empty");
    }

    #[test]
    fn what_cannot_be_evaluated_is_violated_and_says_why() {
        let judgement = outcome("x + on (mode) x", Always);
        assert_eq!(judgement.outcome, Violated);
        assert!(
            judgement.detail.contains("many-to-many"),
            "{}",
            judgement.detail
        );
    }
}
