//! Alert rules scored against incidents whose truth is known.
//!
//! ```text
//!  rehearsal ──┬─ recorded series ── rules ──> Timeline: when which alert fired
//!              └─ ledger ──> broken promises: what was wrong, from when to when
//!                                    both ──> RunScore ──> Scorecard ──> text, JSON, JUnit
//! ```
//!
//! A rule's label `promise` names the promises that it stands for, separated by commas; without one
//! it stands for all of them. An alert that names another `scheduleId` than a promise's does not
//! speak of it.

mod card;
mod junit;
mod score;
mod survey;
mod text;
pub mod unit_tests;

pub use card::{IncidentScore, PromiseScore, RuleScore, RunLine, SCHEMA, Scorecard};
pub use junit::junit;
pub use score::{Detection, RULE_LABEL, RunScore, SETTLING, promises_of, score};
pub use survey::{Subject, Survey, SurveyError};
pub use text::text;

/// The rules that the operators of the Scheduler Worker are given.
pub use crate::promql::rules::{BUNDLED, BUNDLED_PATH};
