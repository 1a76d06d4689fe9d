//! `no-leak`: work that is done leaves no task and no timer behind.

use std::ops::RangeInclusive;

use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::invariant::InvariantName::NoLeak;
use crate::check::invariant::results::ViolationDetail;
use crate::model::IncarnationId;
use crate::model::observation::Observation;

/// Maximum number of timers on which a task at rest waits at once: its poll interval, the time
/// limit of the call that it repeats, and the delay of the answer.
const TIMERS_PER_TASK: usize = 3;

/// Name and documentation of `no-leak`.
pub(crate) const NO_LEAK: InvariantDefinition = InvariantDefinition {
    name: "no-leak",
    evaluated: EvaluationTime::Quiescence,
    meaning: "Work that is done leaves no task and no timer behind.",
    method: "When the drained world has come to rest, each living incarnation must have the tasks \
             that it was launched with, and at most three pending timers for each of them.",
    exercised_by: "each living incarnation at the end of a drain",
};

/// Checks `no-leak`.
#[derive(Debug, Default)]
pub(crate) struct NoLeakCheck;

impl Invariant for NoLeakCheck {
    fn names(&self) -> &[InvariantName] {
        &[NoLeak]
    }

    fn observed(&mut self, context: &mut CheckContext<'_>, observation: &Observation<'_>) {
        if let Observation::ResourcesCounted {
            incarnation,
            launched,
            tasks,
            timers,
        } = *observation
        {
            compare(context, incarnation, "tasks", tasks, launched..=launched);
            compare(
                context,
                incarnation,
                "pending timers",
                timers,
                0..=launched * TIMERS_PER_TASK,
            );
        }
    }
}

fn compare(
    context: &mut CheckContext<'_>,
    incarnation: &IncarnationId,
    what: &str,
    found: usize,
    expected: RangeInclusive<usize>,
) {
    context.check(NoLeak, true, expected.contains(&found), || {
        ViolationDetail::of(format_args!(
            "the number of {what} of {incarnation} at rest"
        ))
        .is(found)
        .expected(format_args!("{} to {}", expected.start(), expected.end()))
        .because("an incarnation whose work is done has the tasks that it was launched with")
    });
}
