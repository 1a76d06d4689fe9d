//! Planted faults, each with the properties that find it.

use rehearsal_port_contract::{PropertyFamily, PropertyVerdict, properties};

use crate::planted::PlantedFault;
use crate::properties::check_all;
use crate::simulated::SimulatedBench;

/// A fault with the properties that must fail, and no others.
type PlantedFaultEntry = (PlantedFault, &'static [&'static str]);

/// Each fault of the store with the properties that must fail, and no others.
const STORE_FAULTS: &[PlantedFaultEntry] = &[
    (
        PlantedFault::CommitWithoutVersionCheck,
        &[
            "conflict-run",
            "conflict-schedule",
            "conflict-edit",
            "conflict-creation",
            "refusal-missing",
            "repeat-declined",
            "commit-compare-and-set",
            "time-order",
        ],
    ),
    (
        PlantedFault::RepeatAppliedAgain,
        &[
            "repeat-answer",
            "repeat-purged",
            "repeat-concurrent",
            "commit-whole",
            "interrupted-connection",
            "interrupted-call",
            "interrupted-first-poll",
        ],
    ),
    (
        PlantedFault::FenceNotRaised,
        &[
            "refusal-superseded",
            "refusal-before-conflict",
            "fence-rises",
            "fence-worked-at",
            "repair-segments",
        ],
    ),
    (PlantedFault::EpochKept, &["commit-after-queue-reset"]),
    (
        PlantedFault::StampsOutOfOrder,
        &[
            "commit-whole",
            "time-order",
            "time-stamps",
            "backlog-progress",
            "baseline-older",
            "document-whole",
            "intent-requeued",
            "repair-requeued",
            "repair-intents",
        ],
    ),
    (
        PlantedFault::ExportGap,
        &["export-gapless", "export-content"],
    ),
    (
        PlantedFault::PermitsInOneSlot,
        &["permit-spacing", "permit-lead", "permit-trail"],
    ),
    (
        PlantedFault::BacklogBeforeCommit,
        &[
            "repeat-answer",
            "repeat-concurrent",
            "commit-backlog",
            "interrupted-connection",
            "interrupted-call",
            "interrupted-first-poll",
        ],
    ),
    (PlantedFault::TenantIgnored, &["baseline-tenant"]),
    (
        PlantedFault::StopIgnored,
        &[
            "conflict-adoption",
            "heartbeat-stopping",
            "heartbeat-adopted-once",
        ],
    ),
    (
        PlantedFault::IntentNotMarked,
        &["intent-enqueued", "intent-requeued"],
    ),
    (PlantedFault::BaselineNotChecked, &["conflict-baseline"]),
    (PlantedFault::CursorNotChecked, &["conflict-exports"]),
    (
        PlantedFault::BacklogOfDeletedSchedule,
        &["commit-backlog-deleted"],
    ),
    (
        PlantedFault::CompletedSegmentConflicts,
        &["refusal-committed"],
    ),
    (PlantedFault::TerminalRunSupersedes, &["refusal-terminal"]),
    (PlantedFault::SchedulesReversed, &["list-schedules"]),
    (PlantedFault::EntriesRebuilt, &["list-unchanged"]),
    (
        PlantedFault::EmptyRowsLeftOut,
        &["commit-backlog", "backlog-rows", "backlog-unchanged"],
    ),
    (PlantedFault::RowsRebuilt, &["backlog-unchanged"]),
    (PlantedFault::NotBeforeIgnored, &["planning-not-before"]),
    (PlantedFault::PerTenantIgnored, &["planning-oldest"]),
    (PlantedFault::RanksLost, &["planning-served"]),
    (PlantedFault::PlannedVersionWrong, &["planning-begin"]),
    (
        PlantedFault::ReadRaisesFence,
        &[
            "conflict-baseline",
            "fence-rises",
            "fence-read",
            "document-large",
            "repair-segments",
        ],
    ),
    (PlantedFault::BaselinesSorted, &["baseline-order"]),
    (PlantedFault::SegmentTruncated, &["document-large"]),
    (PlantedFault::TrailIgnored, &["permit-trail"]),
    (PlantedFault::PermitsShared, &["permit-schedules"]),
    (PlantedFault::IntentsReversed, &["intent-oldest"]),
    (
        PlantedFault::EventsReversed,
        &["outbox-oldest", "outbox-forget"],
    ),
    (PlantedFault::EventsKept, &["outbox-forget"]),
    (PlantedFault::SilenceHalved, &["heartbeat-abandoned"]),
    (
        PlantedFault::IncarnationReused,
        &[
            "incarnation-unique",
            "incarnation-restart",
            "incarnation-commits",
        ],
    ),
    (
        PlantedFault::IncarnationsStartOver,
        &["incarnation-restart"],
    ),
    (PlantedFault::SurrenderedLost, &["heartbeat-surrendered"]),
    (PlantedFault::OverdueLeftOut, &["repair-overdue"]),
    (PlantedFault::OrphanedLeftOut, &["repair-orphaned"]),
    (PlantedFault::ReadsBehind, &["time-reads"]),
    (
        PlantedFault::PurgeIgnored,
        &["repeat-purged", "purge-run", "purge-kept"],
    ),
    (PlantedFault::PurgeTooEarly, &["purge-kept"]),
];

