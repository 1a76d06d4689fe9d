//! Definitions of the contract that the model implements too: states, deltas, identifiers.
//!
//! The checks use these and not the model's functions. A mistake there would otherwise change the
//! worker and its expected values alike. A test forbids the model's functions in the checks.

use std::fmt;
use std::time::Duration;

use crate::model::{
    DeltaCounts, Finding, RunId, RunState, RunStats, ScheduleId, TenantId, Trigger,
};
use crate::worker::options::WorkerOptions;

/// Maximum number of findings that a summary of a delta names.
pub(crate) const TOP_FINDINGS: usize = 10;

/// Upper bounds of the buckets of `scheduler_planner_latency_seconds`, s: 0.1 s to 30 min.
pub(crate) const LATENCY_BOUNDS: [f64; 13] = [
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0,
];

/// Upper bounds of the buckets of `scheduler_run_duration_seconds`, s: 1 s to 24 h.
pub(crate) const DURATION_BOUNDS: [f64; 13] = [
    1.0, 5.0, 15.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 43_200.0, 86_400.0,
];

/// Returns whether a run in this state is open: planned, and not over.
pub(crate) const fn is_open(state: RunState) -> bool {
    match state {
        RunState::Queued | RunState::Running => true,
        RunState::Planning | RunState::Completed | RunState::Error | RunState::Cancelled => false,
    }
}

/// Returns whether a run in this state is over.
pub(crate) const fn is_terminal(state: RunState) -> bool {
    match state {
        RunState::Completed | RunState::Error | RunState::Cancelled => true,
        RunState::Planning | RunState::Queued | RunState::Running => false,
    }
}

/// Returns the states that a run may enter from this one.
pub(crate) const fn successors(state: RunState) -> &'static [RunState] {
    use RunState::{Cancelled, Completed, Error, Queued, Running};
    match state {
        RunState::Planning => &[Queued, Completed, Error, Cancelled],
        RunState::Queued => &[Running, Error, Cancelled],
        RunState::Running => &[Completed, Error, Cancelled],
        RunState::Completed | RunState::Error | RunState::Cancelled => &[],
    }
}

/// Returns the images of a run that await a runner.
pub(crate) const fn remaining(stats: &RunStats) -> u64 {
    let ended = stats.completed + stats.failed;
    stats.queued.saturating_sub(ended)
}

/// Returns whether a delta counts: it has a new finding or a KEV hit.
pub(crate) const fn is_meaningful(delta: &DeltaCounts) -> bool {
    delta.new_findings != 0 || delta.kev_hits != 0
}

/// Returns the sum of deltas.
pub(crate) fn sum<'a>(deltas: impl Iterator<Item = &'a DeltaCounts>) -> DeltaCounts {
    deltas.fold(DeltaCounts::default(), |sum, delta| DeltaCounts {
        new_findings: sum.new_findings + delta.new_findings,
        new_criticals: sum.new_criticals + delta.new_criticals,
        new_high: sum.new_high + delta.new_high,
        new_medium: sum.new_medium + delta.new_medium,
        new_low: sum.new_low + delta.new_low,
        kev_hits: sum.kev_hits + delta.kev_hits,
    })
}

/// Returns whether a summary names `one` before `other`: by severity, then known exploited, then
/// by name.
pub(crate) fn is_more_urgent(one: &Finding, other: &Finding) -> bool {
    let rank = |finding: &Finding| (finding.severity, finding.kev);
    let name = |finding: &Finding| (finding.vulnerability.clone(), finding.component.clone());
    rank(one) > rank(other) || rank(one) == rank(other) && name(one) < name(other)
}

/// Returns the identifier of the run for one occurrence of a trigger.
pub(crate) fn run_id(
    tenant: &TenantId,
    schedule: &ScheduleId,
    trigger: Trigger,
    occurrence: impl fmt::Display,
) -> RunId {
    let trigger = trigger.as_str();
    RunId::new(format!("run:{tenant}:{schedule}:{trigger}:{occurrence}"))
}

/// Returns the time after which work without a holder counts as lost: two leases.
pub(crate) fn stale_after(options: &WorkerOptions) -> Duration {
    options.lease * 2
}

/// Returns the time between two renewals of a lease: a third of it.
pub(crate) fn renewal_interval(options: &WorkerOptions) -> Duration {
    options.lease / 3
}
