//! Plain overload: more work than the drain's base has time for, and a fleet that works it off.

use std::time::Duration;

use rehearsal::check::scenario_loader;
use rehearsal::rehearsal::{FinishedRun, RunOptions, run};

/// One place works 40 images of 10 s in a minute of 7 fires; the drain has a base of ten minutes.
const OVERLOAD: &str = r#"
name = "overload"
duration = "7m"
drain = "10m"

[fleet]
images = 40

[[schedule]]
id = "often"
whenCron = "* * * * *"
overlap = "allow"

[scanner]
latency = "10s"

[workers]
processes = 1
options = { segmentsAtOnce = 1, segmentSize = 10 }
"#;

fn rehearse() -> FinishedRun {
    let scenario = scenario_loader(&[]).parse("overload.toml", OVERLOAD, None);
    let scenario = scenario.unwrap_or_else(|problems| panic!("{problems}"));
    run(&scenario, &RunOptions::default(), |_| {}).unwrap()
}

#[test]
fn overload_that_is_worked_off_is_no_violation() {
    let finished = rehearse();
    let took = finished.ended_at.since(finished.scenario.start);
    assert!(
        took > Duration::from_secs(40 * 60),
        "{took:?} are no overload"
    );
    assert!(finished.quiescent);
    assert!(
        !finished.oracle.is_violated(),
        "{:?}",
        finished.oracle.findings
    );
}
