//! `event-outbox`: each committed report, and each delta that passes the filter, has exactly one
//! event, and no other exists.
//!
//! Events that are written and not forgotten are kept by identity; those that the store forgot are
//! only logged, eight bytes each. A publication of an unknown identity is a repeat by a relay that
//! read the outbox long ago, or an event that should not be: the log decides at the end.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::check::invariant_name::InvariantName::EventOutbox;
use crate::check::results::{CheckResults, ViolationDetail};
use crate::check::state::{AcceptedCommit, WorldState};
use crate::model::commit::SegmentCommit;
use crate::model::{
    CommitStep, DeltaCounts, Event, EventId, EventKind, ImageDigest, NotifyPolicy, RunId, Severity,
    Timestamp,
};

/// Where a written event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Written,
    Published,
}

/// What is in the outbox, and what was.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    events: FxHashMap<u128, State>,
    /// The lower half of each identity that was published and forgotten.
    forgotten: Vec<u64>,
    /// Publications of identities that were not in the outbox.
    suspects: Vec<(Timestamp, u128)>,
    hasher: IdentityHasher,
}

impl Outbox {
    /// Whether every event was published and forgotten.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Looks at the events of a commit, and notes them.
    pub fn written(
        &mut self,
        results: &mut CheckResults,
        state: &WorldState,
        taken: &AcceptedCommit<'_>,
    ) {
        let events = &taken.commit.events;
        match (&taken.commit.step, taken.changes.first()) {
            (CommitStep::Segment(segment), Some(change)) => {
                let schedule = &state.schedules[state.runs[change.run].schedule];
                // An edit between the runner's read and its commit leaves both policies possible.
                let is_recent = state.now.since(schedule.changed_at) <= state.options.run_timeout;
                let previous = schedule.previous.as_ref().filter(|_| is_recent);
                let policies = schedule
                    .definition
                    .iter()
                    .chain(previous)
                    .map(|schedule| schedule.notify);
                self.judge(results, segment, events, policies);
            }
            _ if !events.is_empty() => {
                let place = format!(
                    "{} commit of {}",
                    taken.commit.step.name(),
                    taken.commit.token.incarnation
                );
                let what = "it writes events, which only segment commits do";
                results.violate(
                    EventOutbox,
                    ViolationDetail::new(place, what).expected("no event", events.len()),
                );
            }
            _ => {}
        }
        for event in events {
            if self
                .events
                .insert(event.event_id.0, State::Written)
                .is_some()
            {
                let place = format!(
                    "image {} of run {}",
                    event.attributes.image, event.attributes.run
                );
                let what = format!("event {} was written twice", event.event_id);
                results.violate(
                    EventOutbox,
                    ViolationDetail::new(place, what).expected("one", "two"),
                );
            }
        }
    }

    fn judge(
        &mut self,
        results: &mut CheckResults,
        segment: &SegmentCommit,
        events: &[Arc<Event>],
        policies: impl Iterator<Item = NotifyPolicy>,
    ) {
        self.hasher.set_run(&segment.key.run);
        let mut miss = None;
        for policy in policies {
            match self.first_miss(segment, events, &policy) {
                None => {
                    results.held(EventOutbox, 1, u64::from(!events.is_empty()));
                    return;
                }
                found => miss = miss.or(found),
            }
        }
        if let Some(Miss {
            what,
            image,
            due,
            found,
        }) = miss
        {
            results.held(EventOutbox, 1, 1);
            let place = format!("image {image} in segment {}", segment.key);
            results.violate(
                EventOutbox,
                ViolationDetail::new(place, what).expected(due, found),
            );
        }
    }

    /// The first difference between the events and those that are due.
    fn first_miss(
        &mut self,
        segment: &SegmentCommit,
        events: &[Arc<Event>],
        policy: &NotifyPolicy,
    ) -> Option<Miss> {
        let reports = segment
            .reports
            .iter()
            .filter(|_| policy.enabled)
            .map(|report| report.image);
        let deltas = segment
            .deltas
            .iter()
            .filter(|delta| passes(policy, &delta.counts));
        let deltas = deltas.map(|delta| delta.image_digest);
        self.first_miss_of(EventKind::ReportReady, segment, events, reports)
            .or_else(|| self.first_miss_of(EventKind::RescanDelta, segment, events, deltas))
    }

