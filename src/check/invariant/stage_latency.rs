//! `stage-latency`: without a fault, nothing waits longer at a stage than the stage needs.
//!
//! ```text
//!  run      created ─> planned ─> enqueued ─> dispatched
//!  segment  enqueued ─> leased ─> scanned ─> committed ─> published
//! ```
//!
//! Polls and repair pass work on late that a stage forgot to pass on. These bounds are shorter.

mod planning;

use std::time::Duration;

use rustc_hash::FxHashMap;

use self::planning::PlanningWaits;
use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::invariant::InvariantName::StageLatency;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::{
    AcceptedCommit, MessageStep, PlannedRun, Publication, RecordedCommit, WorldState,
};
use crate::model::observation::{QueueName, QueueStep};
use crate::model::{CommitStep, EventId, Timestamp};
use crate::worker::duration;
use rehearsal_convert::Index;

/// Name and documentation of `stage-latency`.
pub(crate) const STAGE_LATENCY: InvariantDefinition = InvariantDefinition {
    name: "stage-latency",
    evaluated: EvaluationTime::Always,
    meaning: "Without a fault, work passes from stage to stage without waiting for a poll or for \
              repair.",
    method: "Six waits have a bound, if no fault is on record since they began. Call time is 15 \
             s and three times what the calls of a segment take on average. The planning of a run \
             begins within `plannerPoll` and a call time for each run that waits, if one batch \
             holds them all. A planned run is \
             enqueued within a call time for each that waits, if one batch holds them all. A \
             message that comes onto an empty planner queue is leased within a call time. A \
             segment is leased within a call time and `backoffInitial`, if one process could \
             hold all segments on the queue when it came. A segment without a conflict is \
             committed within a call time after its last answer. Its events are published within \
             a call time for each batch in the outbox and one more. If a process has no relay, a \
             planned run and an event may wait for `relayPoll` in addition.",
    exercised_by: "each wait without a fault",
};

/// Maximum time of three calls: no call is answered after 5 s.
const THREE_CALLS: Duration = Duration::from_secs(15);

/// Factor of the mean time of a segment's calls.
const SLACK: u32 = 3;

/// Checks `stage-latency`; remembers since when events wait for their publication.
#[derive(Debug, Default)]
pub(crate) struct StageLatencyCheck {
    /// Time of the commit and number of batches in the outbox, by the first of its events.
    written: FxHashMap<EventId, (Timestamp, u32)>,
    planning: PlanningWaits,
}

/// Wait at a stage.
struct StageWait<'a> {
    since: Timestamp,
    bound: Duration,
    /// Name of the wait, with the work that waited.
    object: &'a dyn Fn() -> String,
}

/// Returns the time that a few calls take, if nothing else is to be done first.
fn call_time(state: &WorldState) -> Duration {
    let segment = state.options.work_times.segment;
    THREE_CALLS.saturating_add(segment.saturating_mul(SLACK))
}

/// Returns the time in which a relay does pieces of work after the commit that left them.
fn relay_time(state: &WorldState, pieces: u32) -> Duration {
    let work = call_time(state).saturating_mul(pieces);
    work.saturating_add(state.options.relay_notice)
}

/// Checks a wait that ends now, unless a fault may have made it longer.
fn check_wait(context: &mut CheckContext<'_>, wait: &StageWait<'_>) {
    let state = context.state;
    if state.faults.trouble_since(wait.since) {
        return;
    }
    let waited = state.now.since(wait.since);
    context.check(StageLatency, true, waited <= wait.bound, || {
        let text = duration::Duration::from;
        ViolationDetail::of((wait.object)())
            .is(text(waited))
            .expected(format_args!("at most {}", text(wait.bound)))
            .because("no fault is on record since then, and nothing else was to be done first")
    });
}

impl Invariant for StageLatencyCheck {
    fn names(&self) -> &[InvariantName] {
        &[StageLatency]
    }

