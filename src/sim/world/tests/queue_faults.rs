//! Faults of the queues.

use std::time::Duration;

use super::{AFTER, DURING, LEASE, harness_with};
use crate::model::DeliveryEpoch;
use crate::model::fault::FaultKind;
use crate::sim::world::WorldPorts;
use crate::sim::world::testing::WorldHarness;
use crate::worker::ports::{LeaseAnswer, PortError, PortResult, Ports, Queue};

#[test]
fn queue_outage_refuses_calls() {
    let mut harness =
        harness_with("kind = \"queue-outage\"\nqueue = \"planner\"\nduration = \"4m\"");
    harness.pass_until(DURING);
    assert_eq!(harness.enqueue("run"), Err(PortError::Unavailable));
    harness.pass_until(AFTER);
    assert_eq!(harness.enqueue("run"), Ok(()));
    harness.assert_injected(FaultKind::QueueOutage);
}

#[test]
fn queue_delay_postpones_readiness() {
    let mut harness =
        harness_with("kind = \"queue-delay\"\nduration = \"4m\"\nprobability = 1\ndelay = \"10s\"");
    harness.pass_until(DURING);
    harness.enqueue("run").unwrap();
    assert_eq!(harness.lease(), None);
    harness.pass(Duration::from_secs(10));
    assert!(harness.lease().is_some());
    harness.pass_until(AFTER);
    harness.enqueue("other").unwrap();
    assert!(harness.lease().is_some());
    harness.assert_injected(FaultKind::QueueDelay);
}

#[test]
fn duplicate_delivery_delivers_twice() {
    let mut harness =
        harness_with("kind = \"duplicate-delivery\"\nduration = \"4m\"\nprobability = 1");
    harness.pass_until(DURING);
    harness.enqueue("run").unwrap();
    assert!(harness.lease().is_some() && harness.lease().is_some());
    assert_eq!(harness.lease(), None);
    harness.pass_until(AFTER);
    harness.assert_injected(FaultKind::DuplicateDelivery);
}

#[test]
fn reordering_changes_the_order() {
    let mut harness = harness_with("kind = \"reordering\"\nduration = \"4m\"\nprobability = 1");
    harness.pass_until(DURING);
    let runs = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for run in runs {
        harness.enqueue(run).unwrap();
    }
    let ports = harness.ports("worker-1");
    let order = harness.run("worker-1", async move {
        let mut order = Vec::new();
        while let Ok(Some(leased)) = ports.planner_queue().lease(LEASE, Duration::ZERO).await {
            order.push(leased.run.to_string());
        }
        order
    });
    assert_eq!(order.len(), runs.len());
    assert_ne!(order, runs);
    harness.pass_until(AFTER);
    harness.assert_injected(FaultKind::Reordering);
}

/// Checks the answers to a call about a lease during the fault and after it.
fn lease_call(
    kind: FaultKind,
    fault: &str,
    call: impl AsyncFn(&WorldPorts, u64) -> PortResult<LeaseAnswer> + Copy + 'static,
) {
    let mut harness = harness_with(&format!(
        "kind = \"{fault}\"\nduration = \"4m\"\nprobability = 1"
    ));
    harness.pass_until(DURING);
    harness.enqueue("run").unwrap();
    for expected in [Err(PortError::Unknown), Ok(LeaseAnswer::Done)] {
        let ports = harness.ports("worker-1");
        let answer = harness.run("worker-1", async move {
            let delivery = ports.planner_queue().lease(LEASE, LEASE * 2).await;
            call(&ports, delivery.unwrap().unwrap().delivery).await
        });
        assert_eq!(answer, expected);
        harness.pass_until(AFTER);
    }
    harness.assert_injected(kind);
}

#[test]
fn acknowledgement_lost_keeps_the_message() {
    lease_call(
        FaultKind::AcknowledgementLost,
        "acknowledgement-lost",
        async |ports, delivery| ports.planner_queue().acknowledge(delivery).await,
    );
}

#[test]
fn renewal_lost_ends_the_lease() {
    lease_call(
        FaultKind::RenewalLost,
        "renewal-lost",
        async |ports, delivery| ports.planner_queue().renew(delivery, LEASE).await,
    );
}

#[test]
fn poisoned_message_is_unreadable() {
    let mut harness = harness_with("kind = \"poisoned-message\"\nqueue = \"planner\"\ncount = 1");
    harness.pass_until(DURING);
    harness.enqueue("first").unwrap();
    harness.enqueue("second").unwrap();
    let ports = harness.ports("worker-1");
    let readable = harness.run("worker-1", async move {
        let mut readable = Vec::new();
        while let Ok(Some(leased)) = ports.planner_queue().lease(LEASE, Duration::ZERO).await {
            readable.push((leased.run.to_string(), leased.body.is_ok()));
        }
        readable
    });
    assert_eq!(
        readable,
        [("first".to_owned(), false), ("second".to_owned(), true)]
    );
    assert_eq!(harness.count("MessageCorrupted"), 1);
    harness.assert_injected(FaultKind::PoisonedMessage);
}

