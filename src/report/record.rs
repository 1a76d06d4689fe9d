//! What is kept of a finished rehearsal, so that more can be asked of it later.

use serde::{Deserialize, Serialize};

use super::RunReport;
use crate::check::{Episode, SloBreach};
use crate::rehearsal::FinishedRun;
use crate::scenario::write::{to_table, to_text};
use crate::scenario::{ScenarioParameter, parameters};

/// Everything about a finished rehearsal but its recorded series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunRecord {
    /// The version of the program that made it.
    pub version: String,
    /// The report.
    pub report: RunReport,
    /// When virtual time began, ms since 1970.
    pub start_ms: i64,
    /// When triggers and faults ended and the drain began, ms since 1970.
    pub drain_ms: i64,
    /// When virtual time ended, ms since 1970.
    pub end_ms: i64,
    /// How often processes were scraped, ms.
    pub scrape_interval_ms: i64,
    /// The scenario's parameters, and which of them are not the defaults.
    pub parameters: Vec<ScenarioParameter>,
    /// The scenario as a file that gives the same rehearsal.
    pub scenario: String,
    /// When faults went on.
    pub faults: Vec<Episode>,
    /// When SLOs were broken: the truth behind alerts.
    #[serde(alias = "brokenPromises")]
    pub slo_breaches: Vec<SloBreach>,
}

impl RunRecord {
    /// What is kept of a finished rehearsal with this report.
    pub fn new(finished: &FinishedRun, report: &RunReport) -> Self {
        let scenario = &finished.scenario;
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            report: report.clone(),
            start_ms: scenario.start.millis(),
            drain_ms: scenario.start.after(scenario.duration.std()).millis(),
            end_ms: finished.ended_at.millis(),
            scrape_interval_ms: scenario.workers.scrape_interval.std().as_millis() as i64,
            parameters: parameters(scenario),
            scenario: to_text(&to_table(scenario)),
            faults: finished.oracle.episodes.clone(),
            slo_breaches: finished.oracle.slo_breaches.clone(),
        }
    }
}
