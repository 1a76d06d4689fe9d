//! Scores of the alerts of one rehearsal against its SLO breaches.

use std::time::Duration;

use crate::check::{Slo, SloBreach};
use crate::metrics::Labels;
use crate::model::Timestamp;
use crate::promql::rules::{Alert, AlertRule, AlertTimeline, RuleFile};
use rehearsal_convert::Nearest;

/// Label of a rule that names the SLOs that the rule covers.
pub const RULE_LABEL: &str = "slo";

/// Time after the end of a breach in which an alert still counts as its detection. Late work of a
/// run is counted only when it is done.
pub const RESOLVE_GRACE: Duration = Duration::from_secs(5 * 60);

/// Detection of one incident by one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// Time from the start of the incident until the rule fired, in seconds; none: missed.
    pub seconds_to_detect: Option<f64>,
    /// Time from the end of the incident until the rule stopped firing, in seconds.
    pub seconds_to_resolve: Option<f64>,
    /// Number of times that the rule fired again.
    pub flaps: u64,
}

/// Score of one rule on one rehearsal.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleRunScore {
    /// Name of the rule.
    pub rule: String,
    /// SLOs that the rule covers.
    pub slos: Vec<Slo>,
    /// Number of alerts that started firing.
    pub alarms: u64,
    /// Number of alerts without a matching breach. Breaches that are too short to be incidents
    /// match too.
    pub false_alarms: u64,
    /// Time in which at least one alert fired, in seconds.
    pub firing_seconds: f64,
    /// Detection of each incident; none: the rule does not cover the SLO.
    pub detections: Vec<Option<Detection>>,
}

/// Score of all rules on one rehearsal.
#[derive(Clone, Debug, PartialEq)]
pub struct RunScore {
    /// Name of the scenario.
    pub scenario: String,
    /// Root seed of the random streams.
    pub seed: u64,
    /// Virtual duration in seconds.
    pub virtual_seconds: f64,
    /// Breaches that last long enough to be incidents.
    pub incidents: Vec<SloBreach>,
    /// Scores of the rules, in the order of the file.
    pub rules: Vec<RuleRunScore>,
}

/// Returns the SLOs that a rule covers.
///
/// # Errors
///
/// The label contains the returned name, which is no SLO.
pub fn slos_of(rule: &AlertRule) -> Result<Vec<Slo>, String> {
    let label = rule.labels.iter().find(|(name, _)| name == RULE_LABEL);
    let Some((_, template)) = label else {
        return Ok(Slo::ALL.to_vec());
    };
    let text = template.expand(&Labels::none(), f64::NAN);
    let kind = |name: &str| {
        let known = Slo::ALL.into_iter();
        let mut known = known.filter(|kind| kind.as_str() == name.trim());
        known.next().ok_or_else(|| name.trim().to_owned())
    };
    text.split(',').map(kind).collect()
}

/// Time span in which an alert fired.
#[derive(Clone, Copy, Debug)]
struct FiringSpan<'t> {
    alert: &'t Alert,
    from_ms: i64,
    to_ms: i64,
}

impl FiringSpan<'_> {
    /// Returns whether the alert detects a breach: schedule and mode agree, and the alert fires
    /// during the breach or within [`RESOLVE_GRACE`] after it.
    fn matches(&self, broken: &SloBreach) -> bool {
        let labels = &self.alert.labels;
        let is_of = |label, value| labels.get(label).is_none_or(|named| named == value);
        is_of("scheduleId", broken.schedule.as_str())
            && is_of("mode", broken.mode.as_str())
            && self.from_ms <= broken.to.after(RESOLVE_GRACE).millis()
            && self.to_ms >= broken.from.millis()
    }
}

/// Scores the alerts of a rehearsal.
///
/// # Errors
///
/// The label of a rule names an unknown SLO.
pub fn score(
    rules: &RuleFile,
    timeline: &AlertTimeline,
    (scenario, seed): (&str, u64),
    broken: &[SloBreach],
) -> Result<RunScore, String> {
    let incidents = broken.iter().filter(|broken| broken.is_incident());
    let incidents: Vec<SloBreach> = incidents.cloned().collect();
    let scored = rules.alerts().map(|rule| {
        let slos = slos_of(rule).map_err(|name| {
            let known = Slo::ALL.map(Slo::as_str).join("`, `");
            let rule = &rule.name;
            format!("rule `{rule}`: `{name}` is no SLO; known are `{known}`")
        })?;
        Ok(rule_run(rule, slos, timeline, broken, &incidents))
    });
    Ok(RunScore {
        scenario: scenario.to_owned(),
        seed,
        virtual_seconds: seconds(timeline.span.end_ms - timeline.span.start_ms),
        rules: scored.collect::<Result<_, String>>()?,
        incidents,
    })
}

fn rule_run(
    rule: &AlertRule,
    slos: Vec<Slo>,
    timeline: &AlertTimeline,
    broken: &[SloBreach],
    incidents: &[SloBreach],
) -> RuleRunScore {
    let alerts = timeline.alerts.iter();
    let alarms = alerts.filter(|alert| alert.name == rule.name);
    let mut alarms: Vec<FiringSpan<'_>> = alarms
        .flat_map(|alert| {
            let spans = alert.firing(timeline.span.end_ms);
            spans.map(move |(from_ms, to_ms)| FiringSpan {
                alert,
                from_ms,
                to_ms,
            })
        })
        .collect();
    alarms.sort_by_key(|alarm| alarm.from_ms);
    let is_false = |alarm: &&FiringSpan<'_>| {
        let mut mine = broken.iter().filter(|one| slos.contains(&one.kind));
        !mine.any(|one| alarm.matches(one))
    };
    let detections = incidents.iter().map(|incident| {
        let is_mine = slos.contains(&incident.kind);
        is_mine.then(|| detection(&alarms, incident))
    });
    RuleRunScore {
        rule: rule.name.clone(),
        alarms: alarms.len() as u64,
        false_alarms: alarms.iter().filter(is_false).count() as u64,
        firing_seconds: firing_seconds(&alarms),
        detections: detections.collect(),
        slos,
    }
}

fn detection(alarms: &[FiringSpan<'_>], incident: &SloBreach) -> Detection {
    let matching = alarms.iter().filter(|alarm| alarm.matches(incident));
    let since = |at_ms: i64, from: Timestamp| seconds((at_ms - from.millis()).max(0));
    let first = matching.clone().map(|alarm| alarm.from_ms).next();
    let last = matching.clone().map(|alarm| alarm.to_ms).max();
    Detection {
        seconds_to_detect: first.map(|at_ms| since(at_ms, incident.from)),
        seconds_to_resolve: last.map(|at_ms| since(at_ms, incident.to)),
        flaps: (matching.count() as u64).saturating_sub(1),
    }
}

/// Returns the time in which at least one of the alerts fires, in seconds. The alerts are sorted
/// by start.
fn firing_seconds(alarms: &[FiringSpan<'_>]) -> f64 {
    let (mut total_ms, mut covered_ms) = (0, i64::MIN);
    for alarm in alarms {
        let from_ms = alarm.from_ms.max(covered_ms);
        total_ms += (alarm.to_ms - from_ms).max(0);
        covered_ms = covered_ms.max(alarm.to_ms);
    }
    seconds(total_ms)
}

fn seconds(ms: i64) -> f64 {
    ms.nearest_f64() / 1_000.0
}
