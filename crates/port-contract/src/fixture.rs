//! Schedules, images, reports and messages that the properties use.

use std::sync::Arc;

use rehearsal_worker::model::commit::ReportWrite;
use rehearsal_worker::model::event::EventAttributes;
use rehearsal_worker::model::{
    Event, EventId, EventKind, EventPayload, Finding, ImageDigest, ImpactSet, Mode, PlannerMessage,
    RunId, Schedule, SegmentMessage, Severity, TenantId, Timestamp, Trigger,
};
use rehearsal_worker::ports::Export;

use crate::Bench;

/// Number of images in each segment of [`segments`].
pub(crate) const IMAGES_PER_SEGMENT: u64 = 2;

/// Schedule of tenant `acme` that no trigger starts.
pub(crate) fn schedule(id: &str) -> Schedule {
    schedule_of("acme", id)
}

/// Schedule of a tenant that no trigger starts.
pub(crate) fn schedule_of(tenant: &str, id: &str) -> Schedule {
    Schedule::new(id.into(), tenant.into())
}

/// Creates a schedule of tenant `acme` that no trigger starts, and returns it.
pub(crate) async fn create_schedule<B: Bench>(bench: &B, id: &str) -> Schedule {
    let schedule = schedule(id);
    bench.create_schedule(schedule.clone()).await;
    schedule
}

/// Image with this number.
pub(crate) fn image(number: u64) -> ImageDigest {
    let mut bytes = [0xa5; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    ImageDigest::new(bytes)
}

/// Images of `count` segments in a row.
pub(crate) fn segments(count: u64) -> Vec<Arc<[ImageDigest]>> {
    let of_segment = |segment| {
        let first = segment * IMAGES_PER_SEGMENT;
        (first..first + IMAGES_PER_SEGMENT).map(image).collect()
    };
    (0..count).map(of_segment).collect()
}

/// Findings of a report, with texts that need escaping in most formats.
pub(crate) fn findings(count: u64) -> Arc<[Finding]> {
    let finding = |number| Finding {
        vulnerability: format!("CVE-2026-{number:05}").into(),
        component: format!("pkg:deb/debian/\"lib\\{number}'ü\n\"@1.0%2B{number}").into(),
        severity: Severity::ALL[usize::from(number % 2 == 1)],
        kev: number % 3 == 0,
    };
    (0..count).map(finding).collect()
}

/// Report of an image over a baseline of revision `expected`.
pub(crate) fn report(
    image: ImageDigest,
    expected: Option<u64>,
    revision: u64,
    findings: Arc<[Finding]>,
) -> ReportWrite {
    ReportWrite {
        image,
        expected,
        revision,
        findings,
    }
}

/// Event that a report of an image is ready.
pub(crate) fn event(tenant: &TenantId, run: &RunId, image: ImageDigest) -> Arc<Event> {
    Arc::new(Event {
        event_id: EventId::of(EventKind::ReportReady, run, &image),
        kind: EventKind::ReportReady,
        tenant: tenant.clone(),
        ts: Timestamp::from_seconds(1),
        payload: EventPayload::ReportReady {
            image_digest: image,
            findings: 1,
        },
        attributes: EventAttributes {
            run: run.clone(),
            image,
        },
    })
}

/// Export of advisories with this name.
pub(crate) fn export(id: &str) -> Export {
    Export {
        sequence: 0,
        id: id.into(),
        trigger: Trigger::Conselier,
        tenant: None,
        product_keys: vec!["pkg:deb/debian/openssl".into()],
        usage_only: false,
    }
}

/// Message to plan a run.
pub(crate) fn planner_message(run: &RunId, schedule: &Schedule) -> PlannerMessage {
    PlannerMessage {
        run: run.clone(),
        schedule: schedule.id.clone(),
        tenant: schedule.tenant.clone(),
        impact: ImpactSet::default(),
    }
}

/// Message for a segment of run `run`.
pub(crate) fn message(index: u32) -> SegmentMessage {
    SegmentMessage {
        run: "run:acme:nightly:manual:1".into(),
        schedule: "nightly".into(),
        tenant: "acme".into(),
        index,
        mode: Mode::ContentRefresh,
        digests: [image(u64::from(index)), image(u64::MAX)].into(),
    }
}
