//! Prometheus rules: recording rules and alerts in virtual time.
//!
//! ```text
//! RuleFile ─ groups ─ rules ──Engine──> vectors ─┬─ record ──> RecordedRules (for later rules)
//!                                               └─ alert  ──> states ──> AlertTimeline
//! ```
//!
//! A [`RuleFile`] is parsed and checked once, including queries and templates. [`evaluate()`]
//! evaluates every rule at its group's interval and returns the states of each alert. A Prometheus
//! server distributes its groups over the interval by a hash; here all groups begin at the start.

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
