//! Size of a scenario, as a measure of the effort to understand it.

use std::fmt;

use toml::{Table, Value};

use crate::scenario::Scenario;

/// Size of a scenario. Fields are compared in order, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScenarioSize {
    /// Number of faults and operations.
    pub faults_and_operations: usize,
    /// Number of schedules.
    pub schedules: usize,
    /// Number of worker processes.
    pub processes: usize,
    /// Number of images.
    pub images: u64,
    /// Number of values that differ from their defaults.
    pub values: usize,
    /// Duration of the scenario, in seconds.
    pub duration_seconds: u64,
    /// Number of characters of all values: round values have fewer.
    pub characters: usize,
}

impl ScenarioSize {
    /// Measures a scenario with its minimal table.
    pub fn of(scenario: &Scenario, table: &Table) -> Self {
        let population = scenario.population.as_ref();
        let mut leaves = LeafCounts::default();
        table.values().for_each(|value| leaves.count(value));
        Self {
            faults_and_operations: scenario.faults.len() + scenario.operations.len(),
            schedules: scenario.schedules.len() + population.map_or(0, |p| p.ids().count()),
            processes: scenario.workers.processes.list().len(),
            images: scenario.fleet.images,
            values: leaves.values,
            duration_seconds: scenario.duration.std().as_secs(),
            characters: leaves.characters,
        }
    }
}

#[derive(Default)]
struct LeafCounts {
    values: usize,
    characters: usize,
}

impl LeafCounts {
    fn count(&mut self, value: &Value) {
        match value {
            Value::Table(table) => table.values().for_each(|value| self.count(value)),
            Value::Array(values) => values.iter().for_each(|value| self.count(value)),
            leaf => {
                self.values += 1;
                self.characters += leaf.to_string().len();
            }
        }
    }
}

impl fmt::Display for ScenarioSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |count: u64, one: &str, many: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {many}"),
        };
        write!(
            f,
            "{}, {}, {}, {}, {}",
            count(
                self.faults_and_operations as u64,
                "fault or operation",
                "faults and operations"
            ),
            count(self.schedules as u64, "schedule", "schedules"),
            count(self.processes as u64, "process", "processes"),
            count(self.images, "image", "images"),
            count(self.values as u64, "value", "values"),
        )
    }
}
