//! A failure in a file: everything that is needed to see it again.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::FailureCause;
use crate::check::scenario_loader;
use crate::rehearsal::{EVENT_BUDGET, RunOptions};
use crate::scenario::{LoadError, Scenario};
use crate::sim::fault_plan::FaultProfile;

/// The version of the file format.
pub const SCHEMA: &str = "rehearsal.bug@1";

/// A failure: the scenario, what was put over it, and what went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bug {
    /// The version of the format.
    pub schema: String,
    /// The version of the program that found it.
    pub version: String,
    /// The root of the random streams.
    pub seed: u64,
    /// The profile of additional faults: `none`, `light`, `heavy` or `swarm`.
    pub profile: String,
    /// Values put over those of the scenario: `key=value`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<String>,
    /// Events at most; more is a failure.
    #[serde(default = "default_budget", skip_serializing_if = "is_default_budget")]
    pub event_budget: u64,
    /// What the profile drew, for people: kinds of faults, and options.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drawn: Vec<String>,
    /// The first violation in full.
    pub message: String,
    /// The hash over every event, in hexadecimal. Another version of the program may give another.
    pub trace: String,
    /// Where the files that the scenario refers to are looked up, relative to this file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub directory: String,
    /// The scenario file's text.
    pub scenario: String,
    /// What makes it the same bug as another.
    pub cause: FailureCause,
}

fn default_budget() -> u64 {
    EVENT_BUDGET
}

fn is_default_budget(budget: &u64) -> bool {
    *budget == EVENT_BUDGET
}

/// Why there is no bug to be had from a file.
#[derive(Debug, thiserror::Error)]
pub enum BugError {
    /// The file can't be read.
    #[error("can't read {}: {reason}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It is no bug file, or one of another version.
    #[error("{} is no bug file: {reason}", path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// The scenario in it is wrong.
    #[error(transparent)]
    Scenario(#[from] LoadError),
}

impl Bug {
    /// Reads a bug file.
    ///
    /// # Errors
    /// It can't be read, or is no bug file of this version.
    pub fn read(path: &Path) -> Result<Self, BugError> {
        let text = fs::read_to_string(path).map_err(|error| BugError::Unreadable {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        let foreign = |reason: String| BugError::Foreign {
            path: path.to_owned(),
            reason,
        };
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| foreign(error.to_string()))?;
        match table.get("schema").and_then(toml::Value::as_str) {
            Some(SCHEMA) => {}
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
        let bug: Self = toml::from_str(&text).map_err(|error| foreign(error.to_string()))?;
        bug.profile.parse::<FaultProfile>().map_err(foreign)?;
        Ok(bug)
    }

    /// The file's text.
    pub fn to_toml(&self) -> String {
        // Only tables with keys that are no text can't be written.
        let text = toml::to_string_pretty(self);
        text.unwrap_or_else(|error| unreachable!("a bug is plain data: {error}"))
    }

    /// The scenario as it was rehearsed, but for the profile's faults. `path` is where the bug was
    /// read from: it is named in messages, and files are looked up from there.
    ///
    /// # Errors
    /// The scenario is wrong, or a file that it refers to is not there.
    pub fn scenario(&self, path: &Path) -> Result<Scenario, BugError> {
        let loader = scenario_loader(&self.set);
        let name = format!("the scenario in {}", path.display());
        let mut scenario = loader
            .parse(&name, &self.scenario, Some(&self.beside(path)))
            .map_err(LoadError::from)?;
        scenario.seed = self.seed;
        Ok(scenario)
    }

    /// Where files that the scenario refers to are looked up, if the bug was read from `path`.
    pub fn beside(&self, path: &Path) -> PathBuf {
        path.parent().unwrap_or(Path::new("")).join(&self.directory)
    }

    /// How it is rehearsed.
    pub fn options(&self) -> RunOptions {
        RunOptions {
            // It was parsed when the file was read.
            profile: self.profile.parse().unwrap_or_default(),
            event_budget: self.event_budget,
            ..RunOptions::default()
        }
    }
}
