//! `state-graph`, of the content of runs: a new run follows from its cause in every field, and
//! later commits change only what their step changes.
//!
//! The expected run is made from the schedule's definition and from the export, the command or the
//! retried run, never from the run itself.

use std::sync::Arc;

use serde_json::Value;

use super::{CheckContext, Invariant, InvariantName};
use crate::check::contract;
use crate::check::invariant::InvariantName::StateGraph;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::export::ExportRecord;
use crate::check::state::fact::RunChange;
use crate::check::state::{AcceptedCommit, WorldState};
use crate::model::commit::{EndReason, PlanOutcome};
use crate::model::{
    CommitStep, Run, RunFailure, RunId, RunState, RunStats, Schedule, Timestamp, Trigger,
};

/// Checks `state-graph` of the content of runs.
#[derive(Debug, Default)]
pub(crate) struct RunContentCheck;

impl Invariant for RunContentCheck {
    fn names(&self) -> &[InvariantName] {
        &[StateGraph]
    }

    fn commit_accepted(&mut self, context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
        for change in &accepted.changes {
            match change.before {
                None => check_creation(context, accepted, change.after),
                Some(before) => check_change(context, accepted, change, before),
            }
        }
    }
}

/// Everything that a new run follows from, besides its schedule's definition.
struct RunCause<'a> {
    /// The cause, for people.
    name: String,
    id: RunId,
    trigger: Trigger,
    product_keys: &'a [Arc<str>],
    usage_only: bool,
    /// The definition was read at that time or later.
    read_since: Timestamp,
}

impl RunCause<'_> {
    /// The run that the cause and a definition give.
    fn run(&self, schedule: &Schedule, created_at: Timestamp) -> Run {
        Run {
            id: self.id.clone(),
            tenant: schedule.tenant.clone(),
            schedule: schedule.id.clone(),
            trigger: self.trigger,
            mode: schedule.mode,
            state: RunState::Planning,
            stats: RunStats::default(),
            product_keys: self.product_keys.to_vec(),
            usage_only: self.usage_only,
            created_at,
            planned_at: None,
            started_at: None,
            completed_at: None,
            error: None,
            planning_attempts: 0,
            not_before: None,
        }
    }
}

/// Finds the cause of a new run; none if nothing asks for it.
fn cause_of<'a>(
    state: &'a WorldState,
    accepted: &AcceptedCommit<'_>,
    run: &Run,
) -> Option<RunCause<'a>> {
    let schedule = state.schedules.table.find(&run.schedule)?;
    let record = &state.schedules[schedule];
    let definition = record.definition.as_ref()?;
    match accepted.commit.step {
        CommitStep::Fire { .. } => (accepted.fired == Some(schedule)).then(|| RunCause {
            name: format!("a cron fire of schedule {}", definition.id),
            // `cron-once` compares the instant.
            id: run.id.clone(),
            trigger: Trigger::Cron,
            product_keys: &[],
            usage_only: false,
            // The commit is guarded by the version of the schedule.
            read_since: state.now,
        }),
        CommitStep::Export => {
            let (after, until) = accepted.commit.exports?;
            let id = |export: &ExportRecord| {
                contract::run_id(
                    &definition.tenant,
                    &definition.id,
                    export.trigger,
                    &export.id,
                )
            };
            let mut exports = state.exports.between(after, until).iter();
            let export = exports.find(|export| id(export) == run.id)?;
            Some(RunCause {
                name: format!("export {}", export.id),
                id: id(export),
                trigger: export.trigger,
                product_keys: &export.product_keys,
                usage_only: export.usage_only,
                read_since: export.published_at,
            })
        }
        CommitStep::Manual => {
            let id = |occurrence: &str| {
                contract::run_id(
                    &definition.tenant,
                    &definition.id,
                    Trigger::Manual,
                    occurrence,
                )
            };
            let mut requests = record.requests.iter().rev();
            let request = requests.find(|request| id(&request.occurrence) == run.id)?;
            let retried = request.retried.map(|retried| &state.runs[retried]);
            Some(RunCause {
                name: match retried {
                    Some(retried) => format!("the retry of run {}", retried.id),
                    None => "the command of its owner".to_owned(),
                },
                id: id(&request.occurrence),
                trigger: Trigger::Manual,
                product_keys: retried.map_or(&[], |retried| &retried.product_keys),
                usage_only: retried.is_some_and(|retried| retried.usage_only),
                read_since: request.asked_at,
            })
        }
        _ => None,
    }
}

