//! Leases: whom they are granted to, and when they end.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use rehearsal_worker::ports::{Ports, Queue};

use super::lease_client::{LeaseClient, done};
use super::property;
use crate::concurrency::join_all;
use crate::fixture::{planner_message, schedule};
use crate::violation::{expect, require};
use crate::{Bench, Capability, ContractResult, PROCESSES, Property};

/// Number of messages in the property of concurrent clients.
const MESSAGES: u32 = 96;

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "lease-exclusive",
            "No message is leased twice unless its lease has ended, and none is left out.",
            |bench| Box::pin(exclusive(bench)),
        ),
        property(
            "lease-expiry",
            "A lease ends by the queue's clock and not before; its delivery counts as an attempt.",
            |bench| Box::pin(expiry(bench)),
        ),
        property(
            "lease-per-call",
            "Each lease has the length that its call asks for.",
            |bench| Box::pin(per_call(bench)),
        )
        .needs(Capability::PerCallLease),
        property(
            "lease-renewed",
            "A renewal extends the lease to its length from now, beyond the first end.",
            |bench| Box::pin(renewed(bench)),
        ),
        property(
            "delivery-grows",
            "The delivery of a message grows with each lease, whatever ended the one before.",
            |bench| Box::pin(deliveries_grow(bench)),
        ),
        property(
            "delivery-restart",
            "Deliveries grow over a restart of the queue and of its clients.",
            |bench| Box::pin(deliveries_after_restart(bench)),
        ),
        property(
            "delivery-reset",
            "Deliveries of a queue that is created anew are higher than all before.",
            |bench| Box::pin(deliveries_after_reset(bench)),
        ),
        property(
            "delivery-distinct",
            "Deliveries of different messages differ, in both queues together.",
            |bench| Box::pin(deliveries_differ(bench)),
        ),
    ]
}

async fn exclusive<B: Bench>(bench: Rc<B>) -> ContractResult {
    let holders = LeaseClient::of_processes(&*bench, PROCESSES);
    let sender = &holders[0];
    let enqueue = join_all((0..MESSAGES).map(|index| sender.enqueue(index)));
    let leases = join_all(holders.iter().map(async |holder| -> ContractResult<_> {
        let mut held = Vec::new();
        let wait_time = holder.timing.tolerance * 4;
        // Leases are long against the time of the property.
        while let Some(leased) = holder.try_lease(holder.timing.lease * 4, wait_time).await? {
            held.extend(leased.index());
        }
        Ok(held)
    }));
    let (enqueued, leased) = futures_lite::future::zip(enqueue, leases).await;
    for enqueued in enqueued {
        enqueued?;
    }
    let mut found = Vec::new();
    for held in leased {
        found.extend(held?);
    }
    found.sort_unstable();
    let all: Vec<u32> = (0..MESSAGES).collect();
    let because = "no lease has ended";
    expect("the list of leased messages", &found, &all, because)
}

async fn expiry<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (first, second) = (LeaseClient::new(&*bench, 0), LeaseClient::new(&*bench, 1));
    let lease = bench.timing().lease;
    first.enqueue(0).await?;
    let mut held = first.lease().await?;
    for attempt in 2..=3 {
        let because = "the lease of the holder before ends then";
        let (from, to) = (held.sent + lease, held.received + lease);
        held = second.lease_between(from, to, because).await?;
        let because = "the deliveries before were not acknowledged";
        expect("the attempt", &held.lease.attempt, &attempt, because)?;
    }
    Ok(())
}

async fn per_call<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (first, second) = (LeaseClient::new(&*bench, 0), LeaseClient::new(&*bench, 1));
    let lease = bench.timing().lease;
    let mut held = Vec::new();
    for (index, length) in [(0, lease * 2), (1, lease)] {
        first.enqueue(index).await?;
        held.push((first.lease_for(length, Duration::ZERO).await?, length));
    }
    for (held, length) in held.iter().rev() {
        let (from, to) = (held.sent + *length, held.received + *length);
        let because = "the lease was granted for its own length";
        let again = second.lease_between(from, to, because).await?;
        expect("the message", &again.index(), &held.index(), because)?;
        second.acknowledge(again.delivery()).await?;
    }
    Ok(())
}

