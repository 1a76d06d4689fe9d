//! Alerts that are expected to fire, or not to.

use std::collections::BTreeMap;

use super::{ExpectationOutcome, ExpectationResult, RehearsalSpan, window_ms};
use crate::check::FaultInterval;
use crate::metrics::TimeSeriesStore;
use crate::model::Timestamp;
use crate::promql::Semantics;
use crate::promql::rules::{self, AlertTimeline, RuleFile};
use crate::scenario::{ExpectationSpec, TemporalOperator};

/// Between two evaluations of a group of rules that doesn't say otherwise, as in Prometheus, ms.
const INTERVAL_MS: i64 = 60_000;

/// Judges expectations of alerts; each file of rules is evaluated once.
pub struct AlertWatch<'r> {
    recording: &'r TimeSeriesStore,
    episodes: &'r [FaultInterval],
    span: RehearsalSpan,
    /// Timeline of each file of rules, by its text.
    timelines: BTreeMap<String, Result<AlertTimeline, String>>,
}

/// When an alert fired, ms since 1970.
type Firings = Vec<(i64, i64)>;

/// Difference from the expectation, with its instant if there is one.
type AlertMismatch = (String, Option<Timestamp>);

impl<'r> AlertWatch<'r> {
    /// Over a run, and the faults that went on in it.
    pub fn new(
        recording: &'r TimeSeriesStore,
        episodes: &'r [FaultInterval],
        span: RehearsalSpan,
    ) -> Self {
        Self {
            recording,
            episodes,
            span,
            timelines: BTreeMap::new(),
        }
    }

    /// Holds an expectation against what its alert did.
    pub fn judge(&mut self, expectation: &ExpectationSpec) -> ExpectationResult {
        let window = window_ms(expectation, &self.span);
        let broken = match self.firings(expectation) {
            Ok(firings) => self.broken(expectation, &firings, window),
            Err(reason) => Some((reason, None)),
        };
        let outcome = match broken {
            None => ExpectationOutcome::Met,
            Some(_) => ExpectationOutcome::Violated,
        };
        let (detail, at) = broken.unwrap_or_default();
        ExpectationResult {
            outcome,
            answers: u64::from(outcome == ExpectationOutcome::Met),
            detail,
            at,
        }
    }

    /// When the alert fired, with any labels.
    fn firings(&mut self, expectation: &ExpectationSpec) -> Result<Firings, String> {
        let (path, text) = expectation.rules().ok_or("its rules were not read")?;
        let (recording, span) = (self.recording, self.span);
        let timeline = self
            .timelines
            .entry(text.to_owned())
            .or_insert_with(|| evaluate(path, text, recording, span));
        let timeline = timeline.as_ref().map_err(Clone::clone)?;
        let is_it = |name: &str| expectation.alert.as_deref() == Some(name);
        let alerts = timeline.alerts.iter().filter(|alert| is_it(&alert.name));
        let end_ms = self.span.end.millis() + 1;
        let mut firings: Firings = alerts.flat_map(|alert| alert.firing(end_ms)).collect();
        firings.sort_unstable();
        Ok(firings)
    }

    /// Difference from the expectation; none if it is met.
    fn broken(
        &self,
        expectation: &ExpectationSpec,
        firings: &Firings,
        window: (i64, i64),
    ) -> Option<AlertMismatch> {
        let (from_ms, until_ms) = window;
        let first = firing_within(firings, from_ms, until_ms);
        match (expectation.when, first, expectation.within) {
            (TemporalOperator::NeverFires, Some(at_ms), _) => Some(firing("it fires", at_ms)),
            (TemporalOperator::NeverFires, None, _) => None,
            (_, None, _) => Some(("it does not fire".into(), None)),
            (TemporalOperator::Resolves, ..) => {
                let at_end = firing_within(firings, until_ms, until_ms);
                at_end.map(|_| firing("it still fires", until_ms))
            }
            (_, _, Some(within)) => self.late(expectation, within.std(), firings, window),
            _ => None,
        }
    }

    /// A fault after which it does not fire in time.
    fn late(
        &self,
        expectation: &ExpectationSpec,
        within: std::time::Duration,
        firings: &Firings,
        (from_ms, until_ms): (i64, i64),
    ) -> Option<AlertMismatch> {
        let is_meant = |episode: &&FaultInterval| {
            let began_ms = episode.began.millis();
            let is_kind = expectation.fault.is_none_or(|kind| kind == episode.kind);
            is_kind && (from_ms..=until_ms).contains(&began_ms)
        };
        let mut faults = self.episodes.iter().filter(is_meant).peekable();
        if faults.peek().is_none() {
            return Some(("no fault began from which to count".into(), None));
        }
        let is_late = |episode: &&FaultInterval| {
            let limit_ms = episode.began.after(within).millis();
            firing_within(firings, episode.began.millis(), limit_ms).is_none()
        };
        let missed = faults.find(is_late)?;
        let (kind, began) = (missed.kind.as_str(), missed.began);
        let detail = format!("it does not fire in time after {kind} of {began}");
        Some((detail, Some(began.after(within))))
    }
}

fn evaluate(
    path: &str,
    text: &str,
    recording: &TimeSeriesStore,
    span: RehearsalSpan,
) -> Result<AlertTimeline, String> {
    let rules = RuleFile::parse(text, path, Semantics::default());
    let rules = rules.map_err(|error| error.to_string())?;
    let span = rules::EvaluationRange {
        start_ms: span.start.millis(),
        end_ms: span.end.millis(),
        interval_ms: INTERVAL_MS,
    };
    rules::evaluate(&rules, recording, span).map_err(|error| error.to_string())
}

/// The first instant of a window, ends included, at which an alert fires.
fn firing_within(firings: &Firings, from_ms: i64, until_ms: i64) -> Option<i64> {
    let mut overlapping = firings
        .iter()
        .filter(|(from, to)| *from <= until_ms && *to > from_ms);
    overlapping.next().map(|(from, _)| (*from).max(from_ms))
}

fn firing(what: &str, at_ms: i64) -> AlertMismatch {
    let at = Timestamp::from_millis(at_ms);
    (format!("{what} at {at}"), Some(at))
}
