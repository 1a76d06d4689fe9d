//! The worker processes and their options.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::worker::Role;
use crate::worker::options::WorkerOptions;

use crate::scenario::Duration;

/// The worker processes and their options.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WorkersSpec {
    /// How many processes (`worker-1` and so on, with every role), or a list of groups.
    pub processes: ProcessesSpec,
    /// How often each process is scraped.
    pub scrape_interval: Duration,
    /// The worker's own options, the same for every process.
    pub options: WorkerOptions,
}

impl Default for WorkersSpec {
    fn default() -> Self {
        Self {
            processes: ProcessesSpec::Count(3),
            scrape_interval: Duration::from_secs(15),
            options: WorkerOptions::default(),
        }
    }
}

/// The processes: a count, or groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ProcessesSpec {
    /// So many, each with every role.
    Count(#[schemars(range(min = 1, max = 1_000))] u32),
    /// These.
    Groups(#[schemars(length(min = 1))] Vec<ProcessGroup>),
}

impl ProcessesSpec {
    /// Each process with its name and roles, in order.
    pub fn list(&self) -> Vec<(String, Vec<Role>)> {
        match self {
            Self::Count(count) => (1..=*count)
                .map(|number| (format!("worker-{number}"), Role::ALL.to_vec()))
                .collect(),
            Self::Groups(groups) => groups.iter().flat_map(ProcessGroup::list).collect(),
        }
    }
}

/// Some processes that are alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProcessGroup {
    /// The name of a single process, or what the names `{name}-1`, `{name}-2` begin with.
    #[schemars(
        length(min = 1, max = 48),
        regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$"), extend("format" = "slug")
    )]
    pub name: String,
    /// How many.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1_000))]
    pub count: u32,
    /// What they do. Default: everything.
    #[serde(default = "all_roles")]
    #[schemars(length(min = 1))]
    pub roles: Vec<Role>,
}

impl ProcessGroup {
    fn list(&self) -> Vec<(String, Vec<Role>)> {
        let name = |number| match self.count {
            1 => self.name.clone(),
            _ => format!("{}-{number}", self.name),
        };
        (1..=self.count)
            .map(|number| (name(number), self.roles.clone()))
            .collect()
    }
}

fn one() -> u32 {
    1
}

fn all_roles() -> Vec<Role> {
    Role::ALL.to_vec()
}