    fn first_miss_of(
        &mut self,
        kind: EventKind,
        segment: &SegmentCommit,
        events: &[Arc<Event>],
        due: impl Iterator<Item = ImageDigest>,
    ) -> Option<Miss> {
        let told = events.iter().filter(|event| event.kind == kind);
        let (mut in_order, mut due) = (told.clone(), due);
        loop {
            let (image, event) = match (due.next(), in_order.next()) {
                (None, None) => return None,
                (Some(image), Some(event)) if event.attributes.image == image => (image, event),
                (None, Some(event)) => return Some(Miss::surplus(kind, event)),
                // Out of order is as good, as long as each is there once.
                (Some(image), _) => {
                    match told.clone().find(|event| event.attributes.image == image) {
                        Some(event) => (image, event),
                        None => return Some(Miss::missing(kind, image)),
                    }
                }
            };
            let id = self.hasher.id(kind, &image);
            if event.event_id != id || event.attributes.run != segment.key.run {
                return Some(Miss::misnamed(kind, image, id, event));
            }
        }
    }

    /// Notify took an event. True the first time.
    pub fn published(&mut self, now: Timestamp, id: EventId) -> bool {
        match self.events.get_mut(&id.0) {
            Some(state) => std::mem::replace(state, State::Published) == State::Written,
            None => {
                self.suspects.push((now, id.0));
                false
            }
        }
    }

    /// The store forgot an event.
    pub fn forgotten(&mut self, results: &mut CheckResults, id: EventId) {
        let state = self.events.remove(&id.0);
        if state == Some(State::Published) {
            self.forgotten.push(id.0 as u64);
        }
        results.check(EventOutbox, true, state == Some(State::Published), || {
            let found = if state.is_some() {
                "it was never published"
            } else {
                "it was never written"
            };
            ViolationDetail::new(format_args!("event {id}"), "the store forgot it")
                .expected("an event that Notify took", found)
        });
    }

    /// At quiescence: everything is published, and nothing else ever was.
    pub fn finish(&mut self, results: &mut CheckResults) {
        let waiting = self.events.len();
        results.check(
            EventOutbox,
            !self.forgotten.is_empty(),
            waiting == 0,
            || {
                ViolationDetail::new("the outbox", "events were left over").expected(
                    "each published and forgotten",
                    format_args!("{waiting} left"),
                )
            },
        );
        if self.suspects.is_empty() {
            return;
        }
        self.forgotten.sort_unstable();
        for (at, id) in std::mem::take(&mut self.suspects) {
            let is_known =
                self.events.contains_key(&id) || self.forgotten.binary_search(&(id as u64)).is_ok();
            if !is_known {
                let complaint = ViolationDetail::new(
                    format_args!("event {}", EventId(id)),
                    "it was published, but no commit wrote it",
                )
                .expected("no such event", "one");
                results.violate_at(EventOutbox, at, complaint);
            }
        }
    }
}

/// How a commit's events differ from those that are due.
struct Miss {
    what: String,
    image: ImageDigest,
    due: String,
    found: String,
}

impl Miss {
    fn missing(kind: EventKind, image: ImageDigest) -> Self {
        let what = format!("its {} event is missing", kind.as_str());
        Self {
            what,
            image,
            due: "one".to_owned(),
            found: "none".to_owned(),
        }
    }

    fn surplus(kind: EventKind, event: &Event) -> Self {
        let what = format!(
            "it has a {} event that the schedule's notify does not want, or one too many",
            kind.as_str()
        );
        Self {
            what,
            image: event.attributes.image,
            due: "none".to_owned(),
            found: event.event_id.to_string(),
        }
    }

    fn misnamed(kind: EventKind, image: ImageDigest, id: EventId, event: &Event) -> Self {
        let what = format!(
            "its {} event does not carry hash(kind, run, image)",
            kind.as_str()
        );
        Self {
            what,
            image,
            due: id.to_string(),
            found: event.event_id.to_string(),
        }
    }
}

/// Whether a schedule wants to tell of a delta.
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
    fn identities_are_those_of_the_contract() {
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
