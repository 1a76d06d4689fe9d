//! Cases to replay: bug files and scenario files.

use std::path::Path;

use crate::check::scenario_loader;
use crate::model::Timestamp;
use crate::scenario::Scenario;
use crate::sim::fault_plan::{FaultProfile, PlannedScenario};
use crate::sweep::{Bug, BugError, TrialOptions};

/// Scenario and seed to replay, with the recorded failure if there is one.
#[derive(Clone, Debug)]
pub struct ReplayCase {
    /// Scenario without the faults that the profile draws.
    pub scenario: Scenario,
    /// Options of the run.
    pub options: TrialOptions,
    /// Recorded failure; none for a scenario file.
    pub bug: Option<Bug>,
}

impl ReplayCase {
    /// Reads a bug file, or a scenario file such as `rehearsal shrink` writes.
    ///
    /// # Errors
    /// The file cannot be read or is invalid.
    pub fn read(path: &Path) -> Result<Self, BugError> {
        if !is_bug(path) {
            let loader = scenario_loader(&[]);
            return Ok(Self {
                scenario: loader.load(path)?,
                options: TrialOptions {
                    profile: FaultProfile::None,
                    event_budget: crate::rehearsal::EVENT_BUDGET,
                },
                bug: None,
            });
        }
        let bug = Bug::read(path)?;
        let options = bug.options();
        Ok(Self {
            scenario: bug.scenario(path)?,
            options: TrialOptions {
                profile: options.profile,
                event_budget: options.event_budget,
            },
            bug: Some(bug),
        })
    }

    /// Returns the start of virtual time. The profile may have drawn a slice of the scenario.
    pub fn start(&self) -> Timestamp {
        let (scenario, profile) = (&self.scenario, self.options.profile);
        let planned = PlannedScenario::draw(scenario, profile, scenario.seed);
        planned.scenario.start
    }
}

/// Returns whether a file is a bug file. Only bug files have a `schema` key.
fn is_bug(path: &Path) -> bool {
    let table = std::fs::read_to_string(path)
        .ok()
        .and_then(|text| text.parse::<toml::Table>().ok());
    table.is_some_and(|table| table.contains_key("schema"))
}
