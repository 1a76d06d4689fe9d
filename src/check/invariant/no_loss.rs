//! `no-loss`: every image of a Completed run is committed exactly once, no message vanishes, and no
//! export is forgotten.
//!
//! The part about owners' commands is in [`super::command_ack`].

use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::contract;
use crate::check::invariant::InvariantName::NoLoss;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::export::ExportRecord;
use crate::check::state::fact::RunChange;
use crate::check::state::message::MessageRecord;
use crate::check::state::table::RunIndex;
use crate::check::state::{AcceptedCommit, MessageStep, RecordedCommit, RunEnd, WorldState};
use crate::model::commit::SegmentCommit;
use crate::model::observation::{QueueName, QueueStep};
use crate::model::{CommitStep, RunState};
use rehearsal_convert::Index;

/// Name and documentation of `no-loss`.
pub(crate) const NO_LOSS: InvariantDefinition = InvariantDefinition {
    name: "no-loss",
    evaluated: EvaluationTime::Quiescence,
    meaning: "Every image of a Completed run is committed exactly once, and no message vanishes.",
    method: "A segment commit must cover its images, each once; a run may complete only with its \
             last segment. The last message that asks for a piece of work may leave its queue \
             only when the work is committed or the run has ended, and when the work that its \
             commit has released was enqueued. No enqueue may be dropped as a duplicate of a \
             message that is gone while its work waits. The commit that ends a run removes its \
             enqueue intent. Exports are handled once, in the order of their numbers, and make \
             one run for each enabled schedule that subscribes to them. A command that is \
             acknowledged must be done: a cancelled run is over, a manual run exists, and none of \
             a schedule that was deleted before the request; after a redrive no dead letter is \
             left that was one at the request. The cancellation of a run that is over is not put \
             off, nor any other command without a fault. At quiescence the queues are empty.",
    exercised_by: "commits, messages and owners' commands",
};

/// Checks `no-loss`.
#[derive(Debug, Default)]
pub(crate) struct NoLossCheck;

impl Invariant for NoLossCheck {
    fn names(&self) -> &[InvariantName] {
        &[NoLoss]
    }

    fn commit_accepted(&mut self, context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
        match &accepted.commit.step {
            CommitStep::Segment(segment) => {
                check_completion(context, accepted);
                check_coverage(context, accepted, segment);
            }
            CommitStep::Export => {
                check_export_order(context, accepted);
                check_exports(context, accepted);
            }
            _ => {}
        }
    }

    fn commit_recorded(&mut self, context: &mut CheckContext<'_>, recorded: &RecordedCommit<'_>) {
        for change in &recorded.accepted.changes {
            if contract::is_terminal(change.after.state) {
                check_intent(context, recorded.accepted, change);
            }
        }
    }

    fn message(&mut self, context: &mut CheckContext<'_>, step: &MessageStep) {
        match step.step {
            QueueStep::Deduplicated => check_deduplicated(context, step),
            QueueStep::Acknowledged | QueueStep::DeadLettered | QueueStep::Dropped => {
                let record = context.state.messages.records.get(&step.message);
                let Some(record) = record else { return };
                check_departure(context, record, step.step);
                if step.step == QueueStep::Acknowledged {
                    check_released(context, record);
                }
            }
            _ => {}
        }
    }

    fn finished(&mut self, context: &mut CheckContext<'_>, end: &RunEnd<'_>) {
        if end.is_quiescent {
            check_queues(context);
        }
    }
}

/// Checks that a segment commit covers exactly the segment's images, each once.
fn check_coverage(
    context: &mut CheckContext<'_>,
    accepted: &AcceptedCommit<'_>,
    segment: &SegmentCommit,
) {
    let Some(coverage) = &accepted.coverage else {
        return;
    };
    let holds = coverage.foreign.is_none() && coverage.missing.is_none();
    context.check(NoLoss, true, holds, || {
        let done = segment.reports.len() + segment.failed.len();
        let reason = match (coverage.foreign, coverage.missing) {
            (Some(image), _) => {
                format!("image {image} is not of the segment, or was covered before")
            }
            (None, Some(image)) => format!("image {image} is neither reported nor failed"),
            (None, None) => String::new(),
        };
        ViolationDetail::of(format_args!("the coverage of segment {}", segment.key))
            .is(format_args!("{done} images"))
            .expected(format_args!("each of {} images once", coverage.total))
            .because(reason)
    });
}

