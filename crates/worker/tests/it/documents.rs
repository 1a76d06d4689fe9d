//! Documents that a store keeps as JSON are read as they were written.

use std::fmt::Debug;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use rehearsal_worker::model::commit::{BacklogRow, Intent};
use rehearsal_worker::model::event::EventAttributes;
use rehearsal_worker::model::schedule::{Limits, NotifyPolicy, OnlyIf, OverlapPolicy, RunWindow};
use rehearsal_worker::model::{
    Applied, CommitToken, DeltaCounts, DeltaSummary, Event, EventId, EventKind, EventPayload,
    Finding, ImageDigest, ImpactSet, IncarnationId, Mode, PlannerMessage, ProcessName, Run,
    RunFailure, RunId, RunState, RunStats, Schedule, ScheduleId, ScheduleState, SegmentKey,
    Selector, Severity, TenantId, Timestamp, Trigger,
};
use rehearsal_worker::ports::Export;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Requires that a value, and the text of that, survive.
fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    value: &T,
) -> Result<(), TestCaseError> {
    let text = serde_json::to_string(value).expect("text keys");
    let read: T = serde_json::from_str(&text).map_err(|e| TestCaseError::fail(e.to_string()))?;
    prop_assert_eq!(&read, value);
    prop_assert_eq!(serde_json::to_string(&read).expect("text keys"), text);
    Ok(())
}

fn text() -> impl Strategy<Value = Arc<str>> {
    any::<String>().prop_map(Arc::from)
}

fn run_id() -> impl Strategy<Value = RunId> {
    text().prop_map(RunId::new)
}

fn schedule_id() -> impl Strategy<Value = ScheduleId> {
    text().prop_map(ScheduleId::new)
}

fn tenant() -> impl Strategy<Value = TenantId> {
    text().prop_map(TenantId::new)
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp::from_nanos)
}

fn image() -> impl Strategy<Value = ImageDigest> {
    any::<[u8; 32]>().prop_map(ImageDigest::new)
}

fn mode() -> impl Strategy<Value = Mode> {
    select(Mode::ALL.to_vec())
}

fn trigger() -> impl Strategy<Value = Trigger> {
    use Trigger::{Conselier, ContentRefresh, Cron, Excitor, Manual, Policy};
    select(vec![
        Cron,
        Manual,
        Conselier,
        Excitor,
        Policy,
        ContentRefresh,
    ])
}

fn finding() -> impl Strategy<Value = Finding> {
    let severity = select(Severity::ALL.to_vec());
    (text(), text(), severity, any::<bool>()).prop_map(
        |(vulnerability, component, severity, kev)| Finding {
            vulnerability,
            component,
            severity,
            kev,
        },
    )
}

fn token() -> impl Strategy<Value = CommitToken> {
    (text(), any::<(u32, u64, u64)>()).prop_map(|(process, (number, sequence, delivery))| {
        CommitToken {
            incarnation: IncarnationId::new(ProcessName::new(process), number),
            sequence,
            delivery,
        }
    })
}

fn limits() -> impl Strategy<Value = Limits> {
    let positive = || option::of(any::<NonZeroU32>());
    let rate = option::of(prop::num::f64::POSITIVE | prop::num::f64::SUBNORMAL);
    (positive(), rate, positive()).prop_map(|(max_jobs, rate_per_second, parallelism)| Limits {
        max_jobs,
        rate_per_second,
        parallelism,
    })
}

fn selector() -> impl Strategy<Value = Selector> {
    prop_oneof![
        Just(Selector::All),
        vec(text(), 0..3).prop_map(Selector::ByNamespace),
        vec(text(), 0..3).prop_map(Selector::ByRepository),
        vec(image(), 0..3).prop_map(Selector::ByDigest),
        btree_map(text(), text(), 0..3).prop_map(Selector::ByLabel),
    ]
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let age = option::of((any::<u64>(), 0..1_000_000_000_u32));
    let parts = (
        (schedule_id(), tenant(), any::<String>(), any::<bool>()),
        (
            option::of(any::<String>()),
            any::<String>(),
            mode(),
            selector(),
        ),
        (
            age,
            limits(),
            any::<[bool; 3]>(),
            select(Severity::ALL.to_vec()),
        ),
        vec(trigger(), 0..3),
        select(vec![
            OverlapPolicy::Skip,
            OverlapPolicy::Allow,
            OverlapPolicy::QueueOne,
        ]),
    );
    parts.prop_map(|(owner, work, conditions, triggers, overlap)| {
        let (id, tenant, name, is_enabled) = owner;
        let (when_cron, time_zone, mode, selector) = work;
        let (age, limits, [enabled, on_new_findings, include_kev], minimum_severity) = conditions;
        Schedule {
            id,
            tenant,
            name,
            enabled: is_enabled,
            when_cron,
            time_zone,
            mode,
            selector,
            only_if: OnlyIf {
                last_report_older_than: age.map(|(seconds, nanos)| Duration::new(seconds, nanos)),
            },
            limits,
            notify: NotifyPolicy {
                enabled,
                on_new_findings,
                minimum_severity,
                include_kev,
            },
            triggers,
            overlap,
        }
    })
}

fn state() -> impl Strategy<Value = ScheduleState> {
    let window = (run_id(), any::<[u32; 3]>()).prop_map(|(run, numbers)| {
        let [segments, released, committed] = numbers;
        RunWindow {
            run,
            segments,
            released,
            committed,
        }
    });
    let runs = vec(run_id(), 0..3);
    (time(), option::of(time()), runs, vec(window, 0..3)).prop_map(
        |(cursor, queued_fire, cron_runs, running)| ScheduleState {
            cursor,
            queued_fire,
            cron_runs,
            running,
        },
    )
}

