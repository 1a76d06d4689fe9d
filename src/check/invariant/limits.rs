//! `limits`: what the worker's options call a maximum, a minimum or a time limit is one.
//!
//! The table [`LIMITS`](crate::check::limit::LIMITS) names the invariant of each option. Those
//! without an older invariant are checked here.

mod jitter;
mod lease;

use std::fmt::Display;
use std::time::Duration;

use rustc_hash::FxHashMap;

use self::jitter::JitterCheck;
use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::invariant::InvariantName::Limits;
use crate::check::invariant::results::ViolationDetail;
use crate::check::limit::{self, Bound, Limit};
use crate::check::state::fact::RunChange;
use crate::check::state::table::IncarnationIndex;
use crate::check::state::{
    AcceptedCommit, LearnedCommit, MessageStep, ObservedScanRequest, PlannerRead,
};
use crate::model::fault::FaultKind;
use crate::model::observation::{Observation, QueueName, QueueStep, ScanAnswer};
use crate::model::{CommitStep, IncarnationId, Timestamp};
use crate::worker::duration;
use rehearsal_convert::Index;

/// Name and documentation of `limits`.
pub(crate) const LIMITS_KEPT: InvariantDefinition = InvariantDefinition {
    name: "limits",
    evaluated: EvaluationTime::Always,
    meaning: "What an option of the worker calls a maximum, a minimum or a time limit is one.",
    method: "`docs/limits.md` has the limit of each option and the invariant that checks it. This \
             one checks those that no other invariant does. Minimum delays are not checked while a \
             clock is wrong. A maximum time is checked only without faults; fires get 30 s more, \
             and per schedule ten times what an answer takes, at least 50 ms; planned runs get \
             30 s more, and only while one batch holds them all. A lease that a living process \
             holds does not expire without a fault on record within three leases. Renewals \
             without a fault on record are at most two thirds of a lease behind. The delay \
             before another attempt to plan is drawn: neither zero nor the maximum. Delays before \
             attempts to plan, to scan an image and to deliver a message are as long in the mean \
             as uniform draws, but for a probability of 10⁻¹³; a message whose request failed is \
             not released without a delay.",
    exercised_by: "each check",
};

/// Time for the calls on the way, besides the poll.
const POLL_SLACK: Duration = Duration::from_secs(30);

/// Least time for the decisions on fires that are due at once, per schedule.
const FIRE_SLACK: Duration = Duration::from_millis(50);

/// Time for a decision after a version conflict, as a multiple of the time that an answer takes:
/// two commits and three reads, there and back.
const MESSAGES_PER_FIRE: u32 = 10;

/// Leases without a fault after which a lease can't have been lost by one.
const QUIET_LEASES: u32 = 3;

/// Faults by which a request to the Scanner seems to take longer.
const WAIT_FAULTS: [FaultKind; 2] = [FaultKind::ProcessPause, FaultKind::ClockSkew];

/// Checks `limits`; remembers when planners and sweepers last came round.
#[derive(Debug, Default)]
pub(crate) struct LimitsCheck {
    /// Last batch of each planner, and whether it was full.
    batches: FxHashMap<IncarnationIndex, (Timestamp, bool)>,
    /// When each planner last began to plan a run.
    begun: FxHashMap<IncarnationId, Timestamp>,
    /// Last repair by each sweeper, of segments and of intents.
    repairs: FxHashMap<(IncarnationIndex, bool), Timestamp>,
    /// Longest time so far that an answer to the decision of a fire took.
    answer_delay: Duration,
    jitter: JitterCheck,
}

impl Invariant for LimitsCheck {
    fn names(&self) -> &[InvariantName] {
        &[Limits]
    }

    fn observed(&mut self, context: &mut CheckContext<'_>, observation: &Observation<'_>) {
        match *observation {
            Observation::NotifyCalled {
                incarnation,
                events,
                ..
            } => {
                let most = context.state.options.worker.relay_batch;
                keep(context, limit::RELAY_BATCH, events, most.to_index(), || {
                    format!("the number of events of a call of Notify by {incarnation}")
                });
            }
            Observation::PlanningBegun { incarnation, .. } => {
                self.begun.insert(incarnation.clone(), context.state.now);
            }
            Observation::ScanAnswered {
                delivery,
                answer: ScanAnswer::TimedOut,
                ..
            } => check_wait(context, delivery),
            _ => {}
        }
    }

    fn planner_read(&mut self, context: &mut CheckContext<'_>, read: &PlannerRead<'_>) {
        let (state, planner) = (context.state, read.incarnation);
        let options = &state.options.worker;
        let is_full = read.waiting.len() >= options.planner_batch.to_index();
        let last = self.batches.insert(planner.index, (state.now, is_full));
        if let Some((last, false)) = last
            && !state.faults.clocks_wrong_since(last)
        {
            let waited = state.now.since(last);
            keep_time(
                context,
                limit::PLANNER_POLL,
                waited,
                options.planner_poll,
                || format!("the time between two batches of {}", planner.id),
            );
        }
    }

