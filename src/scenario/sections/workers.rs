//! Worker processes: number, roles and options.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::worker::Role;
use crate::worker::options::WorkerOptions;

use crate::scenario::Duration;

/// Worker processes and their options.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WorkersSpec {
    /// Number of processes with all roles (`worker-1` and so on), or a list of process groups.
    pub processes: ProcessesSpec,
    /// Interval between two scrapes of a process.
    pub scrape_interval: Duration,
    /// Worker options, the same for every process.
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

/// Processes: a count, or a list of groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ProcessesSpec {
    /// Number of processes, each with all roles.
    Count(#[schemars(range(min = 1, max = 1_000))] u32),
    /// Groups of processes, each with a name and roles.
    Groups(#[schemars(length(min = 1))] Vec<ProcessGroup>),
}

impl ProcessesSpec {
    /// Name and roles of each process, in order.
    pub fn list(&self) -> Vec<(String, Vec<Role>)> {
        match self {
            Self::Count(count) => (1..=*count)
                .map(|number| (format!("worker-{number}"), Role::ALL.to_vec()))
                .collect(),
            Self::Groups(groups) => groups.iter().flat_map(ProcessGroup::list).collect(),
        }
    }
}

/// Group of processes with the same roles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProcessGroup {
    /// Name of a single process, or prefix of the names `{name}-1`, `{name}-2` and so on.
    #[schemars(
        length(min = 1, max = 48),
        regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$"), extend("format" = "slug")
    )]
    pub name: String,
    /// Number of processes in the group.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1_000))]
    pub count: u32,
    /// Roles of the processes. Default: all roles.
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