fn run() -> impl Strategy<Value = Run> {
    use RunState::{Cancelled, Completed, Error, Planning, Queued, Running};
    let state = select(vec![Planning, Queued, Running, Completed, Error, Cancelled]);
    let failure = prop_oneof![
        any::<String>().prop_map(RunFailure::Planning),
        any::<String>().prop_map(RunFailure::Poisoned),
        Just(RunFailure::TimedOut),
    ];
    let times = || option::of(time());
    let parts = (
        (schedule(), trigger(), text(), state),
        any::<[u64; 12]>(),
        (vec(text(), 0..3), any::<bool>(), any::<u32>()),
        (time(), times(), times(), times(), times()),
        option::of(failure),
    );
    parts.prop_map(|(origin, numbers, export, times, error)| {
        let (schedule, trigger, occurrence, state) = origin;
        let [
            candidates,
            deduped,
            queued,
            completed,
            failed,
            deltas,
            rest @ ..,
        ] = numbers;
        let [
            new_findings,
            new_criticals,
            new_high,
            kev_hits,
            segments,
            segments_completed,
        ] = rest;
        let (product_keys, usage_only, planning_attempts) = export;
        let (created_at, planned_at, started_at, completed_at, not_before) = times;
        Run {
            state,
            stats: RunStats {
                candidates,
                deduped,
                queued,
                completed,
                failed,
                deltas,
                new_findings,
                new_criticals,
                new_high,
                kev_hits,
                segments,
                segments_completed,
            },
            product_keys,
            usage_only,
            created_at,
            planned_at,
            started_at,
            completed_at,
            error,
            planning_attempts,
            not_before,
            ..Run::new(&schedule, trigger, occurrence)
        }
    })
}

fn impact() -> impl Strategy<Value = ImpactSet> {
    (any::<(u64, u64)>(), vec(image(), 0..4)).prop_map(|((candidates, deduped), digests)| {
        ImpactSet {
            candidates,
            deduped,
            digests: digests.into(),
        }
    })
}

fn intent() -> impl Strategy<Value = Intent> {
    let names = (run_id(), schedule_id(), tenant());
    (names, impact(), time(), any::<(bool, u32)>()).prop_map(
        |((run, schedule, tenant), impact, since, (enqueued, requeued))| Intent {
            message: PlannerMessage {
                run,
                schedule,
                tenant,
                impact,
            },
            since,
            enqueued,
            requeued,
        },
    )
}

fn payload() -> impl Strategy<Value = EventPayload> {
    let ready =
        (image(), any::<u64>()).prop_map(|(image_digest, findings)| EventPayload::ReportReady {
            image_digest,
            findings,
        });
    let delta = (
        image(),
        any::<[u64; 6]>(),
        vec(finding(), 0..3),
        any::<String>(),
        time(),
    );
    let delta = delta.prop_map(
        |(image_digest, counts, top_findings, report_url, detected_at)| {
            let [
                new_findings,
                new_criticals,
                new_high,
                new_medium,
                new_low,
                kev_hits,
            ] = counts;
            EventPayload::RescanDelta(Arc::new(DeltaSummary {
                image_digest,
                counts: DeltaCounts {
                    new_findings,
                    new_criticals,
                    new_high,
                    new_medium,
                    new_low,
                    kev_hits,
                },
                top_findings,
                report_url,
                detected_at,
            }))
        },
    );
    prop_oneof![ready, delta]
}

fn event() -> impl Strategy<Value = Event> {
    let kind = select(EventKind::ALL.to_vec());
    let names = (tenant(), run_id(), image());
    (any::<u128>(), kind, names, time(), payload()).prop_map(
        |(id, kind, (tenant, run, image), ts, payload)| Event {
            event_id: EventId(id),
            kind,
            tenant,
            ts,
            payload,
            attributes: EventAttributes { run, image },
        },
    )
}

fn applied() -> impl Strategy<Value = Applied> {
    let row =
        (schedule_id(), mode(), any::<u64>()).prop_map(|(schedule, mode, images)| BacklogRow {
            schedule,
            mode,
            images,
        });
    (time(), option::of(row), any::<[i64; 2]>()).prop_map(|(at, backlog, adopted)| Applied {
        at,
        backlog,
        adopted,
    })
}

fn export() -> impl Strategy<Value = Export> {
    let products = vec(text(), 0..3);
    let content = (option::of(tenant()), products, any::<bool>());
    (any::<u64>(), text(), trigger(), content).prop_map(
        |(sequence, id, trigger, (tenant, product_keys, usage_only))| Export {
            sequence,
            id,
            trigger,
            tenant,
            product_keys,
            usage_only,
        },
    )
}

proptest! {
    #[test]
    fn schedules_survive(schedule in schedule(), state in state()) {
        survives(&schedule)?;
        survives(&state)?;
    }

    #[test]
    fn runs_survive(run in run(), intent in intent(), impact in impact()) {
        survives(&run)?;
        survives(&intent)?;
        survives(&impact)?;
    }

    #[test]
    fn events_and_findings_survive(event in event(), findings in vec(finding(), 0..4)) {
        survives(&event)?;
        survives(&findings)?;
    }

    #[test]
    fn answers_and_exports_survive(
        applied in applied(),
        export in export(),
        token in token(),
        run in run_id(),
        index in any::<u32>(),
    ) {
        survives(&applied)?;
        survives(&export)?;
        survives(&token)?;
        survives(&SegmentKey { run, index })?;
    }
}
