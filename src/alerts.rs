//! Alert rules scored against incidents whose truth is known.
//!
//! ```text
//!  rehearsal ──┬─ recorded series ── rules ──> Timeline: when which alert fired
//!              └─ oracle ──> SLO breaches: what was wrong, from when to when
//!                                    both ──> RunScore ──> Scorecard ──> text, JSON, JUnit
//! ```
//!
//! A rule's label `slo` names the SLOs that it stands for, separated by commas; without one
//! it stands for all of them. An alert that names another `scheduleId` or `mode` than a SLO's
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

pub use card::{IncidentScore, RuleScore, RunLine, SCHEMA, Scorecard, SloScore};
pub use junit::junit;
pub use picture::picture;
pub use score::{Detection, RULE_LABEL, RunScore, SETTLING, score, slos_of};
pub use survey::{Subject, Survey, SurveyError};
pub use text::{text, trade_off_text};
pub use tune::{TradeOff, TunedPoint, Tuning, TuningError};
