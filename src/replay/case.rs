//! What is replayed.

use std::path::Path;

use crate::check::scenario_loader;
use crate::model::Timestamp;
use crate::scenario::Scenario;
use crate::sim::fault_plan::{FaultProfile, PlannedScenario};
use crate::sweep::{Bug, BugError, TrialOptions};

/// A scenario with its seed, and what is recorded of its failure.
#[derive(Clone, Debug)]
pub struct ReplayCase {
    /// What is rehearsed, but for the profile's faults.
    pub scenario: Scenario,
    /// How.
    pub options: TrialOptions,
    /// The failure, as it was recorded; none for a plain scenario.
    pub bug: Option<Bug>,
}

impl ReplayCase {
    /// Reads a bug file, or a scenario file such as `rehearsal shrink` writes.
    ///
    /// # Errors
    /// It can't be read, or is wrong.
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

    /// The instant at which the rehearsal begins: the profile may have drawn a part of the
    /// scenario.
    pub fn start(&self) -> Timestamp {
        let (scenario, profile) = (&self.scenario, self.options.profile);
        let planned = PlannedScenario::draw(scenario, profile, scenario.seed);
        planned.scenario.start
    }
}

/// Whether a file calls itself something: scenario files don't.
fn is_bug(path: &Path) -> bool {
    let table = std::fs::read_to_string(path)
        .ok()
        .and_then(|text| text.parse::<toml::Table>().ok());
    table.is_some_and(|table| table.contains_key("schema"))
}
