//! Images, schedules, runs, events and deltas for the fixtures.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use rehearsal_convert::LowBits;

use crate::model::event::EventAttributes;
use crate::model::observation::QueueStep;
use crate::model::{
    DeltaCounts, DeltaSummary, Event, EventId, EventKind, EventPayload, Finding, FindingChange,
    FindingState, Image, ImageDigest, Limits, Mode, Run, Schedule, Selector, Severity, Timestamp,
    Trigger,
};

/// The mode of all runs.
pub const MODE: Mode = Mode::AnalysisOnly;
/// Images in a segment.
pub const SEGMENT_SIZE: usize = 2;

/// A message is released, to be delivered again.
pub const RELEASED: QueueStep = released(false);
/// A message is released as failed.
pub const RELEASED_AS_FAILED: QueueStep = released(true);

const fn released(counted: bool) -> QueueStep {
    let delay = Duration::from_secs(1);
    QueueStep::Released { counted, delay }
}

/// The digest of image number `n`.
pub fn digest(n: u8) -> ImageDigest {
    ImageDigest::new([n; 32])
}

/// Image number `n` in a namespace.
pub fn image(n: u8, tenant: &str, namespace: &str) -> Image {
    Image {
        digest: digest(n),
        tenant: tenant.into(),
        registry: "registry.example".into(),
        repository: "app".into(),
        namespaces: vec![namespace.into()],
        tags: Vec::new(),
        labels: BTreeMap::new(),
        components: Vec::new(),
    }
}

/// Numbers of the images of a segment.
pub fn images_of(index: u32) -> std::ops::RangeInclusive<u8> {
    let first = 1 + index.low_u8() * SEGMENT_SIZE.low_u8();
    first..=first + SEGMENT_SIZE.low_u8() - 1
}

/// The schedule of the fixture: every night at 02:00.
pub fn nightly() -> Schedule {
    Schedule {
        name: "Every night".into(),
        when_cron: Some("0 2 * * *".into()),
        mode: MODE,
        selector: Selector::ByNamespace(vec!["prod".into()]),
        limits: Limits {
            parallelism: NonZeroU32::new(2),
            ..Limits::default()
        },
        ..Schedule::new("nightly".into(), "acme".into())
    }
}

/// A run that begins in Planning.
pub fn new_run(schedule: &Schedule, trigger: Trigger, occurrence: &dyn std::fmt::Display) -> Run {
    Run::new(schedule, trigger, occurrence)
}

/// The event that announces a report without findings.
pub fn report_event(run: &Run, image: ImageDigest) -> Arc<Event> {
    let payload = EventPayload::ReportReady {
        image_digest: image,
        findings: 0,
    };
    event(EventKind::ReportReady, run, image, payload)
}

/// The event that announces a meaningful delta.
pub fn delta_event(run: &Run, delta: &Arc<DeltaSummary>) -> Arc<Event> {
    let payload = EventPayload::RescanDelta(Arc::clone(delta));
    event(EventKind::RescanDelta, run, delta.image_digest, payload)
}

fn event(kind: EventKind, run: &Run, image: ImageDigest, payload: EventPayload) -> Arc<Event> {
    Arc::new(Event {
        event_id: EventId::of(kind, &run.id, &image),
        kind,
        tenant: run.tenant.clone(),
        ts: run.created_at,
        payload,
        attributes: EventAttributes {
            run: run.id.clone(),
            image,
        },
    })
}

/// Findings that are all high.
pub fn high(new: u64) -> DeltaCounts {
    DeltaCounts {
        new_findings: new,
        new_high: new,
        ..DeltaCounts::default()
    }
}

/// Changes of an image that add as many findings, the first of which are KEV hits.
pub fn additions(counts: DeltaCounts) -> Vec<FindingChange> {
    let severities = [
        (Severity::Critical, counts.new_criticals),
        (Severity::High, counts.new_high),
        (Severity::Medium, counts.new_medium),
        (Severity::Low, counts.new_low),
    ];
    let all = severities
        .into_iter()
        .flat_map(|(severity, count)| (0..count).map(move |_| severity));
    let change = |(finding, severity)| FindingChange {
        finding,
        before: None,
        after: Some(FindingState {
            severity,
            kev: finding < counts.kev_hits,
        }),
    };
    (0..).zip(all).map(change).collect()
}

/// Findings that a summary of these counts names.
fn top_findings(counts: &DeltaCounts) -> Vec<Finding> {
    let by_severity = [
        (Severity::Critical, counts.new_criticals),
        (Severity::High, counts.new_high),
        (Severity::Medium, counts.new_medium),
        (Severity::Low, counts.new_low),
    ];
    let findings = by_severity.into_iter().flat_map(|(severity, new)| {
        (0..new).map(move |number| Finding {
            vulnerability: format!("CVE-2024-{number:04}").into(),
            component: "openssl".into(),
            severity,
            kev: false,
        })
    });
    findings.take(10).collect()
}

/// A delta with these counts.
pub fn delta(n: u8, counts: DeltaCounts) -> Arc<DeltaSummary> {
    Arc::new(DeltaSummary {
        image_digest: digest(n),
        counts,
        top_findings: top_findings(&counts),
        report_url: String::new(),
        detected_at: Timestamp::ZERO,
    })
}