    fn message(&mut self, context: &mut CheckContext<'_>, step: &MessageStep) {
        match (step.step, step.queue) {
            (QueueStep::Enqueued, QueueName::Planner) => check_relay(context, step),
            (QueueStep::Leased { .. }, queue) => check_lease(context, step, queue),
            _ => {}
        }
    }

    fn commit_accepted(&mut self, context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
        let state = context.state;
        let (commit, delivery) = (accepted.commit, accepted.commit.token.delivery);
        if !matches!(commit.step, CommitStep::Segment(_)) {
            return;
        }
        let record = state.messages.deliveries.get(&delivery);
        let Some((record, since)) = record.and_then(|it| Some((it, it.answered_at?))) else {
            return;
        };
        if record.conflict_at.is_some() {
            return;
        }
        let wait = StageWait {
            since,
            bound: call_time(state),
            object: &|| {
                let incarnation = &commit.token.incarnation;
                format!("the time from the last answer to the segment commit of {incarnation}")
            },
        };
        check_wait(context, &wait);
    }

    fn run_planned(&mut self, context: &mut CheckContext<'_>, planned: &PlannedRun<'_>) {
        self.planning.check(context, planned);
    }

    fn commit_recorded(&mut self, context: &mut CheckContext<'_>, recorded: &RecordedCommit<'_>) {
        self.planning.record(context, recorded);
        if let Some(event) = recorded.accepted.commit.events.first() {
            let state = context.state;
            let batches = state.outbox.len() / state.options.worker.relay_batch.to_index();
            let batches = (batches as u64 + 1).index_u32();
            self.written.insert(event.event_id, (state.now, batches));
        }
    }

    fn event_published(
        &mut self,
        context: &mut CheckContext<'_>,
        (id, publication): (EventId, Publication),
    ) {
        let Some((since, batches)) = self.written.remove(&id) else {
            return;
        };
        let state = context.state;
        if publication != Publication::First {
            return;
        }
        let wait = StageWait {
            since,
            // The batch under way may have been read before the commit.
            bound: relay_time(state, batches + 1),
            object: &|| format!("the time from the commit of event {id} to its publication"),
        };
        check_wait(context, &wait);
    }
}

/// Checks the time from a plan to its message.
fn check_relay(context: &mut CheckContext<'_>, step: &MessageStep) {
    let state = context.state;
    let intents = &state.runs.intents;
    let Some(run) = step.run else { return };
    let work = state.runs[run].work.as_ref();
    let is_first = work.is_some_and(|work| work.relayed.is_none());
    let Some(since) = intents.get(&run).filter(|_| is_first) else {
        return;
    };
    let waiting = u32::try_from(intents.len()).unwrap_or(u32::MAX);
    if waiting > state.options.worker.relay_batch {
        return;
    }
    let wait = StageWait {
        since: *since,
        bound: relay_time(state, waiting + 1),
        object: &|| {
            format!(
                "the time from the plan of run {} to its message",
                state.run_name(run)
            )
        },
    };
    check_wait(context, &wait);
}

/// Checks the time from the arrival of a message to its first lease, if a process was free for it
/// then.
fn check_lease(context: &mut CheckContext<'_>, step: &MessageStep, queue: QueueName) {
    let (state, options) = (context.state, &context.state.options.worker);
    let Some(record) = state.messages.records.get(&step.message) else {
        return;
    };
    let Some(since) = record.ready_since.filter(|_| record.deliveries.is_empty()) else {
        return;
    };
    let (at_once, delay) = match queue {
        QueueName::Planner => (1, Duration::ZERO),
        QueueName::Runner => (options.segments_at_once, options.backoff_initial),
    };
    if record.pending_at_enqueue > u64::from(at_once) {
        return;
    }
    let wait = StageWait {
        since,
        bound: call_time(state).saturating_add(delay),
        object: &|| format!("the time on the queue of {}", state.message_name(record)),
    };
    check_wait(context, &wait);
}