    fn commit_accepted(&mut self, context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
        match (&accepted.commit.step, accepted.changes.first()) {
            (CommitStep::Fire { latest, .. }, _) => self.check_fire(context, accepted, *latest),
            (CommitStep::PlanRetry, Some(change)) => self.check_backoff(context, accepted, change),
            (CommitStep::Dispatch, _) => check_sizes(context, accepted),
            (CommitStep::Requeue, _) => self.check_repair(context, accepted),
            _ => {}
        }
    }

    fn commit_learned(&mut self, context: &mut CheckContext<'_>, learned: &LearnedCommit<'_>) {
        let applied_at = learned
            .pending
            .as_ref()
            .and_then(|pending| pending.applied_at);
        if let (CommitStep::Fire { .. }, Some(at)) = (&learned.commit.step, applied_at) {
            self.answer_delay = self.answer_delay.max(context.state.now.since(at));
        }
    }

    fn scan_sent(&mut self, context: &mut CheckContext<'_>, request: &ObservedScanRequest<'_>) {
        if let Some(attempt) = &request.attempt
            && let Some(failed_at) = attempt.failed_at
        {
            self.jitter.repeated(context, attempt, failed_at);
        }
    }

    fn message(&mut self, context: &mut CheckContext<'_>, step: &MessageStep) {
        match step.step {
            QueueStep::Enqueued => check_relay(context, step),
            QueueStep::DeadLettered => check_end(context, step, true),
            QueueStep::Dropped => check_end(context, step, false),
            QueueStep::Leased { .. } => check_held(context, step),
            QueueStep::Renewed { .. } => lease::check_renewal(context, step),
            QueueStep::Expired => lease::check_expiry(context, step),
            QueueStep::Released { counted, delay } => {
                self.jitter.released(context, step, counted, delay);
            }
            _ => {}
        }
    }
}

/// Checks a time against the limit of an option.
fn keep_time(
    context: &mut CheckContext<'_>,
    limit: Limit,
    found: Duration,
    allowed: Duration,
    object: impl FnOnce() -> String,
) {
    let text = duration::Duration::from;
    keep(context, limit, text(found), text(allowed), object);
}

/// Checks a value against the limit of an option.
fn keep<T: Copy + PartialOrd + Display>(
    context: &mut CheckContext<'_>,
    limit: Limit,
    found: T,
    allowed: T,
    object: impl FnOnce() -> String,
) {
    let (words, holds) = match limit.bound {
        Bound::AtLeast => ("at least", found >= allowed),
        Bound::AtMost | Bound::Within | Bound::Switch => ("at most", found <= allowed),
    };
    context.check(Limits, true, holds, || {
        ViolationDetail::of(object())
            .is(found)
            .expected(format_args!("{words} {allowed}"))
            .because(format_args!("`{}` bounds {}", limit.option, limit.meaning))
    });
}

impl LimitsCheck {
    /// Checks the time since the last repair of the same kind by the same process.
    fn check_repair(&mut self, context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
        let state = context.state;
        let is_of_segments = !accepted.commit.release.is_empty();
        let key = (accepted.incarnation, is_of_segments);
        let Some(last) = self.repairs.insert(key, state.now) else {
            return;
        };
        if state.faults.clocks_wrong_since(last) {
            return;
        }
        let least = state.options.worker.sweep_interval;
        let waited = state.now.since(last);
        keep_time(context, limit::SWEEP_INTERVAL, waited, least, || {
            let incarnation = &accepted.commit.token.incarnation;
            format!("the time between two repairs by {incarnation}")
        });
    }

    /// Checks the delay before the next attempt to plan a run. It is counted from the read that
    /// begins an attempt.
    fn check_backoff(
        &mut self,
        context: &mut CheckContext<'_>,
        accepted: &AcceptedCommit<'_>,
        change: &RunChange<'_>,
    ) {
        let failed = change.after.planning_attempts;
        let (most, option) = jitter::longest(&context.state.options.worker, failed);
        let next = change.after.not_before.unwrap_or_default();
        let Some(begun) = self.begun.get(&accepted.commit.token.incarnation) else {
            return;
        };
        let delay = next.since(*begun);
        let object = || {
            let next = failed + 1;
            format!(
                "the delay of attempt {next} to plan run {}",
                change.after.id
            )
        };
        keep_time(context, option, delay, most, object);
        if delay.is_zero() || delay == most {
            let text = duration::Duration::from;
            context.violate(
                Limits,
                ViolationDetail::of(object())
                    .is(text(delay))
                    .expected(format_args!("between 0s and {}", text(most)))
                    .because("full jitter draws each delay"),
            );
        }
        self.jitter.check(context, delay, most);
    }