/// Each fault of the queue with the properties that must fail, and no others.
const QUEUE_FAULTS: &[PlantedFaultEntry] = &[
    (
        PlantedFault::LeaseGrantedTwice,
        &["enqueue-content", "lease-exclusive"],
    ),
    (PlantedFault::UnfencedAcknowledgement, &["answer-fenced"]),
    (
        PlantedFault::KeysLost,
        &["enqueue-once", "enqueue-concurrent"],
    ),
    (PlantedFault::ReleaseAlwaysCounted, &["release-uncounted"]),
    (PlantedFault::DelayLost, &["release-delay"]),
    (PlantedFault::DeliveriesStartOver, &["delivery-restart"]),
    (PlantedFault::EpochKept, &["delivery-reset"]),
    (
        PlantedFault::RenewalWithoutEffect,
        &[
            "lease-renewed",
            "answer-fenced",
            "answer-expired",
            "answer-done-once",
        ],
    ),
    (
        PlantedFault::DeadLetterLost,
        &[
            "delivery-grows",
            "dead-letter-redriven",
            "dead-letter-limit",
            "depth-count",
        ],
    ),
    (
        PlantedFault::AcknowledgementWithoutEffect,
        &[
            "enqueue-once",
            "answer-acknowledged",
            "answer-fenced",
            "answer-expired",
            "answer-done-once",
            "depth-count",
        ],
    ),
    (PlantedFault::DiscardedKept, &["dead-letter-discarded"]),
    (PlantedFault::LanesShared, &["delivery-distinct"]),
    (PlantedFault::AgeLost, &["depth-age"]),
    (PlantedFault::HeadersLost, &["enqueue-unreadable"]),
    (
        PlantedFault::LeaseDoubled,
        &[
            "lease-expiry",
            "lease-per-call",
            "delivery-grows",
            "wait-dropped",
            "answer-fenced",
            "answer-expired",
            "depth-age",
        ],
    ),
    (PlantedFault::LeaseFixed, &["lease-per-call"]),
    (
        PlantedFault::ReleaseNeverCounted,
        &["release-counted", "release-uncounted"],
    ),
    (
        PlantedFault::WaitIgnored,
        &[
            "lease-expiry",
            "lease-per-call",
            "lease-renewed",
            "delivery-grows",
            "wait-enqueue",
            "wait-release",
            "wait-end",
            "release-delay",
        ],
    ),
    (PlantedFault::LongWaitHolds, &["wait-dropped"]),
];

/// Each fault of Notify with the properties that must fail, and no others.
const NOTIFY_FAULTS: &[PlantedFaultEntry] = &[
    (
        PlantedFault::LastEventLost,
        &[
            "publish-complete",
            "publish-repeated",
            "publish-interrupted",
        ],
    ),
    (
        PlantedFault::FirstEventDoubled,
        &["publish-complete", "publish-repeated"],
    ),
    (PlantedFault::UnknownAsUnavailable, &["publish-interrupted"]),
];

/// Requires that each fault violates exactly the properties of its entry.
fn expect_exact(faults: &[PlantedFaultEntry], families: &[PropertyFamily]) {
    let mut differences = Vec::new();
    for (fault, expected) in faults {
        let verdicts = check_all(1, Some(*fault), families);
        let violated = verdicts.iter().filter_map(|(name, verdict)| match verdict {
            PropertyVerdict::Violated(violation) => Some((*name, violation)),
            _ => None,
        });
        let violated: Vec<_> = violated.collect();
        let names: Vec<_> = violated.iter().map(|(name, _)| *name).collect();
        if names != *expected {
            differences.push(format!("{fault:?}: {names:?}, expected {expected:?}"));
            for (name, violation) in violated {
                differences.push(format!("    {name}: {violation}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_fault_of_the_store_violates_the_properties_of_its_entry() {
    let families = [PropertyFamily::Commit, PropertyFamily::Store];
    expect_exact(STORE_FAULTS, &families);
}

#[test]
fn every_fault_of_the_queue_violates_the_properties_of_its_entry() {
    expect_exact(QUEUE_FAULTS, &[PropertyFamily::Queue]);
}

#[test]
fn every_fault_of_notify_violates_the_properties_of_its_entry() {
    expect_exact(NOTIFY_FAULTS, &[PropertyFamily::Notify]);
}

#[test]
fn every_property_is_violated_by_a_planted_fault() {
    let all = || {
        [STORE_FAULTS, QUEUE_FAULTS, NOTIFY_FAULTS]
            .into_iter()
            .flatten()
    };
    let is_found = |name| all().any(|(_, violated)| violated.contains(&name));
    let suite = properties::<SimulatedBench>();
    let names = suite.iter().map(|property| property.name);
    let never: Vec<_> = names.filter(|name| !is_found(*name)).collect();
    assert!(never.is_empty(), "no planted fault violates {never:?}");
}