async fn renewed<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (first, second) = (LeaseClient::new(&*bench, 0), LeaseClient::new(&*bench, 1));
    let lease = bench.timing().lease;
    first.enqueue(0).await?;
    let held = first.lease().await?;
    let (mut from, mut to) = (held.sent + lease, held.received + lease);
    for _ in 0..3 {
        first.sleep(lease * 2 / 3).await;
        from = first.now() + lease;
        let renewal = first.queue().renew(held.delivery(), lease).await?;
        done("a renewal", renewal)?;
        to = first.now() + lease;
    }
    let because = "the lease was renewed";
    let again = second.lease_between(from, to, because).await?;
    expect(
        "the attempt",
        &again.lease.attempt,
        &2,
        "renewals are no attempts",
    )
}

/// Requires that a delivery is higher than the one before, and returns it.
fn expect_growth(when: &str, delivery: u64, before: u64) -> ContractResult<u64> {
    let object = format!("the delivery after {when}");
    let expected = format!("more than {before}");
    let because = "it grows with every lease";
    require(delivery > before, object, delivery, expected, because)?;
    Ok(delivery)
}

async fn deliveries_grow<B: Bench>(bench: Rc<B>) -> ContractResult {
    let holder = LeaseClient::new(&*bench, 0);
    let queue = holder.queue();
    let lease = bench.timing().lease;
    holder.enqueue(0).await?;
    let mut last = holder.lease().await?.delivery();
    for counted in [true, false] {
        let release = queue.release(last, Duration::ZERO, counted).await?;
        done("a release", release)?;
        last = expect_growth("a release", holder.lease().await?.delivery(), last)?;
    }
    let held = holder.lease_for(lease, lease).await?;
    last = expect_growth("an expiry", held.delivery(), last)?;
    done("a dead letter", queue.dead_letter(last, "a test").await?)?;
    queue.redrive(1).await?;
    last = expect_growth("a redrive", holder.lease().await?.delivery(), last)?;
    done("a renewal", queue.renew(last, lease).await?)?;
    let held = holder.lease_for(lease, lease).await?;
    expect_growth("a renewed lease", held.delivery(), last).map(drop)
}

async fn deliveries_after_restart<B: Bench>(bench: Rc<B>) -> ContractResult {
    let mut last = 0;
    LeaseClient::new(&*bench, 0).enqueue(0).await?;
    for restarts in 0..3 {
        let holder = LeaseClient::new(&*bench, 0);
        for _ in 0..2 {
            let delivery = holder.lease().await?.delivery();
            last = expect_growth(&format!("{restarts} restarts"), delivery, last)?;
            let release = holder.queue().release(delivery, Duration::ZERO, false);
            done("a release", release.await?)?;
        }
        bench.restart().await;
    }
    Ok(())
}

async fn deliveries_after_reset<B: Bench>(bench: Rc<B>) -> ContractResult {
    let holder = LeaseClient::new(&*bench, 0);
    let mut last = 0;
    for resets in 0..3 {
        holder.enqueue(0).await?;
        for _ in 0..2 {
            let delivery = holder.lease().await?.delivery();
            last = expect_growth(&format!("{resets} resets"), delivery, last)?;
            let release = holder.queue().release(delivery, Duration::ZERO, false);
            done("a release", release.await?)?;
        }
        bench.reset_queues().await;
    }
    Ok(())
}

async fn deliveries_differ<B: Bench>(bench: Rc<B>) -> ContractResult {
    let holder = LeaseClient::new(&*bench, 0);
    let ports = bench.ports(0);
    let lease = bench.timing().lease;
    let mut all = BTreeSet::new();
    for index in 0..8 {
        holder.enqueue(index).await?;
        all.insert(holder.lease().await?.delivery());
        let message = planner_message(&"run".into(), &schedule("nightly"));
        let planner = ports.planner_queue();
        planner.enqueue(&message, &format!("plan-{index}")).await?;
        let held = planner.lease(lease, holder.timing.tolerance * 2).await?;
        all.extend(held.map(|held| held.delivery));
    }
    let because = "8 messages of each queue were leased";
    expect(
        "the number of distinct deliveries",
        &all.len(),
        &16,
        because,
    )
}
