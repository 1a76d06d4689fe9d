//! Comparison of a commit's events with those that its reports, its deltas and the notify policy
//! call for.

use std::fmt;
use std::sync::Arc;

use super::identity::IdentityHasher;
use crate::check::invariant::results::ViolationDetail;
use crate::model::commit::{ReportWrite, SegmentCommit};
use crate::model::{
    DeltaCounts, DeltaSummary, Event, EventId, EventKind, EventPayload, ImageDigest, NotifyPolicy,
    Run, Severity, Timestamp,
};

/// Event that a commit must write.
#[derive(Clone, Copy)]
enum ExpectedEvent<'a> {
    Report(&'a ReportWrite),
    Delta(&'a DeltaSummary),
}

impl ExpectedEvent<'_> {
    const fn image(&self) -> ImageDigest {
        match self {
            Self::Report(report) => report.image,
            Self::Delta(delta) => delta.image_digest,
        }
    }

    fn is_payload(&self, payload: &EventPayload) -> bool {
        match (self, payload) {
            (
                Self::Report(report),
                EventPayload::ReportReady {
                    image_digest,
                    findings,
                },
            ) => *image_digest == report.image && *findings == report.findings.len() as u64,
            (Self::Delta(delta), EventPayload::RescanDelta(found)) => {
                std::ptr::eq(*delta, &raw const **found) || **found == **delta
            }
            _ => false,
        }
    }
}

impl fmt::Display for ExpectedEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Report(report) => write!(f, "a report of {} findings", report.findings.len()),
            Self::Delta(delta) => write!(f, "{delta:?}"),
        }
    }
}

/// Events of one segment commit.
pub(super) struct CommittedEvents<'a> {
    pub run: &'a Run,
    pub segment: &'a SegmentCommit,
    pub events: &'a [Arc<Event>],
    /// Time of the commit.
    pub now: Timestamp,
    /// Hasher for the run of the commit.
    pub hasher: &'a mut IdentityHasher,
}

impl CommittedEvents<'_> {
    /// First difference between the events and those that are due.
    pub fn mismatch(&mut self, policy: &NotifyPolicy) -> Option<EventMismatch> {
        let segment = self.segment;
        let reports = segment.reports.iter().filter(|_| policy.enabled);
        let reports = reports.map(ExpectedEvent::Report);
        let deltas = segment.deltas.iter();
        let deltas = deltas.filter(|delta| passes(policy, &delta.counts));
        let deltas = deltas.map(|delta| ExpectedEvent::Delta(delta));
        self.mismatch_of(EventKind::ReportReady, reports)
            .or_else(|| self.mismatch_of(EventKind::RescanDelta, deltas))
    }

    fn mismatch_of<'d>(
        &mut self,
        kind: EventKind,
        mut due: impl Iterator<Item = ExpectedEvent<'d>>,
    ) -> Option<EventMismatch> {
        let of_kind = self.events.iter().filter(|event| event.kind == kind);
        let mut in_order = of_kind.clone();
        loop {
            let (due, event) = match (due.next(), in_order.next()) {
                (None, None) => return None,
                (Some(due), Some(event)) if event.attributes.image == due.image() => (due, event),
                (None, Some(event)) => {
                    let (image, id) = (event.attributes.image, event.event_id);
                    return Some(EventMismatch::Surplus { kind, image, id });
                }
                // Any order will do, as long as each event is there once.
                (Some(due), _) => {
                    let image = due.image();
                    match of_kind
                        .clone()
                        .find(|event| event.attributes.image == image)
                    {
                        Some(event) => (due, event),
                        None => return Some(EventMismatch::Missing { kind, image }),
                    }
                }
            };
            if let Some(mismatch) = self.content_mismatch(due, event) {
                return Some(mismatch);
            }
        }
    }

    /// Difference of an event from the one that is due.
    fn content_mismatch(&mut self, due: ExpectedEvent<'_>, event: &Event) -> Option<EventMismatch> {
        let (kind, image) = (event.kind, due.image());
        let expected = self.hasher.id(kind, &image);
        if event.event_id != expected || event.attributes.run != self.segment.key.run {
            return Some(EventMismatch::Misnamed {
                kind,
                image,
                expected,
                found: event.event_id,
            });
        }
        let Run {
            tenant, created_at, ..
        } = self.run;
        let (field, found, expected) = if event.tenant != *tenant {
            ("tenant", event.tenant.to_string(), tenant.to_string())
        } else if !(*created_at..=self.now).contains(&event.ts) {
            let expected = format!("between {created_at} and {}", self.now);
            ("ts", event.ts.to_string(), expected)
        } else if !due.is_payload(&event.payload) {
            let expected = due.to_string();
            ("payload", format!("{:?}", event.payload), expected)
        } else {
            return None;
        };
        Some(EventMismatch::Content {
            kind,
            image,
            field,
            found,
            expected,
        })
    }
}

/// Difference between a commit's events and those that are due.
pub(super) enum EventMismatch {
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
    /// A field of an event is not that of the report or of the delta.
    Content {
        kind: EventKind,
        image: ImageDigest,
        field: &'static str,
        found: String,
        expected: String,
    },
}

impl EventMismatch {
    /// The violation of `event-outbox` by the commit of this segment.
    pub fn detail(&self, segment: &SegmentCommit) -> ViolationDetail {
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
            Self::Content {
                kind,
                image,
                field,
                found,
                expected,
            } => ViolationDetail::of(format_args!(
                "`{field}` of the {} event of image {image} in segment {key}",
                kind.as_str()
            ))
            .is(found)
            .expected(expected)
            .because("an event describes the run and the report or delta of its commit"),
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
