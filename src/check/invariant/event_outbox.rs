//! `event-outbox`: each committed report, and each delta that passes the filter, has exactly one
//! event, and no other exists.
//!
//! Events of the outbox are in the state. Forgotten events are only logged, eight bytes each. A
//! publication of an event that is not in the outbox is a repeat by a relay that read the outbox
//! long ago, or an event that no commit wrote: the log decides at the end.

use std::sync::Arc;

use super::{CheckContext, EvaluationTime, Invariant, InvariantDefinition, InvariantName};
use crate::check::invariant::InvariantName::EventOutbox;
use crate::check::invariant::results::ViolationDetail;
use crate::check::state::{AcceptedCommit, EventStatus, Publication, RecordedCommit, RunEnd};
use crate::model::commit::SegmentCommit;
use crate::model::{
    CommitStep, DeltaCounts, Event, EventId, EventKind, ImageDigest, NotifyPolicy, RunId, Severity,
    Timestamp,
};
use rehearsal_convert::LowBits;

/// Name and documentation of `event-outbox`.
pub(crate) const EVENT_OUTBOX: InvariantDefinition = InvariantDefinition {
    name: "event-outbox",
    evaluated: EvaluationTime::Quiescence,
    meaning: "Each committed report and each delta that passes the filter has exactly one event, \
              and no other exists.",
    method: "The events of a segment commit must be those that its reports and deltas and the \
             schedule's `notify` call for, with identity hash(kind, run, image), computed anew. \
             Each must be published before the store forgets it; at quiescence none is left, and \
             nothing was published that no commit wrote.",
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
                // An edit between the runner's read and its commit leaves both policies possible.
                let is_recent = state.now.since(schedule.changed_at) <= state.options.run_timeout;
                let previous = schedule.previous.as_ref().filter(|_| is_recent);
                let definitions = schedule.definition.iter().chain(previous);
                let policies = definitions.map(|schedule| schedule.notify);
                self.check_events(context, segment, &commit.events, policies);
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
        if publication == Publication::Unknown {
            self.suspects.push((context.state.now, id));
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
        segment: &SegmentCommit,
        events: &[Arc<Event>],
        policies: impl Iterator<Item = NotifyPolicy>,
    ) {
        self.hasher.set_run(&segment.key.run);
        let mut mismatch = None;
        for policy in policies {
            match self.mismatch(segment, events, &policy) {
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

    /// First difference between the events and those that are due.
    fn mismatch(
        &mut self,
        segment: &SegmentCommit,
        events: &[Arc<Event>],
        policy: &NotifyPolicy,
    ) -> Option<EventMismatch> {
        let reports = segment.reports.iter().filter(|_| policy.enabled);
        let reports = reports.map(|report| report.image);
        let deltas = segment.deltas.iter();
        let deltas = deltas.filter(|delta| passes(policy, &delta.counts));
        let deltas = deltas.map(|delta| delta.image_digest);
        self.mismatch_of(EventKind::ReportReady, segment, events, reports)
            .or_else(|| self.mismatch_of(EventKind::RescanDelta, segment, events, deltas))
    }

    fn mismatch_of(
        &mut self,
        kind: EventKind,
        segment: &SegmentCommit,
        events: &[Arc<Event>],
        due: impl Iterator<Item = ImageDigest>,
    ) -> Option<EventMismatch> {
        let of_kind = events.iter().filter(|event| event.kind == kind);
        let (mut in_order, mut due) = (of_kind.clone(), due);
        loop {
            let (image, event) = match (due.next(), in_order.next()) {
                (None, None) => return None,
                (Some(image), Some(event)) if event.attributes.image == image => (image, event),
                (None, Some(event)) => {
                    let (image, id) = (event.attributes.image, event.event_id);
                    return Some(EventMismatch::Surplus { kind, image, id });
                }
                // Any order will do, as long as each event is there once.
                (Some(image), _) => {
                    let mut events = of_kind.clone();
                    match events.find(|event| event.attributes.image == image) {
                        Some(event) => (image, event),
                        None => return Some(EventMismatch::Missing { kind, image }),
                    }
                }
            };
            let expected = self.hasher.id(kind, &image);
            if event.event_id != expected || event.attributes.run != segment.key.run {
                return Some(EventMismatch::Misnamed {
                    kind,
                    image,
                    expected,
                    found: event.event_id,
                });
            }
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

/// Difference between a commit's events and those that are due.
enum EventMismatch {
    /// An event is not there.
    Missing { kind: EventKind, image: ImageDigest },
    /// An event is there that should not be.
    Surplus {
        kind: EventKind,
        image: ImageDigest,
        id: EventId,
    },
    /// An event has the wrong identity.
    Misnamed {
        kind: EventKind,
        image: ImageDigest,
        expected: EventId,
        found: EventId,
    },
}

impl EventMismatch {
    fn detail(&self, segment: &SegmentCommit) -> ViolationDetail {
        let key = &segment.key;
        match self {
            Self::Missing { kind, image } => ViolationDetail::of(format_args!(
                "the {} event of image {image} in segment {key}",
                kind.as_str()
            ))
            .is("absent")
            .expected("written")
            .because("the schedule's notify policy asks for it"),
            Self::Surplus { kind, image, id } => ViolationDetail::of(format_args!(
                "the {} event {id} of image {image} in segment {key}",
                kind.as_str()
            ))
            .is("written")
            .expected("absent")
            .because("the schedule's notify policy does not ask for it, or asks for one only"),
            Self::Misnamed {
                kind,
                image,
                expected,
                found,
            } => ViolationDetail::of(format_args!(
                "the identity of the {} event of image {image} in segment {key}",
                kind.as_str()
            ))
            .is(found)
            .expected(expected)
            .because("an identity is hash(kind, run, image)"),
        }
    }
}

/// Whether a notify policy asks for the event of a delta.
fn passes(policy: &NotifyPolicy, counts: &DeltaCounts) -> bool {
    let by_severity = [
        (Severity::Low, counts.new_low),
        (Severity::Medium, counts.new_medium),
        (Severity::High, counts.new_high),
        (Severity::Critical, counts.new_criticals),
    ];
    let severe = by_severity
        .iter()
        .any(|(severity, new)| *severity >= policy.minimum_severity && *new > 0);
    policy.enabled
        && (policy.on_new_findings && severe || policy.include_kev && counts.kev_hits > 0)
}

/// Computes identities of one run's events, with its name hashed in from one buffer.
#[derive(Debug, Default)]
struct IdentityHasher {
    run: String,
    buffers: [Vec<u8>; 2],
}

impl IdentityHasher {
    fn set_run(&mut self, run: &RunId) {
        if self.run == run.as_str() {
            return;
        }
        self.run.clear();
        self.run.push_str(run.as_str());
        for kind in [EventKind::ReportReady, EventKind::RescanDelta] {
            let buffer = &mut self.buffers[kind as usize];
            buffer.clear();
            buffer.extend_from_slice(kind.as_str().as_bytes());
            buffer.push(0);
            buffer.extend_from_slice(self.run.as_bytes());
            buffer.push(0);
            buffer.extend_from_slice(&[0; 32]);
        }
    }

    fn id(&mut self, kind: EventKind, image: &ImageDigest) -> EventId {
        let buffer = &mut self.buffers[kind as usize];
        let image_begins = buffer.len() - 32;
        buffer[image_begins..].copy_from_slice(image.as_bytes());
        EventId(xxhash_rust::xxh3::xxh3_128(buffer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_hasher_gives_the_contracts_identities() {
        let mut hasher = IdentityHasher::default();
        for run in ["run:a:s:cron:1", "run:a:s:cron:2"] {
            let run = RunId::from(run);
            hasher.set_run(&run);
            for kind in [EventKind::ReportReady, EventKind::RescanDelta] {
                let image = ImageDigest::new([5; 32]);
                assert_eq!(hasher.id(kind, &image), EventId::of(kind, &run, &image));
            }
        }
    }
}
