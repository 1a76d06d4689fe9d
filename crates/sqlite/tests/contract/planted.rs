//! Faults that are planted in the file, each with properties that must find it.
//!
//! A trigger undoes a part of what the adapter writes, as an adapter without that part would.

use rehearsal_port_contract::{PropertyVerdict, properties};

use crate::bench::SqliteBench;
use crate::properties::{PropertyCheck, check_all};

/// A defect of the adapters.
#[derive(Debug)]
pub struct PlantedFault {
    pub name: &'static str,
    /// Statements for a fresh file.
    pub setup: &'static str,
    /// Statements for a restart.
    pub at_restart: &'static str,
    /// Properties that must fail.
    pub violates: &'static [&'static str],
}

const FAULTS: &[PlantedFault] = &[
    PlantedFault {
        name: "a new holder does not fence the one before",
        setup: "CREATE TRIGGER planted AFTER UPDATE OF delivery ON message WHEN OLD.delivery > 0
                BEGIN UPDATE message SET delivery = OLD.delivery WHERE id = NEW.id; END",
        at_restart: "",
        violates: &["answer-fenced"],
    },
    PlantedFault {
        name: "deliveries start over",
        setup: "",
        at_restart: "UPDATE delivery_counter SET last_number = 0",
        violates: &["delivery-restart"],
    },
    PlantedFault {
        name: "queues that are created anew have the epoch of those before",
        setup: "CREATE TRIGGER planted AFTER UPDATE OF epoch ON delivery_epoch
                BEGIN UPDATE delivery_epoch SET epoch = OLD.epoch; END",
        at_restart: "",
        violates: &["delivery-reset", "commit-after-queue-reset"],
    },
    PlantedFault {
        name: "idempotency keys are lost",
        setup: "CREATE TRIGGER planted AFTER INSERT ON recent_key
                BEGIN DELETE FROM recent_key; END",
        at_restart: "",
        violates: &["enqueue-once", "enqueue-concurrent"],
    },
    PlantedFault {
        name: "a message is released before its delay",
        setup: "CREATE TRIGGER planted AFTER UPDATE OF ready_ns ON message WHEN NOT NEW.is_leased
                BEGIN UPDATE message SET ready_ns = 0 WHERE id = NEW.id; END",
        at_restart: "",
        violates: &["release-delay"],
    },
    PlantedFault {
        name: "an uncounted release is counted",
        setup: "CREATE TRIGGER planted AFTER UPDATE OF is_leased ON message
                WHEN OLD.is_leased AND NOT NEW.is_leased
                BEGIN UPDATE message SET failed = OLD.failed + 1 WHERE id = NEW.id; END",
        at_restart: "",
        violates: &["release-uncounted"],
    },
    PlantedFault {
        name: "a dead letter has no headers",
        setup: "CREATE TRIGGER planted AFTER INSERT ON dead_letter
                BEGIN UPDATE dead_letter SET run = '', schedule = ''; END",
        at_restart: "",
        violates: &["dead-letter-redriven"],
    },
    PlantedFault {
        name: "a renewal has no effect",
        setup: "CREATE TRIGGER planted AFTER UPDATE OF ready_ns ON message
                WHEN NEW.is_leased AND NEW.delivery = OLD.delivery
                BEGIN UPDATE message SET ready_ns = OLD.ready_ns WHERE id = NEW.id; END",
        at_restart: "",
        violates: &["lease-renewed"],
    },
    PlantedFault {
        name: "every lease has one length",
        setup: "CREATE TRIGGER planted AFTER UPDATE OF delivery ON message BEGIN
                UPDATE message SET ready_ns = (SELECT last_ns FROM clock) + 500000000
                WHERE id = NEW.id; END",
        at_restart: "",
        violates: &["lease-per-call"],
    },
    PlantedFault {
        name: "an expired lease is not counted",
        setup: "CREATE TRIGGER planted AFTER UPDATE OF delivery ON message
                BEGIN UPDATE message SET failed = 0 WHERE id = NEW.id; END",
        at_restart: "",
        violates: &["lease-expiry"],
    },
    PlantedFault {
        name: "commit tokens are lost",
        setup: "CREATE TRIGGER planted AFTER INSERT ON tokens BEGIN DELETE FROM tokens; END",
        at_restart: "",
        violates: &["repeat-answer", "repeat-purged", "repeat-concurrent"],
    },
    PlantedFault {
        name: "a change of a run keeps its version",
        setup: "CREATE TRIGGER planted AFTER UPDATE OF version ON runs
                BEGIN UPDATE runs SET version = OLD.version WHERE id = NEW.id; END",
        at_restart: "",
        violates: &["conflict-run", "commit-compare-and-set"],
    },
    PlantedFault {
        name: "the fence of a segment is not raised",
        setup: "CREATE TRIGGER planted AFTER UPDATE OF delivery ON segments
                BEGIN UPDATE segments SET delivery = OLD.delivery WHERE run = NEW.run; END",
        at_restart: "",
        violates: &["fence-rises", "refusal-superseded"],
    },
    PlantedFault {
        name: "the backlog is not kept",
        setup: "CREATE TRIGGER planted AFTER UPDATE OF awaiting_0 ON schedules
                BEGIN UPDATE schedules SET awaiting_0 = 0; END",
        at_restart: "",
        violates: &["backlog-rows"],
    },
    PlantedFault {
        name: "numbers of exports have gaps",
        setup: "CREATE TRIGGER planted AFTER UPDATE OF value ON counters WHEN NEW.name = 'exports'
                BEGIN UPDATE counters SET value = NEW.value + 1 WHERE name = 'exports'; END",
        at_restart: "",
        violates: &["export-gapless", "export-content"],
    },
    PlantedFault {
        name: "reserved permits are forgotten",
        setup: "CREATE TRIGGER planted AFTER INSERT ON permits
                BEGIN UPDATE permits SET next_at = 0; END",
        at_restart: "",
        violates: &["permit-spacing", "permit-lead", "permit-trail"],
    },
    PlantedFault {
        name: "an announced stop is forgotten",
        setup: "CREATE TRIGGER planted AFTER UPDATE OF is_stopping ON incarnations
                BEGIN UPDATE incarnations SET is_stopping = 0; END",
        at_restart: "",
        violates: &["heartbeat-stopping"],
    },
    PlantedFault {
        name: "numbers of incarnations are lost",
        setup: "",
        at_restart: "DELETE FROM processes",
        violates: &["incarnation-restart"],
    },
];

#[test]
fn every_planted_fault_violates_the_properties_of_its_entry() {
    let mut checks = Vec::new();
    for fault in FAULTS {
        let named = |name: &str| {
            let mut suite = properties::<SqliteBench>().into_iter();
            suite.find(|property| property.name == name)
        };
        for name in fault.violates {
            checks.push(PropertyCheck {
                property: named(name).expect("a property of the suite"),
                planted: Some(fault),
            });
        }
    }
    let undetected: Vec<_> = check_all(checks, 1)
        .into_iter()
        .filter(|checked| !matches!(checked.verdict, PropertyVerdict::Violated(_)))
        .map(|checked| {
            let fault = checked.planted.map_or("none", |fault| fault.name);
            format!("{}, though {fault}", checked.name)
        })
        .collect();
    assert!(undetected.is_empty(), "{undetected:?} hold");
}
