//! `segment-once`: a segment is committed once, and counted once over the fleet. No work is
//! enqueued that is done or known to be enqueued.
//!
//! The counting part is in [`super::conservation`], with the other counters.

mod enqueue_sequence;

use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::time::Duration;

use rustc_hash::FxHashMap;

use self::enqueue_sequence::EnqueueSequences;
use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::invariant::InvariantName::SegmentOnce;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::message::MessageStatus;
use crate::check::state::table::{IncarnationIndex, RunIndex};
use crate::check::state::{AcceptedCommit, IncarnationExit, MessageStep, WorldState};
use crate::model::fault::FaultKind;
use crate::model::observation::{PortName, QueueStep};
use crate::model::{CommitStep, Timestamp};
use rehearsal_convert::Index;

/// Name and documentation of `segment-once`.
pub(crate) const SEGMENT_ONCE: InvariantDefinition = InvariantDefinition {
    name: "segment-once",
    evaluated: EvaluationTime::Always,
    meaning: "A segment is committed once and counted once; each failed delivery is counted once.",
    method: "The store must not accept a second commit of a segment. \
             `scheduler_runner_segments_total` is compared per incarnation, mode and status: \
             `Completed` for each acknowledged commit, `persist_failed` once per delivery that was \
             superseded or met its 17th version conflict, `RunMissing` once per delivery whose run \
             is gone. At quiescence all incarnations together must have counted each segment once, \
             but for those whose committer ended before the acknowledgement. A segment that was \
             done ten seconds ago may not be enqueued, unless a pause, or a slow call or one \
             without an answer in the minute before, came between, or the process enqueues several \
             segments one after the other and began while it was not done: those of one run, or \
             those that it has marked for repair. No incarnation enqueues a planner message twice.",
    exercised_by: "segments",
};

/// Maximum age of a segment, as read by a worker, at which the worker enqueues it or the first of a
/// sequence, but for [`DELAYS`].
const READ_AGE_MAX: Duration = Duration::from_secs(10);

/// Maximum time for which a call without an answer is tried again.
const RETRIES_MAX: Duration = Duration::from_secs(60);

/// Faults that may come between the read of a segment and its enqueue, or between an enqueue and
/// the commit that records it. Slow calls may do so too.
const DELAYS: [FaultKind; 6] = [
    FaultKind::ProcessPause,
    FaultKind::ClockSkew,
    FaultKind::StoreOutage,
    FaultKind::CommitAnswerLost,
    FaultKind::QueueOutage,
    FaultKind::Partition,
];

/// Whether something on record since then delayed a process between a read and its enqueue, or
/// between an enqueue and the commit that records it.
fn was_delayed(state: &WorldState, since: Timestamp) -> bool {
    let slow = state
        .faults
        .slow_calls_since(&[PortName::Store, PortName::Queue], since);
    slow || state.faults.any_since(&DELAYS, since)
}

/// Checks `segment-once`, but for the counters.
#[derive(Debug, Default)]
pub(crate) struct SegmentOnceCheck {
    sequences: EnqueueSequences,
    /// Segments that a process has marked for repair and not yet enqueued, with the time of that
    /// commit. It enqueues those of several runs one after the other.
    repairs: FxHashMap<(IncarnationIndex, RunIndex, u32), Timestamp>,
    /// Incarnations that have ended, with the times of their ends.
    ended: VecDeque<(Timestamp, IncarnationIndex)>,
}

impl Invariant for SegmentOnceCheck {
    fn names(&self) -> &[InvariantName] {
        &[SegmentOnce]
    }

    /// Checks that a segment commit is the first of its segment.
    fn commit_accepted(&mut self, context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
        let state = context.state;
        let step = &accepted.commit.step;
        if matches!(step, CommitStep::Requeue) {
            let repaired = accepted.commit.release.iter().filter_map(|key| {
                let run = state.runs.table.find(&key.run)?;
                Some(((accepted.incarnation, run, key.index), context.now()))
            });
            self.repairs.extend(repaired);
        }
        let (CommitStep::Segment(segment), Some(change)) = (step, accepted.changes.first()) else {
            return;
        };
        let work = state.runs[change.run].work.as_ref();
        let index = segment.key.index.to_index();
        let Some(record) = work.and_then(|work| work.segments.get(index)) else {
            return;
        };
        let first = record.committed_by;
        context.check(SegmentOnce, true, first.is_none(), || {
            let first = first.map_or_else(String::new, |first| state.incarnation_name(first));
            ViolationDetail::of(format_args!("segment {}", segment.key))
                .is(format_args!(
                    "committed again by {}",
                    accepted.commit.token.incarnation
                ))
                .expected("committed once")
                .because(format_args!("{first} has committed it"))
        });
    }

