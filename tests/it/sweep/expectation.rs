//! Expectations under a profile: shares of seeds, and those that a slice can't decide.

use rehearsal::report::Verdict;
use rehearsal::sweep::{RequiredSeeds, read_result};

use super::{file, run, shards_and_whole, sweep, text};

/// Expectations on the file's own plan: one that fails when a process crashes, and one on a backlog
/// that the file never reaches.
const OWN_PLAN: &str = r#"
[[expect]]
name = "every process can always be scraped"
query = 'min(up) == 1'
when = "always"

[[expect]]
name = "a million images wait"
query = 'sum(scheduler_runner_backlog) > 1e6'
when = "sometimes"
"#;

#[test]
fn expectation_on_own_plan_is_reported_as_share_under_profile() {
    let (result, _) = shards_and_whole("sweep-shards-own-plan", OWN_PLAN, "0..60", 0);
    let share = result.expectations["every process can always be scraped"];
    assert_eq!((share.required, share.decided), (RequiredSeeds::None, 60));
    assert!((1..60).contains(&share.held), "{share:?}");
    let missed = result.expectations["a million images wait"];
    assert_eq!((missed.held, missed.decided), (0, 60));
    assert_eq!(result.verdict(), Verdict::Pass);
}

#[test]
fn expectation_on_own_plan_is_required_without_profile() {
    let scenario = file("sweep-own-plan", OWN_PLAN);
    let out = scenario.parent().unwrap().join("out");
    let output = sweep(&scenario, &out, &["--seeds", "0..3", "--profile", "none"]);
    assert_eq!(output.status.code(), Some(11), "{}", text(&output.stdout));
    let shown = text(&output.stdout);
    assert!(
        shown.contains("held in 3 of 3 seeds   required in all"),
        "{shown}"
    );
    assert!(
        shown.contains("held in 0 of 3 seeds   required in one"),
        "{shown}"
    );
}

/// A slice of at most two hours does not reach the fault of the last hour, so the alert is skipped.
#[test]
fn expectation_on_fault_outside_of_slice_is_skipped() {
    let more = "[[fault]]\nkind = \"scanner-outage\"\nat = \"23h\"\nduration = \"30m\"\n\
                [[expect]]\nname = \"pages\"\nalert = \"SchedulerBacklogStuck\"\n\
                when = \"fires\"\nwithin = \"20m\"\nunder = \"any-profile\"\n";
    let scenario = file("sweep-skipped", more);
    let out = scenario.parent().unwrap().join("out");
    let output = sweep(
        &scenario,
        &out,
        &["--seeds", "0..4", "--set", "duration=1d"],
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let share = read_result(&out).unwrap().expectations["pages"];
    assert_eq!(
        (share.required, share.decided, share.skipped),
        (RequiredSeeds::Every, 0, 4)
    );
    let path = scenario.to_str().unwrap();
    let words = [
        "run",
        path,
        "--profile",
        "swarm",
        "--seed",
        "1",
        "--set",
        "duration=1d",
    ];
    let junit = run(&[&words[..], &["--format", "junit"]].concat());
    let junit = text(&junit.stdout);
    let reason = "the slice contains no fault of the scenario that it refers to";
    assert!(
        junit.contains(&format!("<skipped message=\"{reason}\"/>")),
        "{junit}"
    );
    assert!(
        junit.contains("<skipped message=\"not exercised: "),
        "{junit}"
    );
}
