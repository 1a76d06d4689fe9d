//! The test oracle: a reference state of the world, and the invariants that are checked against it.
//!
//! The [`Oracle`] receives observations of the world, never claims of a worker. Its state holds
//! what the store applied and what each process incarnation learned. The contract's invariants
//! compare both with what the world does and with what the metrics show.
//!
//! ```text
//!  world ──observations──> Oracle ──> WorldState (tables: incarnations, schedules, runs, ..)
//!  metrics ─InstrumentReaders─┘  └──> invariants ──> CheckResults (checks, exercised, violations)
//!                                                        └──> OracleReport ──> Verdict
//! ```
//!
//! This module depends on the model and the metrics, neither on the worker nor on any world.

pub mod calendar;
mod call_limit;
mod contract;
pub mod expectation;
mod format;
pub mod instruments;
pub mod invariant;
pub mod limit;
pub mod oracle;
pub mod state;
#[cfg(test)]
mod tests;

pub use calendar::{WalkCalendar, WalkCalendarError};
pub use instruments::{
    BacklogChange, CounterSeries, DeltaKind, ExtensionSeries, GaugeSeries, HistogramRead,
    HistogramSeries, InfoSeries, InstrumentReader, InstrumentReaders, InstrumentSet, PlanAttempt,
    ProcessSeries, RecordedScrape, RequestOutcome, SegmentFate,
};
pub use invariant::results::{CheckResults, InvariantFindings, Violation, ViolationDetail};
pub use invariant::{
    CheckContext, EvaluationTime, FaultChange, Invariant, InvariantDefinition, InvariantName,
};
pub use oracle::{Oracle, OracleReport};
pub use state::options::OracleOptions;
pub use state::{
    AcceptedCommit, CommandAck, DrainDeadline, EPISODES_MAX, EventStatus, FaultInterval, INCIDENT,
    IncarnationExit, Inventory, LearnedCommit, ManualRunAck, MessageEndCounts, MessageStep,
    ObservedIncarnation, ObservedScanRequest, PendingInstruments, PlannedRun, PlannerRead,
    Publication, RecordedCommit, RunEnd, RunTotals, ScheduleEdit, SegmentLease, Slo, SloBreach,
    StuckRun, WorkTimes, WorldState,
};

use crate::metrics::{catalog, registry_metrics};
use crate::scenario::{KnownInstrument, KnownNames, Loader};

/// Names that a scenario may refer to: every instrument, and every invariant.
pub fn known_names() -> KnownNames {
    let definitions = catalog::GIVEN
        .iter()
        .chain(&catalog::EXTENSIONS)
        .chain(&registry_metrics::LAYER);
    KnownNames {
        instruments: definitions.map(KnownInstrument::from).collect(),
        invariants: InvariantName::ALL.iter().map(ToString::to_string).collect(),
    }
}

/// Loader of scenarios that refuses unknown names, with `key=value` overrides applied in order.
pub fn scenario_loader(overrides: &[String]) -> Loader {
    Loader {
        known_names: known_names(),
        overrides: overrides.to_vec(),
    }
}
