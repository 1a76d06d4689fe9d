//! Alert rules scored against incidents whose truth is known.
//!
//! ```text
//!  rehearsal ──┬─ recorded series ── rules ──> Timeline: when which alert fired
//!              └─ ledger ──> broken promises: what was wrong, from when to when
//!                                    both ──> RunScore ──> Scorecard ──> text, JSON, JUnit
//! ```
//!
//! A rule's label `promise` names the promises that it stands for, separated by commas; without one
//! it stands for all of them. An alert that names another `scheduleId` or `mode` than a promise's
//! does not speak of it.

mod card;
mod junit;
mod picture;
mod score;
mod survey;
#[cfg(test)]
mod tests;
mod text;
mod tune;
pub mod unit_tests;

pub use card::{IncidentScore, PromiseScore, RuleScore, RunLine, SCHEMA, Scorecard};
pub use junit::junit;
pub use picture::picture;
pub use score::{Detection, RULE_LABEL, RunScore, SETTLING, promises_of, score};
pub use survey::{Subject, Survey, SurveyError};
pub use text::{text, trade_off_text};
pub use tune::{TradeOff, TunedPoint, Tuning, TuningError};