/// Checks that a new run is the one that its cause and its schedule's definition give.
fn check_creation(context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>, run: &Run) {
    let state = context.state;
    let cause = cause_of(state, accepted, run);
    context.check(StateGraph, true, cause.is_some(), || {
        ViolationDetail::of(format_args!("new run {}", run.id))
            .is(format_args!(
                "created by the {} commit of {}",
                accepted.commit.step.name(),
                accepted.commit.token.incarnation
            ))
            .expected("absent")
            .because("no fire, export or command asks for it")
    });
    let schedule = state.schedules.table.find(&run.schedule);
    let (Some(cause), Some(schedule)) = (cause, schedule) else {
        return;
    };
    // An edit between the worker's read and its commit leaves both definitions possible.
    let definitions = state.schedules[schedule].definitions_since(cause.read_since);
    let mut due = definitions.map(|definition| cause.run(definition, accepted.applied.at));
    let Some(first) = due.next() else { return };
    let holds = *run == first || due.any(|due| *run == due);
    context.check(StateGraph, true, holds, || {
        let (field, found, expected) = first_difference(run, &first);
        ViolationDetail::of(format_args!("`{field}` of new run {}", run.id))
            .is(found)
            .expected(expected)
            .because(format_args!("it follows from {}", cause.name))
    });
}

/// Checks that a commit changes nothing of a run but what its step changes.
fn check_change(
    context: &mut CheckContext<'_>,
    accepted: &AcceptedCommit<'_>,
    change: &RunChange<'_>,
    before: RunState,
) {
    let due = changed(context.state, accepted, change, before);
    context.check(
        StateGraph,
        before != due.state,
        *change.after == due,
        || {
            let (field, found, expected) = first_difference(change.after, &due);
            ViolationDetail::of(format_args!("`{field}` of run {}", change.after.id))
                .is(found)
                .expected(expected)
                .because(format_args!(
                    "the {} commit of {} takes it from {before} to {}",
                    accepted.commit.step.name(),
                    accepted.commit.token.incarnation,
                    due.state
                ))
        },
    );
}

/// The run after a commit. Other states, statistics and attempts have checks of their own.
fn changed(
    state: &WorldState,
    accepted: &AcceptedCommit<'_>,
    change: &RunChange<'_>,
    before: RunState,
) -> Run {
    let (record, after) = (&state.runs[change.run], change.after);
    let enters = before != after.state;
    let at = accepted.applied.at;
    let stamp = |is_due: bool, earlier| if is_due { Some(at) } else { earlier };
    let is_retry = accepted.commit.step == CommitStep::PlanRetry;
    let retried_at = record.work.as_ref().and_then(|work| work.planning.1);
    Run {
        id: record.id.clone(),
        tenant: state.runs.tenants[record.tenant].clone(),
        schedule: state.schedules.ids[usize::from(record.schedule)].clone(),
        trigger: record.trigger,
        mode: record.mode,
        state: state_of(accepted).unwrap_or(after.state),
        stats: after.stats,
        product_keys: record.product_keys.clone(),
        usage_only: record.usage_only,
        created_at: record.created_at,
        planned_at: stamp(enters && before == RunState::Planning, record.planned_at),
        started_at: stamp(
            enters && after.state == RunState::Running,
            record.started_at,
        ),
        completed_at: stamp(
            enters && contract::is_terminal(after.state),
            record.completed_at,
        ),
        error: failure_of(accepted, after),
        planning_attempts: after.planning_attempts,
        not_before: if is_retry {
            after.not_before
        } else {
            retried_at
        },
    }
}

/// The state in which a step ends a run; none for a step with several outcomes.
const fn state_of(accepted: &AcceptedCommit<'_>) -> Option<RunState> {
    match accepted.commit.step {
        CommitStep::End(EndReason::Command | EndReason::ScheduleDeleted) => {
            Some(RunState::Cancelled)
        }
        CommitStep::End(EndReason::TimedOut | EndReason::Poisoned) => Some(RunState::Error),
        _ => None,
    }
}

/// The reason for `Error` that a step gives. Its details are free.
fn failure_of(accepted: &AcceptedCommit<'_>, after: &Run) -> Option<RunFailure> {
    let detail = match &after.error {
        Some(RunFailure::Planning(detail) | RunFailure::Poisoned(detail)) => detail.clone(),
        Some(RunFailure::TimedOut) | None => String::new(),
    };
    match accepted.commit.step {
        CommitStep::Plan {
            outcome: PlanOutcome::Failed,
            ..
        } => Some(RunFailure::Planning(detail)),
        CommitStep::End(EndReason::TimedOut) => Some(RunFailure::TimedOut),
        CommitStep::End(EndReason::Poisoned) => Some(RunFailure::Poisoned(detail)),
        _ => None,
    }
}

/// Name of the first field in which two runs differ, with both values.
fn first_difference(found: &Run, expected: &Run) -> (String, String, String) {
    let fields = |run: &Run| match serde_json::to_value(run) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (found, expected) = (fields(found), fields(expected));
    let mut names = expected.keys().chain(found.keys());
    let name = names.find(|name| found.get(*name) != expected.get(*name));
    let name = name.cloned().unwrap_or_default();
    let shown = |fields: &serde_json::Map<String, Value>| shown(fields.get(&name));
    let (found, expected) = (shown(&found), shown(&expected));
    (name, found, expected)
}

/// A field's value, for people. Of an error, its kind.
fn shown(value: Option<&Value>) -> String {
    match value {
        Some(Value::Null) | None => "none".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(fields)) if fields.contains_key("kind") => shown(fields.get("kind")),
        Some(value) => value.to_string(),
    }
}