    /// Checks the delay of the decision on a fire. A process decides those of all schedules one
    /// after the other.
    fn check_fire(
        &self,
        context: &mut CheckContext<'_>,
        accepted: &AcceptedCommit<'_>,
        latest: Option<Timestamp>,
    ) {
        let state = context.state;
        let poll = state.options.worker.trigger_poll;
        let Some(fire) = latest.filter(|fire| !state.faults.trouble_since(fire.before(poll)))
        else {
            return;
        };
        let schedules = (state.schedules.live as u64).index_u32();
        let per_schedule = FIRE_SLACK.max(self.answer_delay * MESSAGES_PER_FIRE);
        let most = poll + POLL_SLACK + per_schedule * schedules;
        let late = state.now.since(fire);
        keep_time(context, limit::TRIGGER_POLL, late, most, || {
            let incarnation = &accepted.commit.token.incarnation;
            format!("the delay of the decision of {incarnation} on the fire at {fire}")
        });
    }
}

fn check_sizes(context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
    let segments = accepted.commit.segments.iter();
    let Some(largest) = segments.max_by_key(|segment| segment.digests.len()) else {
        return;
    };
    let most = context.state.options.worker.segment_size.to_index();
    keep(
        context,
        limit::SEGMENT_SIZE,
        largest.digests.len(),
        most,
        || format!("the number of images of segment {}", largest.key),
    );
}

/// Checks the wait for an answer that did not come.
fn check_wait(context: &mut CheckContext<'_>, delivery: u64) {
    let state = context.state;
    let Some(record) = state.messages.deliveries.get(&delivery) else {
        return;
    };
    if state.faults.any_since(&WAIT_FAULTS, record.asked_at) {
        return;
    }
    let most = state.options.worker.scanner_timeout;
    let waited = state.now.since(record.asked_at);
    keep_time(context, limit::SCANNER_TIMEOUT, waited, most, || {
        format!(
            "the wait of {} for the Scanner",
            state.incarnation_name(record.incarnation)
        )
    });
}

/// Checks the time from a plan to its first message on the queue.
fn check_relay(context: &mut CheckContext<'_>, step: &MessageStep) {
    let (state, options) = (context.state, &context.state.options.worker);
    let intents = &state.runs.intents;
    let is_planner = step.queue == QueueName::Planner;
    let Some(run) = step.run.filter(|_| is_planner) else {
        return;
    };
    let work = state.runs[run].work.as_ref();
    let is_first = work.is_some_and(|work| work.relayed.is_none());
    let Some(since) = intents.get(&run).filter(|_| is_first) else {
        return;
    };
    let is_one_batch = intents.len() <= options.relay_batch.to_index();
    if !is_one_batch || state.faults.trouble_since(*since) {
        return;
    }
    let waited = state.now.since(*since);
    let most = options.relay_poll + POLL_SLACK;
    keep_time(context, limit::RELAY_POLL, waited, most, || {
        format!("the time to enqueue run {}", state.run_name(run))
    });
}

/// Checks that a poison message becomes a dead letter exactly if dead letters are on.
fn check_end(context: &mut CheckContext<'_>, step: &MessageStep, is_dead_letter: bool) {
    let (state, is_enabled) = (
        context.state,
        context.state.options.worker.dead_letter_enabled,
    );
    let Some(message) = state.messages.records.get(&step.message) else {
        return;
    };
    context.check(Limits, true, is_dead_letter == is_enabled, || {
        let word = |is_kept| if is_kept { "a dead letter" } else { "dropped" };
        ViolationDetail::of(state.message_name(message))
            .is(word(is_dead_letter))
            .expected(word(is_enabled))
            .because(format_args!("`deadLetterEnabled` is {is_enabled}"))
    });
}

/// Checks the number of segments that a process holds with the one that it leases. Without faults
/// no process holds a message of which it does not know.
fn check_held(context: &mut CheckContext<'_>, step: &MessageStep) {
    let (state, options) = (context.state, &context.state.options.worker);
    let is_runner = step.queue == QueueName::Runner;
    let Some(incarnation) = step.incarnation.filter(|_| is_runner) else {
        return;
    };
    if state
        .faults
        .trouble_since(state.now.before(options.lease * QUIET_LEASES))
    {
        return;
    }
    let held = state.incarnations[incarnation].held[QueueName::Runner as usize] + 1;
    keep(
        context,
        limit::SEGMENTS_AT_ONCE,
        held,
        options.segments_at_once,
        || {
            format!(
                "the number of segments held by {}",
                state.incarnation_name(incarnation)
            )
        },
    );
}
