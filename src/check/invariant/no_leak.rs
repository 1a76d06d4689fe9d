//! `no-leak`: work that is done leaves no task and no timer behind.

use std::fmt;

use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::invariant::InvariantName::NoLeak;
use crate::check::invariant::results::ViolationDetail;
use crate::model::IncarnationId;
use crate::model::observation::Observation;

/// Maximum number of timers on which a task at rest waits at once: its poll interval, or the time
/// limit and the answer of a call.
const TIMERS_PER_TASK: usize = 2;

/// Name and documentation of `no-leak`.
pub(crate) const NO_LEAK: InvariantDefinition = InvariantDefinition {
    name: "no-leak",
    evaluated: EvaluationTime::Quiescence,
    meaning: "Work that is done leaves no task and no timer behind.",
    method: "When the drained world has come to rest, each living incarnation must have the tasks \
             that it was launched with, and at most two pending timers for each of them.",
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
            let expected = format_args!("{launched}");
            let holds = tasks == launched;
            check_count(context, incarnation, ("tasks", tasks), holds, expected);
            let most = launched * TIMERS_PER_TASK;
            let expected = format_args!("at most {most}");
            let holds = timers <= most;
            check_count(
                context,
                incarnation,
                ("pending timers", timers),
                holds,
                expected,
            );
        }
    }
}

fn check_count(
    context: &mut CheckContext<'_>,
    incarnation: &IncarnationId,
    (what, found): (&str, usize),
    holds: bool,
    expected: fmt::Arguments<'_>,
) {
    context.check(NoLeak, true, holds, || {
        ViolationDetail::of(format_args!(
            "the number of {what} of {incarnation} at rest"
        ))
        .is(found)
        .expected(expected)
        .because("an incarnation whose work is done has the tasks that it was launched with")
    });
}
