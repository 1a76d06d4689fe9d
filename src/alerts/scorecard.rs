//! Scorecard: the scores of many rehearsals, combined per rule, per SLO and per incident.

use serde::{Deserialize, Serialize};

use super::score::{Detection, RuleRunScore, RunScore};
use crate::check::{Slo, SloBreach};
use rehearsal_convert::Nearest;

/// Schema version of the JSON document.
pub const SCHEMA: &str = "rehearsal.alerts@2";

const WEEK_SECONDS: f64 = 7.0 * 86_400.0;

/// Maximum rate of false alarms in rehearsals without an incident: one per year. A rule above it
/// is noisy.
pub const FALSE_ALARMS_PER_WEEK_MAX: f64 = 7.0 / 365.0;

/// Scores of the rules over all rehearsals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scorecard {
    /// Schema version, [`SCHEMA`].
    pub schema: String,
    /// Path of the rules file.
    pub rules_file: String,
    /// Virtual time of all rehearsals, in weeks.
    pub weeks: f64,
    /// Virtual time of the rehearsals without an incident, in weeks.
    pub healthy_weeks: f64,
    /// Rehearsals, in their order.
    pub runs: Vec<RunSummary>,
    /// Scores per SLO.
    #[serde(alias = "promises")]
    pub slos: Vec<SloScore>,
    /// Scores per rule, in the order of the file.
    pub rules: Vec<RuleScore>,
    /// Scores per incident, in the order of the rehearsals.
    pub incidents: Vec<IncidentScore>,
}

/// Summary of one rehearsal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// Name of the scenario.
    pub scenario: String,
    /// Root seed of the random streams.
    pub seed: u64,
    /// Virtual duration in seconds.
    pub virtual_seconds: f64,
    /// Number of incidents.
    pub incidents: u64,
}

/// Score of all rules on one SLO.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SloScore {
    /// SLO that is scored.
    #[serde(alias = "promise")]
    pub slo: Slo,
    /// Number of incidents.
    pub incidents: u64,
    /// Number of incidents that at least one of its rules detected.
    pub detected: u64,
    /// Share of detected incidents; none without incidents.
    pub recall: Option<f64>,
    /// Median time from the start of an incident to its first alert, in seconds.
    pub median_seconds_to_detect: Option<f64>,
}

/// Score of one rule over all rehearsals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleScore {
    /// Name of the rule.
    pub rule: String,
    /// SLOs that the rule covers.
    #[serde(alias = "promises")]
    pub slos: Vec<Slo>,
    /// Number of incidents of these SLOs.
    pub incidents: u64,
    /// Number of incidents that the rule detected.
    pub detected: u64,
    /// Share of detected incidents; none without incidents.
    pub recall: Option<f64>,
    /// Number of alerts that started firing.
    pub alarms: u64,
    /// Number of alerts without a matching breach.
    pub false_alarms: u64,
    /// Share of alerts with a matching breach; none without alerts.
    pub precision: Option<f64>,
    /// False alarms per virtual week of rehearsals without an incident; none without such
    /// rehearsals.
    pub healthy_false_alarms_per_week: Option<f64>,
    /// Median time to detect, in seconds.
    pub median_seconds_to_detect: Option<f64>,
    /// Median time to resolve, in seconds.
    pub median_seconds_to_resolve: Option<f64>,
    /// Number of times that the rule fired again within an incident.
    pub flaps: u64,
    /// Share of virtual time in which the rule fired.
    pub share_firing: f64,
    /// Whether the rule never fired.
    pub never_fired: bool,
}

/// Detection of one incident by all rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IncidentScore {
    /// Name of the scenario.
    pub scenario: String,
    /// Root seed of the random streams.
    pub seed: u64,
    /// SLO breach of the incident.
    #[serde(alias = "promise")]
    pub slo: SloBreach,
    /// Detections by the rules that cover the SLO.
    pub rules: Vec<IncidentRule>,
}

/// Detection of one incident by one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IncidentRule {
    /// Name of the rule.
    pub rule: String,
    /// Time from the start of the incident to the first alert, in seconds; none: missed.
    pub seconds_to_detect: Option<f64>,
    /// Time from the end of the incident to the end of the last alert, in seconds.
    pub seconds_to_resolve: Option<f64>,
    /// Number of times that the rule fired again.
    pub flaps: u64,
}

impl IncidentScore {
    /// Returns the shortest time to detect of all rules, in seconds; none: all missed the
    /// incident.
    pub fn seconds_to_detect(&self) -> Option<f64> {
        let rules = self.rules.iter();
        rules
            .filter_map(|rule| rule.seconds_to_detect)
            .min_by(f64::total_cmp)
    }
}

impl Scorecard {
    /// Combines the scores of rehearsals, all of the same rules.
    pub fn new(rules_file: &str, runs: &[RunScore]) -> Self {
        let is_healthy = |run: &&RunScore| run.incidents.is_empty();
        // An empty sum of `f64` is -0.
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
            let rate = (healthy_seconds > 0.0)
                .then(|| false_alarms.nearest_f64() / weeks(healthy_seconds));
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

    /// Returns the incidents that no rule covering their SLO detected.
    pub fn missed(&self) -> impl Iterator<Item = &IncidentScore> {
        let is_missed = |incident: &&IncidentScore| {
            !incident.rules.is_empty() && incident.seconds_to_detect().is_none()
        };
        self.incidents.iter().filter(is_missed)
    }

    /// Returns the rules with too many false alarms in rehearsals without an incident.
    pub fn noisy(&self) -> impl Iterator<Item = &RuleScore> {
        let is_noisy = |rule: &&RuleScore| {
            let rate = rule.healthy_false_alarms_per_week;
            rate.is_some_and(|rate| rate > FALSE_ALARMS_PER_WEEK_MAX)
        };
        self.rules.iter().filter(is_noisy)
    }

    /// Returns whether no incident was missed and no rule is noisy.
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
    (whole > 0).then(|| part.nearest_f64() / whole.nearest_f64())
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len().checked_sub(1)? / 2;
    let above = values.len() / 2;
    Some(f64::midpoint(values[middle], values[above]))
}
