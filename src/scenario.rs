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

mod distribution_paths;
mod document;
mod load;
mod parameters;
mod schema;
mod sections;
mod validation;
pub mod write;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

pub use crate::worker::Role;
pub use crate::worker::duration::{Duration, DurationError};
pub use crate::worker::options::WorkerOptions;
pub use document::{Diagnostics, PathSegment};
pub use load::{LoadError, Loader};
pub use parameters::{ScenarioParameter, changed_parameters, parameters};
pub use schema::schema;
pub use sections::{
    Advisories, AdvisoryRow, AdvisoryTrace, Cadence, ComponentMapping, CountDistribution,
    CountOrNames, DeltaRates, DistributionSpec, DurationDistribution, ExpectationSpec, FaultEffect,
    FaultSpec, FleetSpec, Gates, LatencySpec, LimitsSpec, OnlyIfSpec, OperationKind, OperationSpec,
    Popularity, Population, ProcessGroup, ProcessTarget, ProcessesSpec, QueueTarget, ScannerSpec,
    ScheduleChanges, ScheduleSpec, ScopeWeights, SelectorSpec, SeverityWeights, Share,
    TemporalOperator, Timing, WorkersSpec,
};
pub use validation::{KnownInstrument, KnownNames};
pub use write::starter;

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
    pub fleet: FleetSpec,
    /// Schedules written out one by one.
    #[serde(default, rename = "schedule", skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<ScheduleSpec>,
    /// A synthetic population of schedules.
    #[serde(default, rename = "schedules", skip_serializing_if = "Option::is_none")]
    pub population: Option<Population>,
    /// What an operator does meanwhile.
    #[serde(default, rename = "operation", skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<OperationSpec>,
    /// Advisories that arrive, made up or replayed. Without this section none do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advisories: Option<Advisories>,
    /// How the Scanner behaves.
    #[serde(default)]
    pub scanner: ScannerSpec,
    /// How findings change for reasons other than the advisories above.
    #[serde(default)]
    pub deltas: DeltaRates,
    /// The round trips to everything else.
    #[serde(default)]
    pub latency: LatencySpec,
    /// The worker processes and their options.
    #[serde(default)]
    pub workers: WorkersSpec,
    /// What goes wrong, and when.
    #[serde(default, rename = "fault", skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultSpec>,
    /// What the recorded metrics must show.
    #[serde(default, rename = "expect", skip_serializing_if = "Vec::is_empty")]
    pub expectations: Vec<ExpectationSpec>,
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
            fleet: FleetSpec::default(),
            schedules: Vec::new(),
            population: None,
            operations: Vec::new(),
            advisories: None,
            scanner: ScannerSpec::default(),
            deltas: DeltaRates::default(),
            latency: LatencySpec::default(),
            workers: WorkersSpec::default(),
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
