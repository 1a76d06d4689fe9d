//! `event-outbox`: each committed report, and each delta that passes the filter, has exactly one
//! event, and no other exists.
//!
//! Events of the outbox are in the state. Forgotten events are only logged, eight bytes each. A
//! publication of an event that is not in the outbox is a repeat by a relay that read the outbox
//! long ago, or an event that no commit wrote: the log decides at the end.

mod expected_event;
mod identity;

use std::sync::Arc;

use self::expected_event::CommittedEvents;
use self::identity::IdentityHasher;
use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::invariant::InvariantName::EventOutbox;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::{AcceptedCommit, EventStatus, Publication, RecordedCommit, RunEnd};
use crate::model::commit::SegmentCommit;
use crate::model::{CommitStep, Event, EventId, NotifyPolicy, Run, Timestamp};
use rehearsal_convert::LowBits;

/// Name and documentation of `event-outbox`.
pub(crate) const EVENT_OUTBOX: InvariantDefinition = InvariantDefinition {
    name: "event-outbox",
    evaluated: EvaluationTime::Quiescence,
    meaning: "Each committed report and each delta that passes the filter has exactly one event, \
              and no other exists.",
    method: "The events of a segment commit must be those that its reports and deltas and the \
             schedule's `notify` call for, with identity hash(kind, run, image), computed anew. \
             Tenant, time and payload must be those of the run, the report and the delta. Each \
             must be published as committed before the store forgets it; at quiescence none is \
             left, and nothing was published that no commit wrote.",
    exercised_by: "commits with events",
};

/// Checks `event-outbox`.
#[derive(Debug, Default)]
pub(crate) struct EventOutboxCheck {
    /// Lower half of each identity that was published and forgotten.
    forgotten: Vec<u64>,
    /// Publications of identities that were not in the outbox.
    suspects: Vec<(Timestamp, EventId)>,
    hasher: IdentityHasher,
}

impl Invariant for EventOutboxCheck {
    fn names(&self) -> &[InvariantName] {
        &[EventOutbox]
    }

    fn commit_accepted(&mut self, context: &mut CheckContext<'_>, accepted: &AcceptedCommit<'_>) {
        let (commit, state) = (accepted.commit, context.state);
        match (&commit.step, accepted.changes.first()) {
            (CommitStep::Segment(segment), Some(change)) => {
                let schedule = &state.schedules[state.runs[change.run].schedule];
                let run = change.after;
                // An edit between the runner's read and its commit leaves both policies possible.
                let definitions =
                    schedule.definitions_since(state.now.before(state.options.worker.run_timeout));
                let policies = definitions.map(|schedule| schedule.notify);
                self.check_events(context, run, segment, &commit.events, policies);
            }
            _ if !commit.events.is_empty() => context.violate(
                EventOutbox,
                ViolationDetail::of(format_args!(
                    "the number of events of the {} commit of {}",
                    commit.step.name(),
                    commit.token.incarnation
                ))
                .is(commit.events.len())
                .expected(0)
                .because("only segment commits write events"),
            ),
            _ => {}
        }
    }

    fn commit_recorded(&mut self, context: &mut CheckContext<'_>, recorded: &RecordedCommit<'_>) {
        for id in &recorded.rewritten {
            context.violate(
                EventOutbox,
                ViolationDetail::of(format_args!("event {id}"))
                    .is("written again")
                    .expected("written once")
                    .because("it is in the outbox"),
            );
        }
    }

    fn event_published(
        &mut self,
        context: &mut CheckContext<'_>,
        (id, publication): (EventId, Publication),
    ) {
        match publication {
            Publication::Unknown => self.suspects.push((context.state.now, id)),
            Publication::Altered => context.violate(
                EventOutbox,
                ViolationDetail::of(format_args!("event {id}"))
                    .is("published with other content")
                    .expected("published as committed")
                    .because("the outbox keeps each event as its commit wrote it"),
            ),
            Publication::First | Publication::Repeated => {}
        }
    }

    fn event_forgotten(
        &mut self,
        context: &mut CheckContext<'_>,
        (id, stage): (EventId, Option<EventStatus>),
    ) {
        let was_published = stage == Some(EventStatus::Published);
        if was_published {
            self.forgotten.push(id.0.low_u64());
        }
        context.check(EventOutbox, true, was_published, || {
            let reason = if stage.is_some() {
                "Notify never took it"
            } else {
                "no commit wrote it"
            };
            ViolationDetail::of(format_args!("event {id}"))
                .is("forgotten by the store")
                .expected("kept")
                .because(reason)
        });
    }

    fn finished(&mut self, context: &mut CheckContext<'_>, end: &RunEnd<'_>) {
        if end.is_quiescent {
            self.check_rest(context);
        }
    }
}

impl EventOutboxCheck {
    fn check_events(
        &mut self,
        context: &mut CheckContext<'_>,
        run: &Run,
        segment: &SegmentCommit,
        events: &[Arc<Event>],
        policies: impl Iterator<Item = NotifyPolicy>,
    ) {
        self.hasher.set_run(&segment.key.run);
        let mut committed = CommittedEvents {
            run,
            segment,
            events,
            now: context.state.now,
            hasher: &mut self.hasher,
        };
        let mut mismatch = None;
        for policy in policies {
            match committed.mismatch(&policy) {
                None => {
                    context.held(EventOutbox, 1, u64::from(!events.is_empty()));
                    return;
                }
                found => mismatch = mismatch.or(found),
            }
        }
        if let Some(mismatch) = mismatch {
            context.held(EventOutbox, 1, 1);
            context.violate(EventOutbox, mismatch.detail(segment));
        }
    }

    /// Checks that everything is published, and that nothing was that no commit wrote.
    fn check_rest(&mut self, context: &mut CheckContext<'_>) {
        let (state, left) = (context.state, context.state.outbox.len());
        context.check(EventOutbox, !self.forgotten.is_empty(), left == 0, || {
            ViolationDetail::of("the number of events in the outbox at quiescence")
                .is(left)
                .expected(0)
                .because("the relay publishes each event, and the store then forgets it")
        });
        if self.suspects.is_empty() {
            return;
        }
        self.forgotten.sort_unstable();
        for (at, id) in std::mem::take(&mut self.suspects) {
            let is_known =
                state.outbox.contains(id) || self.forgotten.binary_search(&id.0.low_u64()).is_ok();
            if !is_known {
                let detail = ViolationDetail::of(format_args!("event {id}"))
                    .is("published")
                    .expected("absent")
                    .because("no commit wrote it");
                context.results.violate_at(EventOutbox, at, detail);
            }
        }
    }
}
