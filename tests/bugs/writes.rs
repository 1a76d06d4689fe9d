//! Every write to an instrument, broken in each way: an invariant that the table names must fail.

use rehearsal::check::InvariantName;
use rehearsal::rehearsal::{RunOptions, run, run_with};
use rehearsal::scenario::{Loader, Scenario};

use crate::bench::on_all_cores;
use crate::plant::write_table::WRITES;
use crate::plant::writes::{Breakage, BreaksWrites, WriteDefect};

/// Three hours in which a worker records everything that it ever records, but for the messages that
/// are dropped without dead letters.
const EVENTFUL: &str = r#"
name = "eventful"
duration = "2h"
drain = "1h"
seed = 3

[fleet]
tenants = ["acme", "globex"]
images = 40
components = 80
componentsPerImage = { kind = "constant", value = 8 }

[[schedule]]
id = "acme-often"
tenant = "acme"
whenCron = "*/20 * * * *"
limits = { parallelism = 4, ratePerSecond = 2 }

[[schedule]]
id = "globex-often"
tenant = "globex"
whenCron = "10-59/20 * * * *"
mode = "contentRefresh"
limits = { ratePerSecond = 2 }

[scanner]
analysisOnlyLatency = "3s"
contentRefreshLatency = "300ms"

[deltas]
probability = 0.6

[workers]
processes = 2

[workers.options]
segmentSize = 5
segmentsAtOnce = 1
lease = "1m"
deadLetterEnabled = true

[[fault]]
kind = "impact-outage"
at = "20m"
duration = "1m"

[[fault]]
kind = "process-pause"
at = "40m10s"
process = "worker-1"
duration = "2m"

[[fault]]
kind = "process-crash"
at = "1h20s"
process = "worker-1"
downtime = "20s"

[[fault]]
kind = "scanner-refusal"
at = "1h"
duration = "5m"
probability = 0.3

[[fault]]
kind = "poisoned-message"
at = "1h20m5s"
queue = "runner"
count = 1

[[fault]]
kind = "notify-outage"
at = "1h19m"
duration = "5m"

[[fault]]
kind = "slow-store"
at = "1h40m"
duration = "4m"
factor = 300

[[operation]]
kind = "cancel"
at = "1h50m5s"
schedule = "globex-often"
"#;

/// Breakages that no check sees, with the reason.
const UNSEEN: [(&str, Breakage, &str); 2] = [
    (
        "backlog_confirm",
        Breakage::Doubled,
        "the second confirmation of the same time says nothing new",
    ),
    (
        "late_permit",
        Breakage::Late,
        "the oracle knows bounds of late permits, not each of them",
    ),
];

/// A write, what is wrong with it, and the invariants of which one must fail.
type BrokenWrite = (&'static str, Breakage, &'static [InvariantName]);

/// Every write, broken in each way.
fn all() -> Vec<BrokenWrite> {
    let broken = WRITES.iter().flat_map(|(method, labels, by)| {
        let labels = (0..*labels).map(Breakage::WrongLabel);
        let others = [Breakage::Skipped, Breakage::Doubled, Breakage::Late];
        let ways = others.into_iter().chain(labels);
        ways.map(|breakage| (*method, breakage, *by))
    });
    broken.collect()
}

fn eventful(dead_letters: bool) -> Scenario {
    let text = EVENTFUL.replace(
        "deadLetterEnabled = true",
        &format!("deadLetterEnabled = {dead_letters}"),
    );
    let scenario = Loader::default().parse("eventful.toml", &text, None);
    scenario.unwrap_or_else(|problems| panic!("{problems}"))
}

/// Rehearses with a broken write. Returns what is wrong with the result.
fn complaint((method, breakage, by): &BrokenWrite) -> Option<String> {
    let defect = WriteDefect::new(method, *breakage);
    let scenario = eventful(*method != "drop_message");
    let hooks = BreaksWrites(defect.clone());
    let finished = run_with(hooks, &scenario, &RunOptions::default(), |_| {}).unwrap();
    let findings = finished.oracle.findings.iter();
    let violated = findings.filter(|findings| findings.violated > 0);
    let violated: Vec<_> = violated.map(|findings| findings.name).collect();
    let labels = WRITES.iter().find(|(known, _, _)| known == method);
    let labels = labels.map(|(_, labels, _)| *labels);
    let is_unseen = |(known, way, _): &(&str, Breakage, &str)| known == method && way == breakage;
    if defect.hits() == 0 {
        Some(format!("{method} is never called"))
    } else if labels != Some(defect.labels()) {
        Some(format!("{method} has {} labels", defect.labels()))
    } else if UNSEEN.iter().any(is_unseen) {
        let is_seen = !violated.is_empty();
        is_seen.then(|| format!("{method} {breakage} violates {violated:?} after all"))
    } else if violated.iter().any(|name| by.contains(name)) {
        None
    } else {
        Some(format!(
            "{method} {breakage} violates {violated:?}, not {by:?}"
        ))
    }
}

fn assert_seen(broken: &[BrokenWrite]) {
    let complaints = on_all_cores(broken, complaint);
    let complaints: Vec<_> = complaints.into_iter().flatten().collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn eventful_scenario_without_defect_violates_nothing() {
    for dead_letters in [true, false] {
        let scenario = eventful(dead_letters);
        let finished = run(&scenario, &RunOptions::default(), |_| {}).unwrap();
        let findings = finished.oracle.findings;
        let first = findings.iter().find_map(|one| one.violations.first());
        assert!(first.is_none(), "{}", first.unwrap());
    }
}

/// Every eleventh of them: the parts of `.ci/nightly` run all.
#[test]
fn writes_of_a_sample_broken_violate_an_invariant_of_the_table() {
    let sample: Vec<_> = all().into_iter().step_by(11).collect();
    assert!(sample.len() >= 8);
    assert_seen(&sample);
}

#[test]
#[ignore = "takes minutes without optimisation: run with --profile checked -- --include-ignored"]
fn writes_broken_in_each_way_violate_an_invariant_of_the_table() {
    assert_seen(&all());
}
