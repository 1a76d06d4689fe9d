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

mod junit;
mod plot;
mod rule_evaluation;
mod score;
mod scorecard;
#[cfg(test)]
mod tests;
mod text;
mod tune;
pub mod unit_tests;

pub use junit::junit;
pub use plot::plot;
pub use rule_evaluation::{EvaluatedRun, RuleEvaluation, RuleEvaluationError};
pub use score::{Detection, RESOLVE_GRACE, RULE_LABEL, RunScore, score, slos_of};
pub use scorecard::{IncidentScore, RuleScore, RunSummary, SCHEMA, Scorecard, SloScore};
pub use text::{text, trade_off_text};
pub use tune::{TradeOff, TunedPoint, Tuning, TuningError};
