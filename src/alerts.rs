//! Alert rules, scored against the SLO breaches that the oracle recorded.
//!
//! ```text
//!  rehearsal ──┬─ recorded series ── rules ──> AlertTimeline: spans in which alerts fired
//!              └─ oracle ──> SLO breaches: kind, schedule, start and end
//!                                    both ──> RunScore ──> Scorecard ──> text, JSON, JUnit
//! ```
//!
//! The label `slo` of a rule names the SLOs that the rule covers, separated by commas. A rule
//! without the label covers all of them. An alert whose `scheduleId` or `mode` differs from that
//! of a breach does not detect it.

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