#[test]
fn queue_failover_loses_the_newest_unleased_messages() {
    let mut harness = harness_with("kind = \"queue-failover\"\nlag = \"30s\"");
    harness.pass_until(Duration::from_secs(20));
    harness.enqueue("old").unwrap();
    harness.pass_until(Duration::from_secs(40));
    for run in ["leased", "lost"] {
        harness.enqueue(run).unwrap();
    }
    let leases = |harness: &mut WorldHarness| {
        let ports = harness.ports("worker-1");
        harness.run("worker-1", async move {
            let leased = ports.planner_queue().lease(LEASE, Duration::ZERO).await;
            leased.unwrap().map(|leased| leased.run.to_string())
        })
    };
    assert_eq!(leases(&mut harness).as_deref(), Some("old"));
    assert_eq!(leases(&mut harness).as_deref(), Some("leased"));
    harness.enqueue("lost too").unwrap();
    harness.pass_until(DURING);
    assert_eq!(harness.count("step: Lost"), 2);
    harness.assert_injected(FaultKind::QueueFailover);
    assert_eq!(leases(&mut harness), None);
    // The key of a lost message is forgotten, so it can be enqueued again; that of the old one is
    // not.
    harness.enqueue("lost").unwrap();
    harness.enqueue("old").unwrap();
    assert_eq!(harness.count("step: Deduplicated"), 1);
    assert_eq!(leases(&mut harness).as_deref(), Some("lost"));
}

#[test]
fn queue_reset_loses_the_messages_of_that_queue_and_raises_its_epoch() {
    let leased = |harness: &mut WorldHarness| {
        let ports = harness.ports("worker-1");
        harness.run("worker-1", async move {
            let leased = ports.planner_queue().lease(LEASE, Duration::ZERO).await;
            leased.unwrap().map(|leased| leased.delivery)
        })
    };
    for (queue, lost) in [("planner", 2), ("runner", 0)] {
        let fault = format!("kind = \"queue-reset\"\nqueue = \"{queue}\"");
        let mut harness = harness_with(&fault);
        for run in ["held", "ready"] {
            harness.enqueue(run).unwrap();
        }
        let held = leased(&mut harness).unwrap();
        harness.pass_until(DURING);
        assert_eq!(harness.count("step: Lost"), lost, "{queue}");
        if lost == 0 {
            continue;
        }
        harness.assert_injected(FaultKind::QueueReset);
        let ports = harness.ports("worker-1");
        let answer = harness.run("worker-1", async move {
            ports.planner_queue().acknowledge(held).await
        });
        assert_eq!(answer, Ok(LeaseAnswer::Expired));
        harness.enqueue("held").unwrap();
        let again = leased(&mut harness).unwrap();
        let (before, after) = (DeliveryEpoch::FIRST, DeliveryEpoch::FIRST.next());
        assert_eq!(DeliveryEpoch::of_delivery(held), (before, held));
        assert_eq!(DeliveryEpoch::of_delivery(again), (after, held));
    }
}

#[test]
fn slow_queue_multiplies_the_round_trips_of_that_queue() {
    let slow = "kind = \"slow-queue\"\nqueue = \"planner\"\nduration = \"4m\"\nfactor = 100";
    for (queue, seconds) in [("planner", 1), ("runner", 0)] {
        let mut harness = harness_with(&slow.replace("planner", queue));
        harness.pass_until(DURING);
        let before = harness.world.now();
        assert_eq!(harness.enqueue("run"), Ok(()));
        assert_eq!(harness.world.now().since(before).as_secs(), seconds);
        harness.pass_until(AFTER);
        assert_eq!(harness.enqueue("other"), Ok(()));
        if seconds > 0 {
            harness.assert_injected(FaultKind::SlowQueue);
        }
    }
}

#[test]
fn slow_queue_leases_a_message_to_a_receive_that_has_given_up() {
    let slow = "kind = \"slow-queue\"\nduration = \"4m\"\nfactor = 600";
    let mut harness = harness_with(slow);
    harness.enqueue("run").unwrap();
    harness.pass_until(DURING);
    let ports = harness.ports("worker-1");
    let answer = harness.run("worker-1", async move {
        let leased = ports.planner_queue().lease(LEASE, Duration::ZERO).await;
        leased.map(|leased| leased.map(|leased| leased.delivery))
    });
    assert_eq!(answer, Err(PortError::Unknown));
    assert_eq!(harness.count("CallSlow"), 1);
    assert_eq!(harness.count("LeaseHeld"), 0);
    harness.pass(LEASE);
    assert_eq!(harness.count("step: Expired"), 1);
}