/// Checks that a run that completes has all its segments.
fn check_completion(context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
    for change in &accepted.changes {
        let completes = change.after.state == RunState::Completed;
        let was_open = change.before.is_some_and(contract::is_open);
        let work = context.state.runs[change.run].work.as_ref();
        let Some(work) = work.filter(|_| completes && was_open) else {
            continue;
        };
        let total = (work.segments.len() as u64).index_u32();
        let committed = work.committed + 1;
        context.check(NoLoss, true, committed == total, || {
            ViolationDetail::of(format_args!("run {}", change.after.id))
                .is(format_args!(
                    "Completed with {committed} segments committed"
                ))
                .expected("Running")
                .because(format_args!("it has {total} segments"))
        });
    }
}

/// Checks that the commit that ends a run removes its enqueue intent.
fn check_intent(
    context: &mut CheckContext<'_>,
    accepted: &AcceptedCommit<'_>,
    change: &RunChange<'_>,
) {
    let since = context.state.runs.intents.get(&change.run);
    context.check(NoLoss, true, since.is_none(), || {
        ViolationDetail::of(format_args!(
            "the enqueue intent of run {}",
            change.after.id
        ))
        .is(format_args!(
            "left, since {}",
            since.copied().unwrap_or_default()
        ))
        .expected("removed")
        .because(format_args!(
            "the {} commit of {} ends the run",
            accepted.commit.step.name(),
            accepted.commit.token.incarnation
        ))
    });
}

/// Checks that a commit handles the exports after those that are handled.
fn check_export_order(context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
    let handled = context.state.exports.handled;
    let Some((after, until)) = accepted.commit.exports else {
        return;
    };
    context.check(NoLoss, true, after == handled, || {
        ViolationDetail::of(format_args!(
            "the commit of {} on exports up to {until}",
            accepted.commit.token.incarnation
        ))
        .is(format_args!("applied after export {after}"))
        .expected(format_args!("after export {handled}"))
        .because("each export is handled once, in the order of the numbers")
    });
}

/// Checks that a commit that handles exports makes one run of each for each schedule that
/// subscribes to it. A schedule that has changed since may have been read before or after that.
fn check_exports(context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
    let state = context.state;
    let Some((after, until)) = accepted.commit.exports else {
        return;
    };
    let exports = state.exports.between(after, until);
    for (index, schedule) in state.schedules.table.iter() {
        let Some(definition) = &schedule.definition else {
            continue;
        };
        let wants = |export: &&ExportRecord| {
            let tenant = export.tenant.as_ref();
            schedule.is_enabled()
                && definition.triggers.contains(&export.trigger)
                && tenant.is_none_or(|tenant| *tenant == definition.tenant)
        };
        let due = exports.iter().filter(wants).count();
        let runs = accepted.changes.iter();
        let runs = runs.map(|change| &change.after.schedule);
        let made = runs.filter(|id| **id == definition.id).count();
        let read_since = exports.iter().map(|export| export.published_at).max();
        let has_settled = read_since.is_none_or(|since| schedule.changed_at < since);
        context.check(NoLoss, due > 0, made == due || !has_settled, || {
            ViolationDetail::of(format_args!(
                "the number of runs of schedule {} for exports {} to {until}",
                state.schedule_name(index),
                after + 1
            ))
            .is(made)
            .expected(due)
            .because("the schedule subscribes to that many of them")
        });
    }
}

/// Name of the work that a message asks for.
fn work_name(state: &WorldState, run: RunIndex, segment: Option<u32>) -> String {
    match segment {
        Some(index) => format!("segment {}", state.segment_name(run, index)),
        None => format!("the dispatch of run {}", state.run_name(run)),
    }
}

