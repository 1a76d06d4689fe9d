//! Scripts in the language of Prometheus's own `PromQL` tests.
//!
//! ```text
//! load 5m
//!   http_requests{path="/foo"}  0+10x10
//! eval instant at 50m increase(http_requests[50m])
//!   expect no_warn
//!   {path="/foo"}  100
//! ```
//!
//! Times are ms since the script's time 0. Evals that need native histograms count as unsupported.
//! Messages of warnings are compared without the position at their end.

mod answer;
mod command;
mod duration;
mod expectation;
mod parse;
mod series;

use std::fmt;

use answer::EvalOutcome;
use command::{Eval, TestCommand};
use parse::Script;

use crate::engine::Engine;
use crate::error::EvalError;
use crate::parse::query::Query;
use crate::parse::semantics::Semantics;
use crate::storage::memory_store::MemoryStore;

/// Result of a script.
#[derive(Clone, Debug, Default)]
pub struct ScriptReport {
    /// Number of evals with the expected result.
    pub passed: usize,
    /// Evals that need native histograms.
    pub unsupported: Vec<EvalMessage>,
    /// Evals with another result.
    pub failed: Vec<EvalMessage>,
}

/// Note on one eval that did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalMessage {
    /// Line of the eval, from 1.
    pub line: usize,
    /// Text of the eval command.
    pub command: String,
    /// Difference, or unsupported feature.
    pub reason: String,
}

impl fmt::Display for EvalMessage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "line {}: {}: {}",
            self.line, self.command, self.reason
        )
    }
}

/// Syntax error of a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ScriptError {
    /// Line, from 1.
    pub line: usize,
    /// Description of the fault.
    pub message: String,
}

/// Runs a script.
///
/// # Errors
///
/// If the script has a syntax error.
pub fn run(text: &str, semantics: Semantics) -> Result<ScriptReport, ScriptError> {
    let script = Script::parse(text)?;
    let mut store = MemoryStore::default();
    let mut report = ScriptReport::default();
    for command in script.commands {
        match command {
            TestCommand::Clear => store = MemoryStore::default(),
            TestCommand::Load(load) => load.into_store(&mut store),
            TestCommand::Eval(eval) => {
                let remark = |reason| EvalMessage {
                    line: eval.line,
                    command: eval.text.clone(),
                    reason,
                };
                match judge(&eval, &store, semantics) {
                    EvalOutcome::Passed => report.passed += 1,
                    EvalOutcome::Failed(reason) => report.failed.push(remark(reason)),
                    EvalOutcome::Unsupported(reason) => report.unsupported.push(remark(reason)),
                }
            }
        }
    }
    Ok(report)
}

fn judge(eval: &Eval, store: &MemoryStore, semantics: Semantics) -> EvalOutcome {
    if eval.expected.needs_native_histograms {
        return EvalOutcome::Unsupported("the answer has native histograms".into());
    }
    let query = match Query::parse(&eval.query, semantics) {
        Ok(query) => query,
        Err(error) if error.needs_native_histograms => {
            return EvalOutcome::Unsupported(error.to_string());
        }
        Err(error) => return eval.expected.refused(&error.message),
    };
    let engine = Engine::new(store);
    let answer = eval.when.ask(&engine, &query);
    match answer {
        Ok(answer) => eval.expected.compare(&answer),
        Err(error @ EvalError::NativeHistogram(_)) => EvalOutcome::Unsupported(error.to_string()),
        Err(error) => eval.expected.refused(&error.to_string()),
    }
}
