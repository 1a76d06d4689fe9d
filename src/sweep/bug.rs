//! Bug files: a failure with everything that is needed to replay it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::FailureCause;
use crate::check::scenario_loader;
use crate::files::{ByteLimit, FileError, read_text};
use crate::rehearsal::{EVENT_BUDGET, RunOptions};
use crate::scenario::{ExpectationScope, LoadError, Scenario};
use crate::sim::fault_plan::FaultProfile;

/// Version of the file format.
pub const SCHEMA: &str = "rehearsal.bug@2";

/// Version whose expectations were all required under any profile.
const SCHEMA_1: &str = "rehearsal.bug@1";

/// Failure of a seed: scenario, overrides, cause and message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bug {
    /// Version of the file format.
    pub schema: String,
    /// Version of the program that found the failure.
    pub version: String,
    /// Root seed of the random streams.
    pub seed: u64,
    /// Profile of random faults: `none`, `light`, `heavy` or `swarm`.
    pub profile: String,
    /// Overrides of scenario values: `key=value`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<String>,
    /// Maximum number of kernel events; exceeding it is a failure.
    #[serde(default = "default_budget", skip_serializing_if = "is_default_budget")]
    pub event_budget: u64,
    /// Description of the drawn faults and options.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drawn: Vec<String>,
    /// Complete message of the first violation.
    pub message: String,
    /// Trace hash over all events, in hexadecimal. It may differ between program versions.
    pub trace: String,
    /// Directory of the files that the scenario refers to, relative to the bug file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub directory: String,
    /// Text of the scenario file.
    pub scenario: String,
    /// Cause, which identifies the bug.
    pub cause: FailureCause,
}

fn default_budget() -> u64 {
    EVENT_BUDGET
}

fn is_default_budget(budget: &u64) -> bool {
    *budget == EVENT_BUDGET
}

/// Error of reading a bug file.
#[derive(Debug, thiserror::Error)]
pub enum BugError {
    /// The file can't be read.
    #[error(transparent)]
    Unreadable(#[from] FileError),
    /// The file is not a bug file, or has another version.
    #[error("{} is not a bug file: {reason}", path.display())]
    Foreign {
        /// Path of the file.
        path: PathBuf,
        /// Reason, with help.
        reason: String,
    },
    /// The scenario in the file has errors.
    #[error(transparent)]
    Scenario(#[from] LoadError),
}

impl Bug {
    /// Reads a bug file.
    ///
    /// # Errors
    /// The file can't be read, or is not a bug file of this version.
    pub fn read(path: &Path) -> Result<Self, BugError> {
        Self::parse(path, &read_text(path, ByteLimit::DOCUMENT)?)
    }

    /// Parses the text of a bug file; `path` is its name in messages.
    ///
    /// # Errors
    /// The text is not a bug file of this version.
    pub fn parse(path: &Path, text: &str) -> Result<Self, BugError> {
        let foreign = |reason: String| BugError::Foreign {
            path: path.to_owned(),
            reason,
        };
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| foreign(error.to_string()))?;
        match table.get("schema").and_then(toml::Value::as_str) {
            Some(SCHEMA | SCHEMA_1) => {}
            Some(other) => {
                let reason = format!("its schema is `{other}`; this version reads `{SCHEMA}`");
                return Err(foreign(reason));
            }
            None => {
                let reason = format!(
                    "it has no `schema = \"{SCHEMA}\"`; `rehearsal sweep` writes such files"
                );
                return Err(foreign(reason));
            }
        }
        let bug: Self = toml::from_str(text).map_err(|error| foreign(error.to_string()))?;
        bug.profile.parse::<FaultProfile>().map_err(foreign)?;
        Ok(bug)
    }

    /// Renders the file.
    pub fn to_toml(&self) -> String {
        // Serialization fails only for maps with keys that are not strings.
        let text = toml::to_string_pretty(self);
        text.unwrap_or_else(|error| unreachable!("a bug is plain data: {error}"))
    }

    /// Loads the scenario, without the faults of the profile. `path` is the path of the bug file:
    /// messages name it, and it is the base of `directory`.
    ///
    /// # Errors
    /// The scenario has errors, or a referenced file can't be read.
    pub fn scenario(&self, path: &Path) -> Result<Scenario, BugError> {
        let loader = scenario_loader(&self.set);
        let name = format!("the scenario in {}", path.display());
        let mut scenario = loader
            .parse(&name, &self.scenario, Some(&self.scenario_directory(path)))
            .map_err(LoadError::from)?;
        scenario.seed = self.seed;
        if self.schema == SCHEMA_1 {
            let expectations = scenario.expectations.iter_mut();
            expectations.for_each(|expectation| expectation.under = ExpectationScope::AnyProfile);
        }
        Ok(scenario)
    }

    /// Directory of the files that the scenario refers to, for a bug file at `path`.
    pub fn scenario_directory(&self, path: &Path) -> PathBuf {
        path.parent().unwrap_or(Path::new("")).join(&self.directory)
    }

    /// Options with which the seed was run.
    pub fn options(&self) -> RunOptions {
        RunOptions {
            // `read` has parsed the profile before.
            profile: self.profile.parse().unwrap_or_default(),
            event_budget: self.event_budget,
            ..RunOptions::default()
        }
    }
}
