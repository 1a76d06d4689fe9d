//! Expectations held against the recorded series.
//!
//! A query is asked at the scrape interval, from the start of its window to its end, each time of
//! the last scrapes then (as `PromQL` does, with a look-back of 5 min and staleness markers). Its
//! answer is a vector; the comparison holds if it holds for every value of it. Where the vector is
//! empty (nothing recorded yet, no sample in a histogram) nothing is asked.

mod plan;

use std::time::Duration;

use plan::Plan;
use serde::{Deserialize, Serialize};

use crate::metrics::Recording;
use crate::model::Timestamp;
use crate::scenario::query::Comparison;
use crate::scenario::{Expectation, When};

/// What became of an expectation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It was met.
    Met,
    /// It was violated.
    Violated,
    /// It is a `sometimes` that never happened.
    Missed,
}

/// What became of an expectation, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What became of it.
    pub outcome: Outcome,
    /// How often the query had an answer.
    pub answers: u64,
    /// Why it was not met; empty if it was.
    pub detail: String,
    /// The instant at which it was violated, if there is one.
    pub at: Option<Timestamp>,
}

/// When a rehearsal took place, and how often it was scraped.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// The start of virtual time.
    pub start: Timestamp,
    /// The end of virtual time.
    pub end: Timestamp,
    /// Between two scrapes.
    pub interval: Duration,
}

/// Holds an expectation against the recorded series.
pub fn judge(expectation: &Expectation, recording: &Recording, span: &Span) -> Judgement {
    let Ok(comparison) = expectation.query.parse::<Comparison>() else {
        let detail = "the query can't be read".into();
        return Judgement {
            outcome: Outcome::Violated,
            answers: 0,
            detail,
            at: None,
        };
    };
    let mut plan = Plan::new(&comparison.expression, recording);
    let mut answers = Answers::default();
    for at_ms in instants_ms(expectation, span) {
        let values = plan.values(at_ms);
        // A quantile of no samples is no number, and so no answer.
        let answer = || values.iter().filter(|value| !value.is_nan());
        let Some(last) = answer().next() else {
            continue;
        };
        let broken =
            answer().find(|value| !comparison.operator.holds(**value, comparison.threshold));
        answers.add(at_ms, *broken.unwrap_or(last), broken.is_none());
        let decided = match expectation.when {
            When::Always => broken.is_some(),
            When::Eventually | When::Sometimes => broken.is_none(),
            When::AtEnd => false,
        };
        if decided {
            break;
        }
    }
    answers.judge(expectation.when)
}

/// The instants at which an expectation is asked: each scrape interval, and the end.
fn instants_ms(expectation: &Expectation, span: &Span) -> impl Iterator<Item = i64> {
    let offset = |offset: Option<crate::scenario::Duration>| {
        offset.map(|offset| span.start.after(offset.std()).min(span.end).millis())
    };
    let from = offset(expectation.from).unwrap_or(span.start.millis());
    let until = offset(expectation.until).unwrap_or(span.end.millis());
    let step = (span.interval.as_millis() as i64).max(1);
    let first = match expectation.when {
        // Of an end only the end matters.
        When::AtEnd => until,
        _ => from,
    };
    let steps = (0..)
        .map(move |index| first + index * step)
        .take_while(move |at| *at < until);
    steps.chain([until])
}

/// The answers so far.
#[derive(Debug, Default)]
struct Answers {
    count: u64,
    last: Option<(i64, f64, bool)>,
}

impl Answers {
    fn add(&mut self, at_ms: i64, value: f64, holds: bool) {
        self.count += 1;
        self.last = Some((at_ms, value, holds));
    }

