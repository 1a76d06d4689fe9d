//! The small rehearsal without a defect.

use std::rc::Rc;

use rehearsal::check::InvariantName as N;
use rehearsal::metrics::series::Matcher;
use rehearsal::rehearsal::{EVENT_BUDGET, RunOptions, run_with};
use rehearsal::sim::fault_plan::FaultProfile;

use super::work::{DUPLICATES, SLOW_SCANNER};
use super::{first_violations, parse, play, rehearse, scenario, violated};
use crate::plant::{Healthy, Planted};

/// Invariants that the small rehearsal can't exercise: it has no fault (`blame`), and the oracle
/// does not see a rerun (`determinism`).
const NOT_EXERCISED: [N; 2] = [N::Blame, N::Determinism];

#[test]
fn invariants_without_defect_are_exercised_and_hold() {
    let finished = rehearse("", Healthy);
    assert_eq!(violated(&finished), [], "\n{}", first_violations(&finished));
    assert!(finished.quiescent);
    let findings = finished.oracle.findings.iter();
    let idle: Vec<_> = findings
        .filter(|findings| findings.exercised == 0)
        .map(|findings| findings.name)
        .collect();
    assert_eq!(idle, NOT_EXERCISED);
}

/// Scenario with released segments that no runner has leased when a limit falls.
const LOWERED_LIMIT: &str = r#"
[[fault]]
kind = "scanner-outage"
at = "29m"

[[operation]]
kind = "edit"
at = "35m"
schedule = "globex-often"
changes = { limits = { parallelism = 1 } }
"#;

#[test]
fn parallelism_after_limit_edit_allows_released_segments() {
    let finished = rehearse(LOWERED_LIMIT, Healthy);
    assert_eq!(violated(&finished), [], "\n{}", first_violations(&finished));
}

/// Scenario with enough segments of one image that some commits meet 17 conflicts in a row. The
/// failure is counted in the step that receives the last conflict.
const CONTENTION: &str = r#"
name = "contention"
duration = "13m"
seed = 18

[fleet]
tenants = ["acme"]
images = 585

[[schedule]]
id = "acme-half-hourly"

[[operation]]
at = "10m"
kind = "edit"
schedule = "acme-half-hourly"
changes = { whenCron = "* * * * *" }

[workers]
options = { segmentSize = 1, segmentsAtOnce = 30 }
"#;

#[test]
fn segment_after_17_conflicts_counts_persist_failed() {
    let finished = play(&parse(CONTENTION), Healthy);
    assert_eq!(violated(&finished), [], "\n{}", first_violations(&finished));
    let failed = finished.recording.select(
        Some("scheduler_runner_segments_total"),
        &[Matcher::Equal("status", "persist_failed")],
    );
    let failed: f64 = failed.iter().map(|id| finished.recording.total(*id)).sum();
    assert!(failed > 0.0, "nothing was so contended");
}

/// Some defects need more than the small rehearsal. That addition alone violates nothing.
#[test]
fn invariants_under_duplicates_and_slow_scanner_hold() {
    for more in [DUPLICATES, SLOW_SCANNER] {
        let finished = rehearse(more, Healthy);
        assert_eq!(violated(&finished), [], "\n{}", first_violations(&finished));
    }
}

/// Every incarnation references the defect, and so do the world and the process factory. A sweep
/// must not leak them for each seed.
#[test]
fn rehearsal_after_end_frees_memory() {
    let scenario = scenario("");
    for (profile, event_budget) in [
        (FaultProfile::None, EVENT_BUDGET),
        (FaultProfile::Heavy, EVENT_BUDGET),
        (FaultProfile::None, 10_000),
    ] {
        let options = RunOptions {
            profile,
            event_budget,
            ..RunOptions::default()
        };
        let defect = Rc::new(Healthy);
        let finished = run_with(Planted(defect.clone()), &scenario, &options, |_| {});
        assert!(finished.is_ok_and(|finished| finished.events >= 10_000));
        let holders = Rc::strong_count(&defect) - 1;
        assert_eq!(
            holders, 0,
            "{profile} profile, {event_budget} events at most"
        );
    }
}
