//! Leases: whom they are granted to, and when they end.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use rehearsal_worker::model::{ImpactSet, PlannerMessage};
use rehearsal_worker::ports::{Ports, Queue};

use super::lease_client::{ClientLease, LeaseClient, done};
use crate::concurrency::join_all;
use crate::violation::{expect, require};
use crate::{Bench, Capability, ContractResult, PROCESSES, Property, PropertyFamily};

/// Number of messages in the property of concurrent clients.
const MESSAGES: u32 = 96;

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    let property =
        |name, statement, check| Property::new(PropertyFamily::Queue, name, statement, check);
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
            "delivery-distinct",
            "Deliveries of different messages differ, in both queues together.",
            |bench| Box::pin(deliveries_differ(bench)),
        ),
    ]
}

async fn exclusive<B: Bench>(bench: Rc<B>) -> ContractResult {
    let holders: Vec<_> = (0..PROCESSES)
        .map(|n| LeaseClient::new(&*bench, n))
        .collect();
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

/// Leases messages until one is granted; it must come after `earliest` and by `latest`.
async fn expect_lease_between<P: Ports>(
    holder: &LeaseClient<P>,
    earliest: Duration,
    latest: Duration,
    because: &str,
) -> ContractResult<ClientLease> {
    let wait_time = (latest + holder.timing.tolerance * 2).saturating_sub(holder.now());
    let held = holder.try_lease(holder.timing.lease, wait_time).await?;
    let received = held.as_ref().map(|held| held.received);
    let latest = latest + holder.timing.tolerance;
    let is_in_time = received.is_some_and(|at| at >= earliest && at <= latest);
    let expected = format!("from {earliest:?} to {latest:?}");
    let object = "the time of the next lease";
    require(is_in_time, object, received, expected, because)?;
    held.map_or_else(|| holder.lease_later(), Ok)
}

impl<P: Ports> LeaseClient<P> {
    /// Returns the violation that no message was leased.
    fn lease_later<T>(&self) -> ContractResult<T> {
        let because = "a message is ready";
        let object = "the answer to a lease";
        Err(crate::ContractViolation::new(
            object, "none", "one", because,
        ))
    }
}

async fn expiry<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (first, second) = (LeaseClient::new(&*bench, 0), LeaseClient::new(&*bench, 1));
    let lease = bench.timing().lease;
    first.enqueue(0).await?;
    let mut held = first.lease().await?;
    for attempt in 2..=3 {
        let because = "the lease of the holder before ends then";
        let (from, to) = (held.sent + lease, held.received + lease);
        held = expect_lease_between(&second, from, to, because).await?;
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
        let leased = first.try_lease(length, first.timing.tolerance * 2).await?;
        held.push((leased.map_or_else(|| first.lease_later(), Ok)?, length));
    }
    for (held, length) in held.iter().rev() {
        let (from, to) = (held.sent + *length, held.received + *length);
        let because = "the lease was granted for its own length";
        let again = expect_lease_between(&second, from, to, because).await?;
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
    let mut renewed = (held.sent, held.received);
    for _ in 0..3 {
        first.sleep(lease * 2 / 3).await;
        let sent = first.now();
        done(
            "a renewal",
            first.queue().renew(held.delivery(), lease).await?,
        )?;
        renewed = (sent, first.now());
    }
    let because = "the lease was renewed";
    let (from, to) = (renewed.0 + lease, renewed.1 + lease);
    let again = expect_lease_between(&second, from, to, because).await?;
    expect(
        "the attempt",
        &again.lease.attempt,
        &2,
        "renewals are no attempts",
    )
}

async fn deliveries_grow<B: Bench>(bench: Rc<B>) -> ContractResult {
    let holder = LeaseClient::new(&*bench, 0);
    let queue = holder.queue();
    let lease = bench.timing().lease;
    holder.enqueue(0).await?;
    let mut last = 0;
    for end in [
        "a release",
        "an uncounted release",
        "its expiry",
        "a redrive",
        "a renewal",
    ] {
        let held = holder
            .try_lease(lease, lease + holder.timing.tolerance * 2)
            .await?;
        let held = held.map_or_else(|| holder.lease_later(), Ok)?;
        let delivery = held.delivery();
        let object = format!("the delivery before {end}");
        let because = "it grows with every lease";
        require(
            delivery > last,
            object,
            delivery,
            format!("more than {last}"),
            because,
        )?;
        last = delivery;
        match end {
            "a release" => done(end, queue.release(delivery, Duration::ZERO, true).await?)?,
            "an uncounted release" => {
                done(end, queue.release(delivery, Duration::ZERO, false).await?)?;
            }
            "a redrive" => {
                done(end, queue.dead_letter(delivery, "a test").await?)?;
                queue.redrive(1).await?;
            }
            "a renewal" => done(end, queue.renew(delivery, lease).await?)?,
            _ => {}
        }
    }
    Ok(())
}

async fn deliveries_after_restart<B: Bench>(bench: Rc<B>) -> ContractResult {
    let mut last = 0;
    for restart in 0..3 {
        let holder = LeaseClient::new(&*bench, 0);
        if restart == 0 {
            holder.enqueue(0).await?;
        }
        for _ in 0..2 {
            let delivery = holder.lease().await?.delivery();
            let object = format!("the delivery after restart {restart}");
            let because = "no restart sets the deliveries back";
            require(
                delivery > last,
                object,
                delivery,
                format!("more than {last}"),
                because,
            )?;
            last = delivery;
            let release = holder.queue().release(delivery, Duration::ZERO, false);
            done("a release", release.await?)?;
        }
        bench.restart().await;
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
        let message = PlannerMessage {
            run: "run".into(),
            schedule: "nightly".into(),
            tenant: "acme".into(),
            impact: ImpactSet::default(),
        };
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
