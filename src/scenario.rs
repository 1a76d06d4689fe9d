//! The scenario file: plain data, read from TOML, checked with messages that name the place and
//! the remedy, and described by a JSON Schema that is generated from these very types.
//!
//! ```text
//!  file.toml ──parse──▶ document (values with their places) ◀──set── --set key=value
//!                          │ schema check: every unknown key, wrong type, value out of range
//!                          ▼
//!                       Scenario ──validate──▶ every contradiction ──▶ Scenario, or all problems
//! ```
//!
//! Everything here is a value without behaviour; the simulator and the live driver build from it.

mod advisories;
mod conform;
mod cvss;
mod differences;
mod distribution;
mod distributions;
mod document;
mod expectation;
mod fault;
mod files;
mod fleet;
mod format;
mod gates;
mod load;
mod operation;
mod overrides;
mod population;
mod problem;
mod scanner;
mod schedule;
mod schema;
mod selector;
mod share;
mod starter;
mod timing;
mod trace;
mod validate;
mod vocabulary;
mod workers;
pub mod write;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::model::Timestamp;
use crate::promql::suggest;

pub use crate::model::duration::{Duration, DurationError};
pub use crate::worker::Role;
pub use crate::worker::options::WorkerOptions;
pub use advisories::{Advisories, ComponentMapping, Trace, TraceRow};
pub use differences::{Parameter, differences, parameters};
pub use distribution::{CountDistribution, Distribution, DurationDistribution};
pub use expectation::{Expectation, When};
pub use fault::{Fault, FaultEffect, ProcessTarget, QueueTarget};
pub use fleet::{Fleet, Names, Popularity};
pub use gates::Gates;
pub use load::{LoadError, Loader};
pub use operation::{Operation, OperationKind, ScheduleChanges};
pub use population::{Cadence, Population, ScopeWeights};
pub use problem::Problems;
pub use scanner::{Deltas, Latency, Scanner, SeverityWeights};
pub use schedule::{Limits, OnlyIf, Schedule};
pub use schema::schema;
pub use selector::Selector;
pub use share::Share;
pub use starter::starter;
pub use timing::Timing;
pub use vocabulary::{Instrument, Vocabulary};
pub use workers::{ProcessGroup, Processes, Workers};

/// One rehearsal: what is simulated, for how long, what goes wrong, and what must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// The name in reports and in the last line of `run`: lower-case letters, digits and hyphens.
    #[schemars(
        length(min = 1, max = 64),
        regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$"), extend("format" = "slug")
    )]
    pub name: String,
    /// What the scenario shows, in a sentence or two.
    #[serde(default)]
    pub description: String,
    /// The instant at which virtual time begins, in UTC.
    #[serde(default = "default_start")]
    #[schemars(with = "InstantText")]
    pub start: Timestamp,
    /// How long triggers, operations and faults go on. What is then still open may finish.
    pub duration: Duration,
    /// The root of every random stream. The same seed gives the same rehearsal.
    #[serde(default = "default_seed")]
    #[schemars(range(min = 0, max = 9_223_372_036_854_775_807_i64))]
    pub seed: u64,
    /// The virtual time allowed, after `duration`, for open work to finish.
    #[serde(default = "default_drain")]
    pub drain: Duration,
    /// The images that exist, who owns them and what they are made of.
    #[serde(default)]
    pub fleet: Fleet,
    /// Schedules written out one by one.
    #[serde(default, rename = "schedule", skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<Schedule>,
    /// A synthetic population of schedules.
    #[serde(default, rename = "schedules", skip_serializing_if = "Option::is_none")]
    pub population: Option<Population>,
    /// What an operator does meanwhile.
    #[serde(default, rename = "operation", skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<Operation>,
    /// Advisories that arrive, made up or replayed. Without this section none do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advisories: Option<Advisories>,
    /// How the Scanner behaves.
    #[serde(default)]
    pub scanner: Scanner,
    /// How findings change for reasons other than the advisories above.
    #[serde(default)]
    pub deltas: Deltas,
    /// The round trips to everything else.
    #[serde(default)]
    pub latency: Latency,
    /// The worker processes and their options.
    #[serde(default)]
    pub workers: Workers,
    /// What goes wrong, and when.
    #[serde(default, rename = "fault", skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// What the recorded metrics must show.
    #[serde(default, rename = "expect", skip_serializing_if = "Vec::is_empty")]
    pub expectations: Vec<Expectation>,
    /// What must at least have happened for a pass to mean anything.
    #[serde(default)]
    pub gates: Gates,
}

impl Default for Scenario {
    /// A day of the default world, without a name or a schedule.
    fn default() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            start: default_start(),
            duration: Duration::from_hours(24),
            seed: default_seed(),
            drain: default_drain(),
            fleet: Fleet::default(),
            schedules: Vec::new(),
            population: None,
            operations: Vec::new(),
            advisories: None,
            scanner: Scanner::default(),
            deltas: Deltas::default(),
            latency: Latency::default(),
            workers: Workers::default(),
            faults: Vec::new(),
            expectations: Vec::new(),
            gates: Gates::default(),
        }
    }
}

fn default_start() -> Timestamp {
    // 2024-01-01T00:00:00Z, a Monday.
    Timestamp::from_seconds(1_704_067_200)
}

fn default_seed() -> u64 {
    1
}

fn default_drain() -> Duration {
    Duration::from_hours(6)
}

/// The schema of an instant: a date and time in UTC.
struct InstantText;

impl JsonSchema for InstantText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "instant-text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}
