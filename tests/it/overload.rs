//! Plain overload: more work than the drain's base has time for, and a fleet that works it off.

use std::time::Duration;

use rehearsal::check::scenario_loader;
use rehearsal::rehearsal::{FinishedRun, RunOptions, run};
use rehearsal::report::{RunReport, terminal};

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

/// One server serves 3.3 commits a second, and the segment of each image is one.
const SLOW_SERVICES: &str = r#"
[store]
servers = 1
commitTime = { kind = "exponential", mean = "300ms" }
connectionsPerProcess = 4

[queue]
leaseTime = "5ms"
"#;

fn rehearse(text: &str) -> FinishedRun {
    let scenario = scenario_loader(&[]).parse("overload.toml", text, None);
    let scenario = scenario.unwrap_or_else(|problems| panic!("{problems}"));
    run(&scenario, &RunOptions::default(), |_| {}).unwrap()
}

#[test]
fn overload_that_is_worked_off_is_no_violation() {
    let finished = rehearse(OVERLOAD);
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

#[test]
fn store_near_its_capacity_delays_the_fleet_and_is_no_violation() {
    let busy = OVERLOAD
        .replace("\"10s\"", "\"1ms\"")
        .replace("segmentsAtOnce = 1, segmentSize = 10", "segmentSize = 1");
    let plain = rehearse(&busy);
    assert_eq!(plain.stations, []);
    let text = format!("{busy}{SLOW_SERVICES}");
    let finished = rehearse(&text);
    assert!(
        !finished.oracle.is_violated(),
        "{:?}",
        finished.oracle.findings
    );
    assert_eq!(finished.trace_hash, rehearse(&text).trace_hash);
    let report = RunReport::new(&finished, String::new(), None);
    let plain = RunReport::new(&plain, String::new(), None);
    let median = |report: &RunReport| report.latency["runDuration"].p50_seconds;
    assert!(median(&report) > 10.0 * median(&plain));
    let [store, queue] = &report.stations[..] else {
        panic!("{:?}", report.stations);
    };
    assert!(store.utilisation > 0.3 && store.utilisation <= 1.0);
    assert!(store.waits.mean_seconds > 0.01 && queue.waits.mean_seconds < 0.01);
    assert!(
        store
            .row_waits
            .is_some_and(|waits| waits.mean_seconds > 0.1)
    );
    assert!(store.connection_waits.is_some() && queue.row_waits.is_none());
    let shown = format!("{:.1} % utilised", store.utilisation * 100.0);
    assert!(terminal(&report).contains(&shown));
}
