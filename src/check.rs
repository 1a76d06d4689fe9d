//! The truth, and whether everything agrees with it.
//!
//! The [`Ledger`] is fed with what the world sees happen, never with what a worker claims. It books
//! what was applied and what was learned, per process incarnation, and holds the contract's
//! invariants against it: some concern what the world did, some what the metrics say about it.
//!
//! ```text
//!  world ──observations──> Ledger ──> Truth (tables: incarnations, schedules, runs, messages, ..)
//!  metrics ──Instruments──────┘  └──> invariants ──> Board (checks, exercised, violations)
//!                                                       └──> LedgerReport ──> Verdict
//! ```
//!
//! This module knows the model and the metrics, neither the worker nor any world.

pub mod board;
pub mod calendar;
pub mod expectation;
pub mod instruments;
pub mod invariant;
pub mod ledger;
pub mod name;
#[cfg(test)]
mod stories;
mod words;

pub use board::{Board, Complaint, Findings, Violation};
pub use calendar::{WalkCalendar, WalkCalendarError};
pub use instruments::{
    Attempt, CounterSeries, DeltaKind, ExtensionSeries, HistogramRead, HistogramSeries,
    Instruments, SegmentFate,
};
pub use ledger::{
    BrokenPromise, EPISODES_MAX, Ends, Episode, INCIDENT, Inventory, Ledger, LedgerOptions,
    LedgerReport, PromiseKind, StuckRun, Tally,
};
pub use name::{Checked, InvariantName};

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
