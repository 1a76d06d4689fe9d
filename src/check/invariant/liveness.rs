//! `liveness`: once triggers stop and a core is healed, all work drains within the allowance.

use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::invariant::InvariantName::Liveness;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::RunEnd;

/// Name and documentation of `liveness`.
pub(crate) const LIVENESS: InvariantDefinition = InvariantDefinition {
    name: "liveness",
    evaluated: EvaluationTime::Quiescence,
    meaning: "Once triggers stop and a core is healed, all work drains within the allowance.",
    method: "At the end of the scenario a random core heals, one process of each role and the \
             services; all else stays broken. The allowance is the scenario's `drain` + 3 × the \
             sum over unfinished runs of (images × image time + segments × segment time / \
             slots), where slots = min(`parallelism`, `segmentsAtOnce`) and image time = \
             max(mean scan time / slots, 1 / `ratePerSecond`). A run that is not planned counts \
             with `maxJobs` or all images. A segment takes ten calls of store and queue. The \
             drain ends early when no run was planned, no segment was committed and no run ended \
             for `drain` + 3 × the time of the longest segment (images × slots × image time). \
             The report names the event that each unfinished run waits for.",
    exercised_by: "runs that were unfinished at that time",
};

/// Maximum number of runs that a violation names.
const NAMED_MAX: usize = 5;

/// Checks `liveness`.
#[derive(Debug, Default)]
pub(crate) struct LivenessCheck;

impl Invariant for LivenessCheck {
    fn names(&self) -> &[InvariantName] {
        &[Liveness]
    }

    fn finished(&mut self, context: &mut CheckContext<'_>, end: &RunEnd<'_>) {
        let Some(drain) = end.drain else { return };
        let now = context.state.now;
        let took = now.since(drain.healed_at);
        let holds = end.is_quiescent && took <= drain.allowance;
        context.check(Liveness, drain.unfinished > 0, holds, || {
            let named = end.stuck.iter().take(NAMED_MAX);
            let named: Vec<_> = named.map(ToString::to_string).collect();
            let reason = match (end.is_quiescent, named.is_empty()) {
                (true, _) => "the work drained too late".to_owned(),
                (false, true) => {
                    "messages, events or commit answers are left, though no run is unfinished"
                        .to_owned()
                }
                (false, false) => named.join("; "),
            };
            let idle = now.since(drain.progress_at());
            let found = match end.is_quiescent {
                true => format!("quiescent after {} s", took.as_secs()),
                false => format!(
                    "busy after {} s with {} unfinished runs, and without progress for {} s",
                    took.as_secs(),
                    end.stuck.len(),
                    idle.as_secs()
                ),
            };
            ViolationDetail::of(format_args!("the fleet, healed at {}", drain.healed_at))
                .is(found)
                .expected(format_args!(
                    "quiescent within {} s, with progress every {} s",
                    drain.allowance.as_secs(),
                    drain.patience.as_secs()
                ))
                .because(reason)
        });
    }
}
