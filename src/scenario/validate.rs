//! What the schema cannot say: contradictions within a scenario.

mod distributions;
pub mod expectations;
mod faults;
mod fleet;
mod inputs;
mod schedules;
mod timing;
mod workers;

use super::document::{Node, Path};
use super::problem::Problem;
use super::{Duration, Scenario, Vocabulary, suggest};

/// Virtual time ends here: the store's clock counts nanoseconds in 64 bits.
const END_SECONDS_MAX: u64 = 16_725_225_600; // 2500-01-01

/// Names every contradiction in the scenario that `root` was read as.
pub fn check(scenario: &mut Scenario, root: &Node, vocabulary: &Vocabulary) -> Vec<Problem> {
    let mut problems = distributions::check(scenario, root);
    let mut rules = Rules {
        scenario,
        root,
        vocabulary,
        problems: Vec::new(),
    };
    rules.check_time();
    rules.check_fleet();
    rules.check_schedules();
    rules.check_operations();
    rules.check_inputs();
    rules.check_workers();
    rules.check_faults();
    rules.check_expectations();
    rules.check_gates();
    problems.extend(rules.problems);
    problems
}

/// The rules, and what they found.
struct Rules<'a> {
    scenario: &'a Scenario,
    root: &'a Node,
    vocabulary: &'a Vocabulary,
    problems: Vec<Problem>,
}

impl Rules<'_> {
    /// Reports something wrong at a path.
    fn report(&mut self, path: &Path, title: impl Into<String>, label: impl Into<String>) {
        self.report_with(path, title, label, None);
    }

    /// Reports something wrong at a path, with a remedy.
    fn report_with(
        &mut self,
        path: &Path,
        title: impl Into<String>,
        label: impl Into<String>,
        help: Option<String>,
    ) {
        let problem = Problem::new(title).at(self.root.place_of(path), label);
        self.problems.push(problem.maybe_help(help));
    }

    /// Reports that a name is none of the known ones.
    fn check_name(&mut self, path: &Path, noun: &str, name: &str, known: &[String]) {
        if !known.iter().any(|known| known == name) {
            let help = suggest::remedy(name, known.iter().map(String::as_str));
            self.report_with(
                path,
                format!("there is no {noun} `{name}`"),
                "not known",
                help,
            );
        }
    }

    /// Reports that a key is none of the known names.
    fn check_key(&mut self, path: &Path, noun: &str, key: &str, known: &[String]) {
        if !known.iter().any(|known| known == key) {
            let help = suggest::remedy(key, known.iter().map(String::as_str));
            let place = self.root.place_of_key(&path.key(key));
            let problem = Problem::new(format!("there is no {noun} `{key}`"));
            self.problems
                .push(problem.at(place, "not known").maybe_help(help));
        }
    }

    /// Reports names that occur twice.
    fn check_unique(&mut self, path: &Path, noun: &str, names: &[String]) {
        for (index, name) in names.iter().enumerate() {
            if let Some(first) = names[..index].iter().position(|other| other == name) {
                let problem = Problem::new(format!("two {noun}s are called `{name}`"))
                    .at(self.root.place_of(&path.index(index)), "the second")
                    .beside(self.root.place_of(&path.index(first)), "the first")
                    .help("give each a name of its own");
                self.problems.push(problem);
            }
        }
    }

    /// Reports a duration out of range.
    fn check_range(
        &mut self,
        path: &Path,
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
        let root = Path::root();
        let (duration, drain) = (self.scenario.duration, self.scenario.drain);
        if duration.is_zero() {
            self.report(
                &root.key("duration"),
                "the rehearsal has no length",
                "must be more than 0",
            );
        }
        let end = self.scenario.start.after(duration.std()).after(drain.std());
        if end.seconds() as u64 > END_SECONDS_MAX {
            self.report(
                &root.key("start"),
                "the rehearsal ends too late",
                "must end before 2500",
            );
        }
    }

    fn check_gates(&mut self) {
        let known = &self.vocabulary.invariants;
        if known.is_empty() {
            return;
        }
        let path = Path::root().key("gates").key("exercised");
        for name in self.scenario.gates.exercised.keys() {
            self.check_key(&path, "invariant", name, known);
        }
    }
}
