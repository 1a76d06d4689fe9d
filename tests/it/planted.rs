//! Defects planted in a small rehearsal of the real worker. Each must violate the invariant that it
//! names, with a message that has the object, the expected and the found value.

mod content;
mod determinism;
mod healthy;
mod instruments;
mod manners;
mod planning;
mod store;
mod toys;
mod work;

use std::rc::Rc;

use rehearsal::check::InvariantName;
use rehearsal::rehearsal::{FinishedRun, RunOptions, run_with};
use rehearsal::scenario::{Loader, Scenario};

use crate::plant::{Defect, Planted};

/// Two hours of two tenants. The last fires come shortly before the end, so that work remains for
/// the drain. The last schedule finds no report old enough, so its runs have no work.
const SMALL: &str = r#"
name = "small"
duration = "2h7s"
drain = "40m"
seed = 3

[fleet]
tenants = ["acme", "globex"]
images = 60
components = 80
componentsPerImage = { kind = "constant", value = 8 }

[[schedule]]
id = "acme-often"
tenant = "acme"
whenCron = "*/30 * * * *"
limits = { parallelism = 2 }

[[schedule]]
id = "globex-often"
tenant = "globex"
whenCron = "*/30 * * * *"
limits = { ratePerSecond = 5 }
mode = "contentRefresh"

[[schedule]]
id = "acme-seldom"
tenant = "acme"
whenCron = "0 * * * *"
onlyIf = { lastReportOlderThan = "12h" }

[deltas]
probability = 0.4

[workers]
processes = 2
options = { segmentSize = 5 }
"#;

/// Parses the small scenario with `more` appended.
fn scenario(more: &str) -> Scenario {
    parse(&format!("{SMALL}{more}"))
}

fn parse(text: &str) -> Scenario {
    let scenario = Loader::default().parse("planted.toml", text, None);
    scenario.unwrap_or_else(|problems| panic!("{problems}"))
}

/// Rehearses the small scenario with a defect.
fn rehearse(more: &str, defect: impl Defect) -> FinishedRun {
    play(&scenario(more), defect)
}

fn play(scenario: &Scenario, defect: impl Defect) -> FinishedRun {
    let cast = Planted(Rc::new(defect));
    let finished = run_with(cast, scenario, &RunOptions::default(), |_| {});
    finished.expect("the scenario can be simulated")
}

/// Expected violations of a defect.
struct Expected {
    /// Invariant that the defect violates.
    name: InvariantName,
    /// Further invariants that it necessarily violates.
    also: &'static [InvariantName],
    /// Substrings of the first violation: object, expected and found value.
    says: [&'static str; 3],
}

/// Names of all violated invariants.
fn violated(finished: &FinishedRun) -> Vec<InvariantName> {
    let findings = finished.oracle.findings.iter();
    let violated = findings.filter(|findings| findings.violated > 0);
    violated.map(|findings| findings.name).collect()
}

/// First violation of each violated invariant, for failure messages.
fn first_violations(finished: &FinishedRun) -> String {
    let findings = finished.oracle.findings.iter();
    let firsts = findings.filter_map(|findings| findings.violations.first());
    let lines: Vec<_> = firsts.map(ToString::to_string).collect();
    lines.join("\n")
}

/// Rehearses with a defect and asserts the expected violations.
fn assert_caught(more: &str, defect: impl Defect, expected: &Expected) {
    let finished = rehearse(more, defect);
    let told = first_violations(&finished);
    let mut due = expected.also.to_vec();
    due.push(expected.name);
    due.sort_unstable();
    assert_eq!(violated(&finished), due, "\n{told}");
    let findings = finished.oracle.findings_of(expected.name).unwrap();
    let first = findings.violations[0].to_string();
    for part in expected.says {
        assert!(first.contains(part), "`{part}` is not in: {first}\n{told}");
    }
}

#[test]
fn planted_defects_cover_every_invariant() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/planted");
    let files = std::fs::read_dir(directory).unwrap();
    let sources: String = files
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    for name in InvariantName::ALL {
        // The oracle does not see the second rehearsal, so the test names the invariant itself.
        let is_planted = ["name: N::", "violates `N::"]
            .iter()
            .any(|marker| sources.contains(&format!("{marker}{name:?}")));
        assert!(is_planted, "nothing breaks {name} on purpose");
    }
}