    fn judge(&self, when: When) -> Judgement {
        let missed = match when {
            When::Sometimes => Outcome::Missed,
            _ => Outcome::Violated,
        };
        let mut at = None;
        let (outcome, detail) = match (self.last, when) {
            (None, _) => (missed, "no series ever had an answer".to_owned()),
            (Some((_, _, true)), _) => (Outcome::Met, String::new()),
            (Some((at_ms, value, false)), When::Always | When::AtEnd) => {
                let then = Timestamp::from_nanos(at_ms.unsigned_abs() * 1_000_000);
                at = Some(then);
                (missed, format!("at {then} it was {value}"))
            }
            (Some((_, value, false)), _) => (
                missed,
                format!(
                    "not at any of {} instants; at last it was {value}",
                    self.count
                ),
            ),
        };
        Judgement {
            outcome,
            answers: self.count,
            detail,
            at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Labels;

    const START_SECONDS: u64 = 1_704_067_200;

    fn labels(pairs: &[(&'static str, &'static str)]) -> Labels {
        Labels::new("x", pairs.iter().map(|(k, v)| ((*k).into(), (*v).into()))).unwrap()
    }

    /// Two processes; `x` is 0, 1, 2, .. on the first and always 10 on the second, which is down
    /// at the third scrape. `h` has 3 samples up to 1 and 1 up to 5.
    fn recording() -> Recording {
        let mut recording = Recording::new("job");
        let (a, b) = (recording.instance("a"), recording.instance("b"));
        let mode = labels(&[("mode", "analysisOnly")]);
        let buckets = [("1", 3.0), ("5", 4.0), ("+Inf", 4.0)]
            .map(|(le, count)| (labels(&[("le", le)]), count));
        for index in 0..5_i64 {
            let at_ms = START_SECONDS as i64 * 1_000 + index * 15_000;
            let page = [("x", &mode, index as f64)];
            let histogram = buckets
                .iter()
                .map(|(labels, count)| ("h_bucket", labels, *count));
            recording
                .scrape_page(a, at_ms, page.into_iter().chain(histogram))
                .unwrap();
            match index {
                2 => recording.scrape_failed(b, at_ms + 1).unwrap(),
                _ => recording
                    .scrape_page(b, at_ms + 1, [("x", &mode, 10.0)])
                    .unwrap(),
            }
        }
        recording
    }

    fn outcome(query: &str, when: When) -> Judgement {
        let start = Timestamp::from_seconds(START_SECONDS);
        let (end, interval) = (
            start.after(Duration::from_secs(61)),
            Duration::from_secs(15),
        );
        let expectation = Expectation {
            name: None,
            query: query.into(),
            when,
            from: None,
            until: None,
        };
        judge(
            &expectation,
            &recording(),
            &Span {
                start,
                end,
                interval,
            },
        )
    }

    #[test]
    fn expectations_are_judged_by_when_they_must_hold() {
        for (query, when, expected) in [
            ("x{instance=\"a\"} <= 4", When::Always, Outcome::Met),
            ("x{instance=\"a\"} <= 3", When::Always, Outcome::Violated),
            ("x{instance=\"a\"} == 3", When::Eventually, Outcome::Met),
            (
                "x{instance=\"a\"} == 7",
                When::Eventually,
                Outcome::Violated,
            ),
            ("x{instance=\"a\"} == 7", When::Sometimes, Outcome::Missed),
            ("x{instance=\"a\"} == 4", When::AtEnd, Outcome::Met),
            ("sum(x) == 14", When::AtEnd, Outcome::Met),
            (
                "max by (mode) (x{mode=\"analysisOnly\"}) == 10",
                When::AtEnd,
                Outcome::Met,
            ),
            ("count(x) == 1", When::Sometimes, Outcome::Met),
            ("min(up) == 0", When::Sometimes, Outcome::Met),
            ("up == 1", When::Always, Outcome::Violated),
            ("avg(x) == 7", When::AtEnd, Outcome::Met),
            ("quantile(0.5, x) == 7", When::AtEnd, Outcome::Met),
            ("nothing == 0", When::Always, Outcome::Violated),
            (
                "histogram_quantile(0.5, h) == 0.6666666666666666",
                When::AtEnd,
                Outcome::Met,
            ),
            (
                "histogram_quantile(1, sum by (le) (h_bucket)) == 5",
                When::AtEnd,
                Outcome::Met,
            ),
        ] {
            assert_eq!(outcome(query, when).outcome, expected, "{query} {when:?}");
        }
    }

    #[test]
    fn a_violation_says_when_and_what() {
        let judgement = outcome("x{instance=\"a\"} < 3", When::Always);
        assert_eq!(judgement.detail, "at 2024-01-01T00:00:45Z it was 3");
        assert_eq!(judgement.answers, 4);
    }
}
