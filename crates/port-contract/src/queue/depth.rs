//! Fill level of a queue.

use std::rc::Rc;
use std::time::Duration;

use rehearsal_worker::ports::{Ports, Queue, QueueDepth};

use super::lease_client::{LeaseClient, done};
use super::property;
use crate::violation::{expect, require};
use crate::{Bench, ContractResult, Property};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "depth-count",
            "The depth counts messages that are ready, leased or delayed, and no others.",
            |bench| Box::pin(count(bench)),
        ),
        property(
            "depth-age",
            "The age is that of the message which has been ready longest; without one it is zero.",
            |bench| Box::pin(age(bench)),
        ),
    ]
}

async fn depth<P: Ports>(holder: &LeaseClient<P>) -> ContractResult<QueueDepth> {
    Ok(holder.queue().depth().await?)
}

async fn count<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (holder, other) = (LeaseClient::new(&*bench, 0), LeaseClient::new(&*bench, 1));
    let queue = holder.queue();
    for index in 0..6 {
        holder.enqueue(index).await?;
    }
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(holder.lease().await?.delivery());
    }
    let object = "the depth";
    expect(
        object,
        &depth(&other).await?.depth,
        &6,
        "one message is ready and 5 are leased",
    )?;
    done(
        "a release",
        queue.release(held[0], bench.timing().lease, true).await?,
    )?;
    expect(
        object,
        &depth(&other).await?.depth,
        &6,
        "a delayed message is in the queue",
    )?;
    holder.acknowledge(held[1]).await?;
    done("a discard", queue.discard(held[2], "a test").await?)?;
    done("a dead letter", queue.dead_letter(held[3], "a test").await?)?;
    expect(
        object,
        &depth(&other).await?.depth,
        &3,
        "three messages are gone",
    )?;
    queue.redrive(1).await?;
    expect(
        object,
        &depth(&other).await?.depth,
        &4,
        "one message was redriven",
    )
}

/// Requires that the age is between two durations.
async fn expect_age<P: Ports>(
    holder: &LeaseClient<P>,
    ready_after: Duration,
    ready_before: Duration,
) -> ContractResult {
    let least = holder.now().saturating_sub(ready_before);
    let found = depth(holder).await?.oldest_ready_age;
    let most = holder.now().saturating_sub(ready_after);
    let is_true = found >= least && found <= most;
    let object = "the age of the oldest ready message";
    let expected = format!("from {least:?} to {most:?}");
    let because = format!("it became ready between {ready_after:?} and {ready_before:?}");
    require(is_true, object, found, expected, because)
}

async fn age<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (holder, other) = (LeaseClient::new(&*bench, 0), LeaseClient::new(&*bench, 1));
    let (lease, tolerance) = (bench.timing().lease, bench.timing().tolerance);
    let object = "the age of the oldest ready message";
    let found = depth(&other).await?.oldest_ready_age;
    expect(object, &found, &Duration::ZERO, "no message is ready")?;
    let mut enqueued = Vec::new();
    for index in 0..2 {
        let sent = holder.now();
        holder.enqueue(index).await?;
        enqueued.push((sent, holder.now()));
        holder.sleep(lease / 4).await;
    }
    expect_age(&other, enqueued[0].0, enqueued[0].1).await?;
    let first = holder.lease().await?;
    let second = holder.lease().await?;
    let found = depth(&other).await?.oldest_ready_age;
    expect(object, &found, &Duration::ZERO, "both messages are leased")?;
    let sent = holder.now();
    let release = holder
        .queue()
        .release(second.delivery(), Duration::ZERO, false);
    done("a release", release.await?)?;
    let received = holder.now();
    holder.sleep(lease / 4).await;
    expect_age(&other, sent, received).await?;
    let second = holder.lease().await?;
    holder.acknowledge(second.delivery()).await?;
    let end = first.received + lease;
    holder.sleep_until(end + lease / 4).await;
    expect_age(&other, first.sent + lease, end + tolerance).await
}
