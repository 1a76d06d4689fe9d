//! Faults planted in the simulated adapters: each is detected by the properties that name it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use rehearsal::model::SegmentMessage;
use rehearsal::worker::ports::{Lease, PermitGrant};
use rehearsal_port_contract::PropertyVerdict;

use crate::properties::check_all;

/// A defect of an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlantedFault {
    /// A commit is applied over whatever versions there are.
    CommitWithoutVersionCheck,
    /// A repeat of a token is judged as a new commit.
    RepeatAppliedAgain,
    /// A fence is not raised when a segment begins.
    FenceNotRaised,
    /// Times of commits do not follow their order.
    StampsOutOfOrder,
    /// A reader of exports skips the second one.
    ExportGap,
    /// Two callers get the same permits.
    PermitsInOneSlot,
    /// The backlog in an answer is that before the commit.
    BacklogBeforeCommit,
    /// Baselines are read without the tenant.
    TenantIgnored,
    /// The announcement of a stop is lost.
    StopIgnored,
    /// Enqueued intents are not marked.
    IntentNotMarked,
    /// Every sixteenth lease is granted to two callers.
    LeaseGrantedTwice,
    /// A late acknowledgement removes the message of the new holder.
    UnfencedAcknowledgement,
    /// Idempotency keys are lost.
    KeysLost,
    /// An uncounted release is counted.
    ReleaseAlwaysCounted,
    /// The delay of a release is lost.
    DelayLost,
    /// Deliveries start over when the queue restarts.
    DeliveriesStartOver,
    /// A renewal is answered and has no effect.
    RenewalWithoutEffect,
    /// A dead letter is lost.
    DeadLetterLost,
}

/// Memory of the planted faults, shared by all clients of a bench.
#[derive(Debug, Default)]
pub struct Memory {
    /// Number of calls so far, which makes tokens and keys unique.
    pub unique: Cell<u64>,
    pub grant: Cell<Option<PermitGrant>>,
    pub lease: RefCell<Option<Lease<SegmentMessage>>>,
    /// Newest delivery of each message, by its index.
    pub newest: RefCell<BTreeMap<u32, u64>>,
    /// Message of each delivery.
    pub messages: RefCell<BTreeMap<u64, u32>>,
    /// Highest delivery so far, and the one before the last restart.
    pub deliveries: Cell<(u64, u64)>,
}

impl Memory {
    pub fn next_unique(&self) -> u64 {
        self.unique.set(self.unique.get() + 1);
        self.unique.get()
    }

    pub fn restart(&self) {
        let (highest, _) = self.deliveries.get();
        self.deliveries.set((highest, highest));
    }
}

/// Each fault with the properties that must fail, and no others.
const FAULTS: [(PlantedFault, &[&str]); 18] = [
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
        &["permit-spacing", "permit-lead"],
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
];

#[test]
fn every_planted_fault_violates_the_properties_that_name_it() {
    let mut differences = Vec::new();
    for (fault, expected) in FAULTS {
        let verdicts = check_all(1, Some(fault));
        let violated = verdicts.iter().filter_map(|(name, verdict)| match verdict {
            PropertyVerdict::Violated(violation) => Some((*name, violation)),
            _ => None,
        });
        let violated: Vec<_> = violated.collect();
        let names: Vec<_> = violated.iter().map(|(name, _)| *name).collect();
        if names != expected {
            differences.push(format!("{fault:?}: {names:?}, expected {expected:?}"));
            for (name, violation) in violated {
                differences.push(format!("    {name}: {violation:.300}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