    fn message(&mut self, context: &mut CheckContext<'_>, step: &MessageStep) {
        let is_enqueue = matches!(step.step, QueueStep::Enqueued | QueueStep::Deduplicated);
        let Some(run) = step.run.filter(|_| is_enqueue) else {
            return;
        };
        match (step.segment, step.incarnation) {
            (Some(segment), incarnation) => {
                let (now, key) = (context.now(), (run, segment));
                let read_at = |by| self.read_at(context.state, by, key);
                let read_at = incarnation.map_or(now, read_at);
                check_enqueue(context, key, read_at);
            }
            (None, Some(incarnation)) if step.step == QueueStep::Deduplicated => {
                check_relay(context, run, incarnation);
            }
            _ => {}
        }
    }

    fn incarnation_ended(&mut self, context: &mut CheckContext<'_>, ended: &IncarnationExit<'_>) {
        let now = context.now();
        self.ended.push_back((now, ended.incarnation.index));
        // Enqueues that an incarnation has sent may arrive after its end.
        let is_over = |(at, _): &mut (Timestamp, _)| now.since(*at) > READ_AGE_MAX;
        while let Some((_, ended)) = self.ended.pop_front_if(is_over) {
            self.sequences.end(ended);
            self.repairs
                .retain(|(incarnation, ..), _| *incarnation != ended);
        }
    }
}

impl SegmentOnceCheck {
    /// Returns when a process has read a segment, at the latest, that it enqueues now.
    fn read_at(
        &mut self,
        state: &WorldState,
        incarnation: IncarnationIndex,
        (run, segment): (RunIndex, u32),
    ) -> Timestamp {
        let sequences = &mut self.sequences;
        let began_at = sequences.add(incarnation, (run, segment), state.now, READ_AGE_MAX);
        let Entry::Occupied(marked) = self.repairs.entry((incarnation, run, segment)) else {
            return began_at;
        };
        // A sequence that is older than the mark is not that of the repair, which follows. Neither
        // is perhaps one of a process that dispatches the run meanwhile.
        let is_dispatch = awaits_work(state, (run, segment), began_at)
            && holds_planner_message(state, incarnation, run);
        if began_at < *marked.get() || is_dispatch {
            return began_at;
        }
        marked.remove()
    }
}

/// Whether a process holds the planner message of a run, so that it may dispatch the run.
fn holds_planner_message(state: &WorldState, by: IncarnationIndex, run: RunIndex) -> bool {
    let mut messages = state.messages.records.values();
    messages.any(|message| {
        let is_held = matches!(
            message.place,
            MessageStatus::Leased { incarnation, .. } if incarnation == by
        );
        is_held && message.run == run && message.segment.is_none()
    })
}

/// Returns when a segment was committed or its run ended.
fn done_at(state: &WorldState, (run, segment): (RunIndex, u32)) -> Option<Timestamp> {
    let record = &state.runs[run];
    let work = record.work.as_ref();
    let committed = work.and_then(|work| work.segments.get(segment.to_index()));
    let committed = committed.filter(|segment| segment.committed_by.is_some());
    let committed_at = committed.map(|segment| segment.committed_at);
    record.completed_at.or(committed_at)
}

/// Whether a segment was not done when a process read it, at `read_at` or a little earlier.
fn awaits_work(state: &WorldState, key: (RunIndex, u32), read_at: Timestamp) -> bool {
    done_at(state, key).is_none_or(|at| read_at.since(at) <= READ_AGE_MAX)
}

/// Checks that a segment that a process enqueues still awaits work. The process has read the
/// segment at `read_at` at the latest, and perhaps a little earlier.
fn check_enqueue(
    context: &mut CheckContext<'_>,
    (run, segment): (RunIndex, u32),
    read_at: Timestamp,
) {
    let state = context.state;
    let done_at = done_at(state, (run, segment));
    let is_excused = |at: Timestamp| was_delayed(state, at.before(RETRIES_MAX));
    let holds = awaits_work(state, (run, segment), read_at) || done_at.is_some_and(is_excused);
    context.check(SegmentOnce, true, holds, || {
        let done_at = done_at.unwrap_or(state.now);
        ViolationDetail::of(format_args!("segment {}", state.segment_name(run, segment)))
            .is(format_args!("enqueued at {}", state.now))
            .expected(format_args!(
                "enqueued within {} s after {done_at}",
                READ_AGE_MAX.as_secs()
            ))
            .because("it awaits no work since then")
    });
}

/// Checks that a process that enqueues a planner message once more may not know that it has done
/// so.
fn check_relay(context: &mut CheckContext<'_>, run: RunIndex, incarnation: IncarnationIndex) {
    let state = context.state;
    let work = state.runs[run].work.as_ref();
    let relayed = work.and_then(|work| work.relayed);
    let own = relayed.filter(|(by, _)| *by == incarnation);
    let holds = own.is_none_or(|(_, at)| was_delayed(state, at));
    context.check(SegmentOnce, true, holds, || {
        let at = own.map_or(state.now, |(_, at)| at);
        ViolationDetail::of(format_args!(
            "the planner message of run {}",
            state.run_name(run)
        ))
        .is(format_args!(
            "enqueued again by {} at {}",
            state.incarnation_name(incarnation),
            state.now
        ))
        .expected("enqueued once")
        .because(format_args!(
            "the process enqueued it at {at} and no fault is on record since"
        ))
    });
}
