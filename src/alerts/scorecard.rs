//! The scorecard: the scores of many rehearsals put together.

use serde::{Deserialize, Serialize};

use super::score::{Detection, RuleRunScore, RunScore};
use crate::check::{Slo, SloBreach};

/// The schema of the JSON document.
pub const SCHEMA: &str = "rehearsal.alerts@2";

const WEEK_SECONDS: f64 = 7.0 * 86_400.0;

/// More false alarms of a rule over healthy rehearsals than this are a failure: one a year.
pub const FALSE_ALARMS_PER_WEEK_MAX: f64 = 7.0 / 365.0;

/// What rules made of some rehearsals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scorecard {
    /// [`SCHEMA`].
    pub schema: String,
    /// The file of the rules.
    pub rules_file: String,
    /// Virtual time that was rehearsed, weeks.
    pub weeks: f64,
    /// Of these, in rehearsals without an incident.
    pub healthy_weeks: f64,
    /// Each rehearsal.
    pub runs: Vec<RunSummary>,
    /// Each kind of SLO.
    #[serde(alias = "promises")]
    pub slos: Vec<SloScore>,
    /// Each rule, in the order of the file.
    pub rules: Vec<RuleScore>,
    /// Each incident, rehearsal by rehearsal.
    pub incidents: Vec<IncidentScore>,
}

/// One rehearsal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// The scenario's name.
    pub scenario: String,
    /// The root of its random streams.
    pub seed: u64,
    /// How long it was, s.
    pub virtual_seconds: f64,
    /// Incidents in it.
    pub incidents: u64,
}

/// How well one kind of SLO is watched over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SloScore {
    /// The SLO.
    #[serde(alias = "promise")]
    pub slo: Slo,
    /// How often it was broken for long enough.
    pub incidents: u64,
    /// How many of these any of its rules detected.
    pub detected: u64,
    /// The share of these; none without incidents.
    pub recall: Option<f64>,
    /// From the beginning to the first of its rules, in the middle of all that were detected, s.
    pub median_seconds_to_detect: Option<f64>,
}

/// How good one rule is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleScore {
    /// The rule.
    pub rule: String,
    /// The SLOs that it stands for.
    #[serde(alias = "promises")]
    pub slos: Vec<Slo>,
    /// Incidents of these SLOs.
    pub incidents: u64,
    /// How many of these it detected.
    pub detected: u64,
    /// The share of these; none without incidents.
    pub recall: Option<f64>,
    /// How often an alert began to fire.
    pub alarms: u64,
    /// How many of these spoke of no SLO breach.
    pub false_alarms: u64,
    /// The share of the others; none without alarms.
    pub precision: Option<f64>,
    /// False alarms in a virtual week of rehearsals without an incident; none without any.
    pub healthy_false_alarms_per_week: Option<f64>,
    /// The middle of all that it detected, s.
    pub median_seconds_to_detect: Option<f64>,
    /// The middle of all that it detected, s.
    pub median_seconds_to_resolve: Option<f64>,
    /// How often it fired again within an incident.
    pub flaps: u64,
    /// The share of virtual time in which it fired.
    pub share_firing: f64,
    /// Whether nothing ever made it fire.
    pub never_fired: bool,
}

/// What the rules made of one incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IncidentScore {
    /// The scenario's name.
    pub scenario: String,
    /// The root of its random streams.
    pub seed: u64,
    /// What was broken.
    #[serde(alias = "promise")]
    pub slo: SloBreach,
    /// Each rule that stands for it.
    pub rules: Vec<IncidentRule>,
}

/// What one rule made of one incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IncidentRule {
    /// The rule.
    pub rule: String,
    /// From the incident's beginning to the first alarm, s; none: missed.
    pub seconds_to_detect: Option<f64>,
    /// From its end to the end of the last alarm, s.
    pub seconds_to_resolve: Option<f64>,
    /// How often it fired again meanwhile.
    pub flaps: u64,
}

impl IncidentScore {
    /// How long the first of the rules took, s; none: all missed it.
    pub fn seconds_to_detect(&self) -> Option<f64> {
        let rules = self.rules.iter();
        rules
            .filter_map(|rule| rule.seconds_to_detect)
            .min_by(f64::total_cmp)
    }
}

