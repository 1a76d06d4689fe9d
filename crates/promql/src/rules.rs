//! Prometheus's rules: recorded series and alerts, evaluated on the virtual clock.
//!
//! ```text
//!  RuleFile ── groups ── rules ──Engine──> vectors ──┬─ record ──> RecordedRules, read by later rules
//!                                                    └─ alert  ──> states ──> AlertTimeline
//! ```
//!
//! A [`RuleFile`] is read and checked once: each query is parsed, each template too. [`evaluate()`]
//! evaluates every rule at its group's interval from the start, and keeps the states of each alert.
//! A server spreads its groups over the interval by a hash; here all groups begin at the start.

mod dependencies;
mod evaluate;
mod file;
mod recorded;
mod rule_evaluator;
mod states;
mod template;
#[cfg(test)]
mod tests;
mod tuned;

pub use evaluate::{AlertTimeline, EvaluateError, EvaluationRange, evaluate};
pub use file::{AlertRule, RecordRule, Rule, RuleFile, RuleFileError, RuleGroup};
pub use recorded::{MergedQueryable, RecordedRules};
pub use states::{Alert, AlertState, Transition};
pub use template::{Template, TemplateError};
pub use tuned::{AlertParameter, TunedError};
