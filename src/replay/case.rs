//! Cases to replay: bug files and scenario files.

use std::path::Path;

use crate::check::scenario_loader;
use crate::files::{ByteLimit, read_text};
use crate::model::Timestamp;
use crate::scenario::{LoadError, Scenario};
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
        let text = read_text(path, ByteLimit::DOCUMENT)?;
        if !is_bug(&text) {
            let loader = scenario_loader(&[]);
            return Ok(Self {
                scenario: loader.parse_file(path, &text).map_err(LoadError::from)?,
                options: TrialOptions {
                    profile: FaultProfile::None,
                    event_budget: crate::rehearsal::EVENT_BUDGET,
                },
                bug: None,
            });
        }
        let bug = Bug::parse(path, &text)?;
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

/// Returns whether the text is that of a bug file. Only bug files have a `schema` key.
fn is_bug(text: &str) -> bool {
    let table = text.parse::<toml::Table>();
    table.is_ok_and(|table| table.contains_key("schema"))
}