impl Scorecard {
    /// Puts the scores of rehearsals together, all of the same rules.
    pub fn new(rules_file: &str, runs: &[RunScore]) -> Self {
        let is_healthy = |run: &&RunScore| run.incidents.is_empty();
        // The sum of nothing is -0.
        let weeks = |seconds: f64| seconds.max(0.0) / WEEK_SECONDS;
        let seconds: f64 = runs.iter().map(|run| run.virtual_seconds).sum();
        let healthy = runs.iter().filter(is_healthy);
        let healthy_seconds: f64 = healthy.map(|run| run.virtual_seconds).sum();
        let incidents: Vec<IncidentScore> = runs.iter().flat_map(incidents).collect();
        let slos = Slo::ALL.map(|kind| SloScore::new(kind, &incidents));
        let count = runs.first().map_or(0, |run| run.rules.len());
        let rules = (0..count).map(|index| {
            let rules = runs.iter().map(|run| &run.rules[index]);
            let healthy = runs.iter().filter(is_healthy).map(|run| &run.rules[index]);
            let false_alarms: u64 = healthy.map(|rule| rule.false_alarms).sum();
            let rate =
                (healthy_seconds > 0.0).then(|| false_alarms as f64 / weeks(healthy_seconds));
            RuleScore::new(rules, seconds, rate)
        });
        Self {
            schema: SCHEMA.to_owned(),
            rules_file: rules_file.to_owned(),
            weeks: weeks(seconds),
            healthy_weeks: weeks(healthy_seconds),
            runs: runs.iter().map(RunSummary::new).collect(),
            slos: slos.into(),
            rules: rules.collect(),
            incidents,
        }
    }

    /// Incidents that every rule that stands for their SLO missed.
    pub fn missed(&self) -> impl Iterator<Item = &IncidentScore> {
        let is_missed = |incident: &&IncidentScore| {
            !incident.rules.is_empty() && incident.seconds_to_detect().is_none()
        };
        self.incidents.iter().filter(is_missed)
    }

    /// Rules that fire too often while all is well.
    pub fn noisy(&self) -> impl Iterator<Item = &RuleScore> {
        let is_noisy = |rule: &&RuleScore| {
            let rate = rule.healthy_false_alarms_per_week;
            rate.is_some_and(|rate| rate > FALSE_ALARMS_PER_WEEK_MAX)
        };
        self.rules.iter().filter(is_noisy)
    }

    /// Whether no incident was missed and no rule is noisy.
    pub fn is_good(&self) -> bool {
        self.missed().next().is_none() && self.noisy().next().is_none()
    }
}

impl RunSummary {
    fn new(run: &RunScore) -> Self {
        Self {
            scenario: run.scenario.clone(),
            seed: run.seed,
            virtual_seconds: run.virtual_seconds,
            incidents: run.incidents.len() as u64,
        }
    }
}

fn incidents(run: &RunScore) -> impl Iterator<Item = IncidentScore> {
    run.incidents.iter().enumerate().map(|(index, incident)| {
        let detected = |rule: &RuleRunScore| {
            let detection = rule.detections[index].as_ref()?;
            Some(IncidentRule {
                rule: rule.rule.clone(),
                seconds_to_detect: detection.seconds_to_detect,
                seconds_to_resolve: detection.seconds_to_resolve,
                flaps: detection.flaps,
            })
        };
        IncidentScore {
            scenario: run.scenario.clone(),
            seed: run.seed,
            slo: incident.clone(),
            rules: run.rules.iter().filter_map(detected).collect(),
        }
    })
}

impl SloScore {
    fn new(slo: Slo, incidents: &[IncidentScore]) -> Self {
        let mine = incidents.iter().filter(|one| one.slo.kind == slo);
        let count = mine.clone().count() as u64;
        let delays: Vec<f64> = mine.filter_map(IncidentScore::seconds_to_detect).collect();
        let detected = delays.len() as u64;
        Self {
            slo,
            incidents: count,
            detected,
            recall: share(detected, count),
            median_seconds_to_detect: median(delays),
        }
    }
}

impl RuleScore {
    fn new<'r>(
        runs: impl Iterator<Item = &'r RuleRunScore> + Clone,
        seconds: f64,
        healthy_false_alarms_per_week: Option<f64>,
    ) -> Self {
        let first = runs.clone().next();
        let sum = |number: fn(&RuleRunScore) -> u64| -> u64 { runs.clone().map(number).sum() };
        let (alarms, false_alarms) = (sum(|run| run.alarms), sum(|run| run.false_alarms));
        let incidents = runs.clone().flat_map(|run| run.detections.iter().flatten());
        let all = |number: fn(&Detection) -> Option<f64>| -> Vec<f64> {
            incidents.clone().filter_map(number).collect()
        };
        let delays = all(|detection| detection.seconds_to_detect);
        let (count, detected) = (incidents.clone().count() as u64, delays.len() as u64);
        let firing: f64 = runs.clone().map(|run| run.firing_seconds).sum();
        Self {
            rule: first.map_or_else(String::new, |run| run.rule.clone()),
            slos: first.map_or_else(Vec::new, |run| run.slos.clone()),
            incidents: count,
            detected,
            recall: share(detected, count),
            alarms,
            false_alarms,
            precision: share(alarms - false_alarms, alarms),
            healthy_false_alarms_per_week,
            median_seconds_to_detect: median(delays),
            median_seconds_to_resolve: median(all(|detection| detection.seconds_to_resolve)),
            flaps: incidents.map(|detection| detection.flaps).sum(),
            share_firing: if seconds > 0.0 { firing / seconds } else { 0.0 },
            never_fired: alarms == 0,
        }
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len().checked_sub(1)? / 2;
    let above = values.len() / 2;
    Some(f64::midpoint(values[middle], values[above]))
}
