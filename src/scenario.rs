//! Scenario files: plain data, read from TOML and validated.
//!
//! The JSON Schema is generated from the Rust types, so that types, schema and reference cannot
//! diverge. Validation walks the schema instead of relying on serde: serde stops at the first
//! error and knows no positions. Diagnostics report all errors with position and help.
//!
//! ```text
//!  file.toml ──parse──▶ document (values with spans) ◀──set── --set key=value
//!                          │ schema check: every unknown key, wrong type, value out of range
//!                          ▼
//!                       Scenario ──validate──▶ contradictions ──▶ Scenario, or diagnostics
//! ```
//!
//! A [`Scenario`] is a value without behaviour; the simulator builds its world from it.

mod distribution_paths;
mod document;
mod estimate;
mod key_values;
mod load;
mod parameters;
mod schedule_file;
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
pub use estimate::CostEstimate;
pub(crate) use estimate::{edited, images_of, selected_share};
pub use key_values::key_values;
pub use load::{LoadError, Loader};
pub use parameters::{ScenarioParameter, changed_parameters, parameters};
pub use schedule_file::read_schedules;
pub use schema::schema;
pub use sections::{
    Advisories, AdvisoryRow, AdvisoryTrace, Cadence, ComponentMapping, CountDistribution,
    CountOrNames, DeltaRates, DistributionSpec, DurationDistribution, ExpectationScope,
    ExpectationSpec, FaultEffect, FaultSpec, FleetSpec, Gates, LatencySpec, LimitsSpec,
    MessageSchema, OnlyIfSpec, OperationKind, OperationSpec, Popularity, Population, ProcessGroup,
    ProcessTarget, ProcessesSpec, QueueSpec, QueueTarget, ScannerSpec, ScheduleChanges,
    ScheduleSpec, ScopeWeights, SelectorSpec, SeverityWeights, Share, StoreSpec, TemporalOperator,
    Timing, WorkersSpec,
};
pub use validation::{KnownInstrument, KnownNames};
pub use write::starter;

/// Rehearsal scenario: simulated world, duration, faults and expectations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// Name in reports and in the last line of `run`: lower-case letters, digits and hyphens.
    #[schemars(
        length(min = 1, max = 64),
        regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$"), extend("format" = "slug")
    )]
    pub name: String,
    /// Description of the scenario in a sentence or two.
    #[serde(default)]
    pub description: String,
    /// Start of virtual time, in UTC.
    #[serde(default = "default_start")]
    #[schemars(with = "InstantText")]
    pub start: Timestamp,
    /// Duration of triggers, operations and faults. Open work may finish during `drain`.
    pub duration: Duration,
    /// Root seed of all random streams. The same seed gives the same rehearsal.
    #[serde(default = "default_seed")]
    #[schemars(range(min = 0, max = 9_223_372_036_854_775_807_i64))]
    pub seed: u64,
    /// Virtual time after `duration` in which open work may finish, and longest time without
    /// progress. A backlog extends the first by the time that its work needs, a long segment the
    /// second.
    #[serde(default = "default_drain")]
    pub drain: Duration,
    /// Images, their owners and their components.
    #[serde(default)]
    pub fleet: FleetSpec,
    /// Individual schedules.
    #[serde(default, rename = "schedule", skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<ScheduleSpec>,
    /// Synthetic population of schedules.
    #[serde(default, rename = "schedules", skip_serializing_if = "Option::is_none")]
    pub population: Option<Population>,
    /// Actions of an operator.
    #[serde(default, rename = "operation", skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<OperationSpec>,
    /// Advisories, random or replayed. Default: none arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advisories: Option<Advisories>,
    /// Latency, errors and rate limits of the Scanner.
    #[serde(default)]
    pub scanner: ScannerSpec,
    /// Changes of findings that no advisory causes.
    #[serde(default)]
    pub deltas: DeltaRates,
    /// Round-trip times to the other systems.
    #[serde(default)]
    pub latency: LatencySpec,
    /// Capacity of the store. Default: it serves any number of calls at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreSpec>,
    /// Capacity of the queues. Default: they serve any number of calls at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueSpec>,
    /// Worker processes and their options.
    #[serde(default)]
    pub workers: WorkersSpec,
    /// Faults with their times.
    #[serde(default, rename = "fault", skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultSpec>,
    /// Expectations on the recorded metrics.
    #[serde(default, rename = "expect", skip_serializing_if = "Vec::is_empty")]
    pub expectations: Vec<ExpectationSpec>,
    /// Minimum counts for a meaningful verdict.
    #[serde(default)]
    pub gates: Gates,
}

impl Default for Scenario {
    /// Returns a day of the default world, without a name or a schedule.
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
            store: None,
            queue: None,
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

/// JSON Schema of an instant: a date and time in UTC.
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
