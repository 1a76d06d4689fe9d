//! Contradictions within a scenario, which the schema cannot state.

mod distributions;
mod expectations;
mod faults;
mod inputs;
mod schedules;
mod services;
mod workers;

pub use expectations::check_alert;

use super::KnownNames;
use crate::promql::suggest;
use crate::scenario::document::{Diagnostic, KeyPath, Node};
use crate::scenario::{Duration, Scenario};

/// Maximum end of virtual time, in seconds since 1970: clocks count nanoseconds in 64 bits.
const END_SECONDS_MAX: i64 = 16_725_225_600; // 2500-01-01

/// Reports every contradiction in the scenario that was parsed from `root`.
pub fn check(scenario: &mut Scenario, root: &Node, known_names: &KnownNames) -> Vec<Diagnostic> {
    let mut diagnostics = distributions::check(scenario, root);
    let mut rules = SemanticValidator {
        scenario,
        root,
        known_names,
        diagnostics: Vec::new(),
    };
    rules.check_time();
    rules.check_fleet();
    rules.check_schedules();
    rules.check_operations();
    rules.check_inputs();
    rules.check_workers();
    rules.check_services();
    rules.check_faults();
    rules.check_expectations();
    rules.check_gates();
    diagnostics.extend(rules.diagnostics);
    diagnostics
}

/// Checks of one scenario, with the diagnostics that they reported.
struct SemanticValidator<'a> {
    scenario: &'a Scenario,
    root: &'a Node,
    known_names: &'a KnownNames,
    diagnostics: Vec<Diagnostic>,
}

impl SemanticValidator<'_> {
    /// Reports an error at a path.
    fn report(&mut self, path: &KeyPath, title: impl Into<String>, label: impl Into<String>) {
        self.report_with(path, title, label, None);
    }

    /// Reports an error at a path, with help.
    fn report_with(
        &mut self,
        path: &KeyPath,
        title: impl Into<String>,
        label: impl Into<String>,
        help: Option<String>,
    ) {
        let diagnostic = Diagnostic::new(title).at(self.root.span_of(path), label);
        self.diagnostics.push(diagnostic.maybe_help(help));
    }

    /// Reports an unknown name.
    fn check_name(&mut self, path: &KeyPath, noun: &str, name: &str, known: &[String]) {
        if !known.iter().any(|known| known == name) {
            let help = suggest::remedy(name, known.iter().map(String::as_str));
            self.report_with(
                path,
                format!("there is no {noun} `{name}`"),
                "unknown name",
                help,
            );
        }
    }

    /// Reports an unknown key.
    fn check_key(&mut self, path: &KeyPath, noun: &str, key: &str, known: &[String]) {
        if !known.iter().any(|known| known == key) {
            let help = suggest::remedy(key, known.iter().map(String::as_str));
            let span = self.root.key_span_of(&path.key(key));
            let diagnostic = Diagnostic::new(format!("there is no {noun} `{key}`"));
            self.diagnostics
                .push(diagnostic.at(span, "unknown name").maybe_help(help));
        }
    }

    /// Reports duplicate names.
    fn check_unique(&mut self, path: &KeyPath, noun: &str, names: &[String]) {
        for (index, name) in names.iter().enumerate() {
            if let Some(first) = names[..index].iter().position(|other| other == name) {
                let diagnostic = Diagnostic::new(format!("two {noun}s have the name `{name}`"))
                    .at(self.root.span_of(&path.index(index)), "second use")
                    .secondary(self.root.span_of(&path.index(first)), "first use")
                    .help("give each a unique name");
                self.diagnostics.push(diagnostic);
            }
        }
    }

    /// Reports a duration that is out of range.
    fn check_range(
        &mut self,
        path: &KeyPath,
        key: &str,
        value: Duration,
        min: Duration,
        max: Duration,
    ) {
        if value < min || value > max {
            let label = format!("must be from {min} to {max}");
            self.report(&path.key(key), format!("`{key}` is out of range"), label);
        }
    }

    fn check_time(&mut self) {
        let root = KeyPath::root();
        let (duration, drain) = (self.scenario.duration, self.scenario.drain);
        if duration.is_zero() {
            self.report(
                &root.key("duration"),
                "`duration` is 0",
                "must be more than 0",
            );
        }
        let end = self.scenario.start.after(duration.std()).after(drain.std());
        if end.seconds() > END_SECONDS_MAX {
            self.report(
                &root.key("start"),
                "the rehearsal ends after the maximum time",
                "must end before 2500",
            );
        }
    }

    fn check_gates(&mut self) {
        let known = &self.known_names.invariants;
        if known.is_empty() {
            return;
        }
        let path = KeyPath::root().key("gates").key("exercised");
        for name in self.scenario.gates.exercised.keys() {
            self.check_key(&path, "invariant", name, known);
        }
    }
}
