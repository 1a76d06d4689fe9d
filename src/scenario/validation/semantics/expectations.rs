//! Checks of expectations.

use super::SemanticValidator;
use crate::promql::Semantics;
use crate::promql::rules::RuleFile;
use crate::promql::suggest;
use crate::scenario::document::{Diagnostic, KeyPath, Node};
use crate::scenario::{Duration, ExpectationSpec, TemporalOperator};

impl SemanticValidator<'_> {
    pub(super) fn check_expectations(&mut self) {
        let end = Duration::from_nanos(
            self.scenario.duration.as_nanos() + self.scenario.drain.as_nanos(),
        );
        let expectations = &self.scenario.expectations;
        for (index, expectation) in expectations.iter().enumerate() {
            let path = KeyPath::root().key("expect").index(index);
            self.check_subject(&path, expectation);
            let from = expectation.from.unwrap_or(Duration::ZERO);
            let until = expectation.until.unwrap_or(end);
            if from >= end {
                let label = format!("the rehearsal ends after {end}, the drain included");
                self.report(&path.key("from"), "the window is after the end", label);
            } else if until <= from {
                let label = format!("must be later than `from` ({from})");
                self.report(&path.key("until"), "the window is empty", label);
            }
            let earlier = expectations[..index]
                .iter()
                .position(|other| other.name.is_some() && other.name == expectation.name);
            if let Some(first) = earlier {
                let first = KeyPath::root().key("expect").index(first).key("name");
                let name = expectation.name.as_deref().unwrap_or_default();
                let diagnostic =
                    Diagnostic::new(format!("two expectations have the name `{name}`"))
                        .at(self.root.span_of(&path.key("name")), "second use")
                        .secondary(self.root.span_of(&first), "first use")
                        .help("give each a unique name");
                self.diagnostics.push(diagnostic);
            }
        }
    }

    /// Checks that the expectation has one subject, with keys that apply to it.
    fn check_subject(&mut self, path: &KeyPath, expectation: &ExpectationSpec) {
        let when = expectation.when;
        match (&expectation.query, &expectation.alert) {
            (None, None) => {
                let help = Some(
                    "write `query = \"sum(scheduler_runs_active) <= 5\"`, or an `alert`".into(),
                );
                self.report_with(
                    path,
                    "the expectation has no subject",
                    "a `query` or an `alert` is missing",
                    help,
                );
            }
            (Some(_), Some(_)) => {
                let label = "remove it, or the `query`";
                self.report(
                    &path.key("alert"),
                    "the expectation has a query and an alert",
                    label,
                );
            }
            (Some(_), None) if when.is_of_alert() => {
                let help =
                    Some("for a query: `always`, `eventually`, `sometimes`, `at_end`".into());
                let title = format!("`{}` applies to alerts only", when.as_str());
                self.report_with(&path.key("when"), title, "this is a query", help);
            }
            (None, Some(_)) if !when.is_of_alert() => {
                let help = Some("for an alert: `fires`, `never_fires`, `resolves`".into());
                let title = format!("`{}` applies to queries only", when.as_str());
                self.report_with(&path.key("when"), title, "this is an alert", help);
            }
            (None, Some(_)) if expectation.rules.is_none() => {
                self.diagnostics
                    .extend(check_alert(self.root, path, expectation));
            }
            _ => {}
        }
        let needs = [
            (
                "within",
                expectation.within.is_some(),
                when == TemporalOperator::Fires,
                "`when = \"fires\"`",
            ),
            (
                "fault",
                expectation.fault.is_some(),
                expectation.within.is_some(),
                "`within`",
            ),
            (
                "rules",
                expectation.rules.is_some(),
                expectation.alert.is_some(),
                "an `alert`",
            ),
        ];
        for (key, is_there, may_be, needed) in needs {
            if is_there && !may_be {
                let title = format!("`{key}` has no effect here");
                self.report(&path.key(key), title, format!("requires {needed}"));
            }
        }
    }
}

/// Error of an alert's rule file or name; none if the rules were not read.
pub fn check_alert(
    root: &Node,
    path: &KeyPath,
    expectation: &ExpectationSpec,
) -> Option<Diagnostic> {
    let (file, text) = expectation.rules()?;
    let name = expectation.alert.as_deref()?;
    let rules = match RuleFile::parse(text, file, Semantics::default()) {
        Ok(rules) => rules,
        Err(error) => {
            let span = root.span_of(&path.key("rules"));
            return Some(Diagnostic::new("the rules are invalid").at(span, error.to_string()));
        }
    };
    if rules.alerts().any(|rule| rule.name == name) {
        return None;
    }
    let known: Vec<&str> = rules.alerts().map(|rule| rule.name.as_str()).collect();
    let help = suggest::remedy(name, known);
    let diagnostic = Diagnostic::new(format!("`{file}` has no alert `{name}`"));
    let span = root.span_of(&path.key("alert"));
    Some(diagnostic.at(span, "unknown alert").maybe_help(help))
}
