//! Leases that wait for a message.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use rehearsal_worker::ports::{Ports, Queue};

use super::lease_client::{LeaseClient, done};
use super::property;
use crate::concurrency::{drop_after, join_all};
use crate::violation::{expect, require};
use crate::{Bench, BenchTiming, ContractResult, Property};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "wait-enqueue",
            "A waiting lease gets a message soon after it was enqueued.",
            |bench| Box::pin(wakes_at_enqueue(bench)),
        ),
        property(
            "wait-release",
            "A waiting lease gets a message soon after another client has released it.",
            |bench| Box::pin(wakes_at_release(bench)),
        ),
        property(
            "wait-end",
            "A lease without a message answers none at the end of its wait, and not before.",
            |bench| Box::pin(ends(bench)),
        ),
        property(
            "wait-dropped",
            "A waiting lease that is dropped takes no message for longer than a lease.",
            |bench| Box::pin(dropped(bench)),
        ),
    ]
}

/// Requires that a waiting lease gets a message soon after another client has made one ready.
async fn expect_woken<P: Ports>(
    waiter: &LeaseClient<P>,
    make_ready: impl Future<Output = ContractResult>,
    because: &str,
) -> ContractResult {
    let BenchTiming { lease, tolerance } = waiter.timing;
    let make_ready = async {
        waiter.sleep(lease / 2).await;
        make_ready.await?;
        Ok(waiter.now())
    };
    let wait = waiter.try_lease(lease, lease);
    let (held, ready): (_, ContractResult<_>) = futures_lite::future::zip(wait, make_ready).await;
    let (received, latest) = (held?.map(|held| held.received), ready? + tolerance);
    let is_soon = received.is_some_and(|at| at <= latest);
    let object = "the time of the waiting lease";
    let expected = format!("{latest:?} or earlier");
    require(is_soon, object, received, expected, because)
}

async fn wakes_at_enqueue<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (waiter, sender) = (LeaseClient::new(&*bench, 0), LeaseClient::new(&*bench, 1));
    let because = "the message was enqueued before";
    expect_woken(&waiter, sender.enqueue(0), because).await
}

async fn wakes_at_release<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (waiter, holder) = (LeaseClient::new(&*bench, 0), LeaseClient::new(&*bench, 1));
    holder.enqueue(0).await?;
    let delivery = holder.lease().await?.delivery();
    let release = async {
        let release = holder.queue().release(delivery, Duration::ZERO, true);
        done("a release", release.await?)
    };
    expect_woken(&waiter, release, "the message was released before").await
}

async fn ends<B: Bench>(bench: Rc<B>) -> ContractResult {
    let holder = LeaseClient::new(&*bench, 0);
    let (lease, tolerance) = (bench.timing().lease, bench.timing().tolerance);
    for wait_time in [Duration::ZERO, tolerance * 3, lease] {
        let sent = holder.now();
        let held = holder.try_lease(lease, wait_time).await?;
        let took = holder.now() - sent;
        expect(
            "the leased message",
            &held.map(|held| held.index()),
            &None,
            "none is ready",
        )?;
        let is_in_time = took >= wait_time && took <= wait_time + tolerance;
        let object = "the time of the wait";
        let expected = format!("from {wait_time:?} to {:?}", wait_time + tolerance);
        require(is_in_time, object, took, expected, "the call states it")?;
    }
    Ok(())
}

async fn dropped<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (waiter, sender) = (LeaseClient::new(&*bench, 0), LeaseClient::new(&*bench, 1));
    let (lease, tolerance) = (bench.timing().lease, bench.timing().tolerance);
    // One waits without a message; the others are dropped while a message is on its way to them.
    let instants = (1..=4).map(|part| tolerance * part / 4);
    for (index, instant) in (0..).zip(instants) {
        let wait = waiter.try_lease(lease, lease * 4);
        let drop_early = drop_after(wait, sender.sleep(tolerance + instant));
        let enqueue = async {
            sender.sleep(tolerance).await;
            sender.enqueue(index).await
        };
        let (held, enqueued) = futures_lite::future::zip(drop_early, enqueue).await;
        enqueued?;
        if let Some(held) = held.transpose()?.flatten() {
            waiter
                .queue()
                .release(held.delivery(), Duration::ZERO, false)
                .await?;
        }
    }
    let leases = join_all((0..4).map(|_| sender.try_lease(lease * 4, lease + tolerance * 4))).await;
    let mut found = Vec::new();
    for held in leases {
        found.extend(held?.and_then(|held| held.index()));
    }
    found.sort_unstable();
    let because = "the leases of those that were dropped have ended";
    expect("the list of messages", &found, &vec![0, 1, 2, 3], because)
}
