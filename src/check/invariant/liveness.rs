//! `liveness`: once triggers stop and a core is healed, all work drains within the allowance.

use std::time::Duration;

use crate::check::invariant_name::InvariantName::Liveness;
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::StuckRun;
use crate::check::state::WorldState;
use crate::model::Timestamp;

/// Runs that a complaint names.
const NAMED_MAX: usize = 5;

/// What is to be drained, and until when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DrainDeadline {
    pub healed_at: Timestamp,
    pub allowance: Duration,
    /// Runs that were unfinished at that time.
    pub unfinished: usize,
}

/// Looks whether the drain succeeded.
pub(crate) fn finish(
    results: &mut CheckResults,
    state: &WorldState,
    drain: DrainDeadline,
    is_quiescent: bool,
    stuck: &[StuckRun],
) {
    let DrainDeadline {
        healed_at,
        allowance,
        unfinished,
    } = drain;
    let took = state.now.since(healed_at);
    let holds = is_quiescent && took <= allowance;
    results.check(Liveness, unfinished > 0, holds, || {
        let named: Vec<_> = stuck.iter().take(NAMED_MAX).map(ToString::to_string).collect();
        let what = match (is_quiescent, named.is_empty()) {
            (true, _) => "the rest took too long to drain".to_owned(),
            (false, true) => "it did not drain, though no run is unfinished: messages, events or answers are left".to_owned(),
            (false, false) => format!("it did not drain: {}", named.join("; ")),
        };
        let found = match is_quiescent {
            true => format!("{} s", took.as_secs()),
            false => format!("{} unfinished runs after {} s", stuck.len(), took.as_secs()),
        };
        ViolationDetail::new(format_args!("the fleet, healed at {healed_at}"), what)
            .expected(format_args!("quiescence within {} s", allowance.as_secs()), found)
    });
}
