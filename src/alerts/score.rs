//! The alerts of one rehearsal held against its SLO breaches.

use std::time::Duration;

use crate::check::{Slo, SloBreach};
use crate::metrics::Labels;
use crate::model::Timestamp;
use crate::promql::rules::{Alert, AlertRule, AlertTimeline, RuleFile};

/// The label of a rule that names the SLOs that it stands for.
pub const RULE_LABEL: &str = "slo";

/// For so long after an SLO holds again, an alert may still speak of it: what a run did late is
/// only counted once it is done.
pub const RESOLVE_GRACE: Duration = Duration::from_secs(5 * 60);

/// What one rule made of one incident.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// From the incident's beginning to the first moment at which the rule fired; none: missed.
    pub seconds_to_detect: Option<f64>,
    /// From the incident's end to the moment at which the rule fired no longer.
    pub seconds_to_resolve: Option<f64>,
    /// How often the rule fired again before that.
    pub flaps: u64,
}

/// What one rule did in one rehearsal.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleRunScore {
    /// The rule.
    pub rule: String,
    /// The SLOs that it stands for.
    pub slos: Vec<Slo>,
    /// How often an alert began to fire.
    pub alarms: u64,
    /// How many of these spoke of no SLO that was broken, however briefly.
    pub false_alarms: u64,
    /// For how long any alert fired, s.
    pub firing_seconds: f64,
    /// What it made of each incident of the rehearsal; none: it does not stand for that SLO.
    pub detections: Vec<Option<Detection>>,
}

/// What the rules made of one rehearsal.
#[derive(Clone, Debug, PartialEq)]
pub struct RunScore {
    /// The scenario's name.
    pub scenario: String,
    /// The root of its random streams.
    pub seed: u64,
    /// How long it was, s.
    pub virtual_seconds: f64,
    /// Promises that were broken for long enough.
    pub incidents: Vec<SloBreach>,
    /// Each rule, in the order of the file.
    pub rules: Vec<RuleRunScore>,
}

/// The SLOs that a rule stands for.
///
/// # Errors
///
/// The name that is no SLO's.
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

/// A span of time, ms since 1970, in which an alert fired.
#[derive(Clone, Copy, Debug)]
struct FiringSpan<'t> {
    alert: &'t Alert,
    from_ms: i64,
    to_ms: i64,
}

impl FiringSpan<'_> {
    /// Whether it may speak of this SLO, and does so while it is broken or shortly after.
    fn matches(&self, broken: &SloBreach) -> bool {
        let labels = &self.alert.labels;
        let is_of = |label, value| labels.get(label).is_none_or(|named| named == value);
        is_of("scheduleId", broken.schedule.as_str())
            && is_of("mode", broken.mode.as_str())
            && self.from_ms <= broken.to.after(RESOLVE_GRACE).millis()
            && self.to_ms >= broken.from.millis()
    }
}

/// Holds the alerts of a rehearsal against the truth.
///
/// # Errors
///
/// If a rule's label names what is no SLO.
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
    let speaking = alarms.iter().filter(|alarm| alarm.matches(incident));
    let since = |at_ms: i64, from: Timestamp| seconds((at_ms - from.millis()).max(0));
    let first = speaking.clone().map(|alarm| alarm.from_ms).next();
    let last = speaking.clone().map(|alarm| alarm.to_ms).max();
    Detection {
        seconds_to_detect: first.map(|at_ms| since(at_ms, incident.from)),
        seconds_to_resolve: last.map(|at_ms| since(at_ms, incident.to)),
        flaps: (speaking.count() as u64).saturating_sub(1),
    }
}

/// For how long any of some alarms, sorted by their beginning, fired.
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
    ms as f64 / 1_000.0
}