/// Checks that a message that leaves its queue leaves no work behind that no message asks for.
fn check_departure(context: &mut CheckContext<'_>, message: &MessageRecord, step: QueueStep) {
    let state = context.state;
    let (run, segment) = (message.run, message.segment);
    let is_lost = is_unfinished(state, run, segment) && copies(state, run, segment) <= 1;
    context.check(NoLoss, true, !is_lost, || {
        let word = match step {
            QueueStep::DeadLettered => "dead-lettered",
            QueueStep::Dropped => "dropped",
            _ => "acknowledged",
        };
        let run_state = state.runs[run].state;
        let run_state = run_state.map_or("unknown".to_owned(), |state| state.to_string());
        ViolationDetail::of(work_name(state, run, segment))
            .is(format_args!("unfinished in a run that is {run_state}"))
            .expected("committed")
            .because(format_args!("its last message was {word}"))
    });
}

/// Checks that the last message of a dispatched run, or of a committed segment, leaves no segment
/// behind that the commit has released and no process has enqueued.
fn check_released(context: &mut CheckContext<'_>, message: &MessageRecord) {
    let state = context.state;
    let Some(work) = &state.runs[message.run].work else {
        return;
    };
    let is_known = match message.segment {
        None => true,
        Some(index) => index.to_index() < work.segments.len(),
    };
    if !is_known || copies(state, message.run, message.segment) > 1 {
        return;
    }
    let releases = work.releases.get(&message.segment);
    for (run, released) in releases.into_iter().flatten() {
        let work = state.runs[*run].work.as_ref();
        let index = released.to_index();
        let segment = work.and_then(|work| work.segments.get(index));
        let is_there = segment.is_none_or(|s| s.was_enqueued || s.committed_by.is_some());
        context.check(NoLoss, true, is_there, || {
            ViolationDetail::of(format_args!(
                "segment {}",
                state.segment_name(*run, *released)
            ))
            .is("released and not enqueued")
            .expected("enqueued")
            .because(format_args!(
                "the commit of {} released it, and its last message was acknowledged",
                work_name(state, message.run, message.segment)
            ))
        });
    }
}

/// Checks that an enqueue that the queue drops as a duplicate is not of work whose message is gone.
fn check_deduplicated(context: &mut CheckContext<'_>, step: &MessageStep) {
    let state = context.state;
    let Some(run) = step.run else { return };
    let segment = step.segment;
    let is_lost = is_unfinished(state, run, segment) && copies(state, run, segment) == 0;
    context.check(NoLoss, true, !is_lost, || {
        ViolationDetail::of(format_args!(
            "the message of {}",
            work_name(state, run, segment)
        ))
        .is("dropped as a duplicate")
        .expected("enqueued under a key of its own")
        .because("the first message of that key is gone and the work is unfinished")
    });
}

/// Whether a segment, or the dispatch of a run, waits for its work.
fn is_unfinished(state: &WorldState, run: RunIndex, segment: Option<u32>) -> bool {
    let record = &state.runs[run];
    let Some(work) = &record.work else {
        return false;
    };
    match segment {
        None => record.state == Some(RunState::Queued),
        Some(index) => {
            let segment = work.segments.get(index.to_index());
            segment.is_some_and(|segment| segment.committed_by.is_none())
        }
    }
}

/// Messages that ask for the work of a segment, or for the dispatch of a run.
fn copies(state: &WorldState, run: RunIndex, segment: Option<u32>) -> u16 {
    let Some(work) = &state.runs[run].work else {
        return 0;
    };
    match segment {
        None => work.planner_copies,
        Some(index) => {
            let segment = work.segments.get(index.to_index());
            segment.map_or(0, |segment| segment.copies)
        }
    }
}

/// Checks that nothing is left on a queue at quiescence.
fn check_queues(context: &mut CheckContext<'_>) {
    let messages = &context.state.messages;
    for queue in QueueName::ALL {
        let left = messages.pending[queue as usize];
        context.check(NoLoss, messages.ends.enqueued > 0, left == 0, || {
            ViolationDetail::of(format_args!(
                "the number of messages on the {} queue at quiescence",
                queue.as_str()
            ))
            .is(left)
            .expected(0)
            .because("each message is acknowledged, dead-lettered or dropped")
        });
    }
}
