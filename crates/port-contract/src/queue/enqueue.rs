//! Enqueued messages, and repeats by their keys.

use std::rc::Rc;

use rehearsal_worker::ports::Queue;

use super::lease_client::{LeaseClient, done, expect_headers};
use super::property;
use crate::concurrency::join_all;
use crate::fixture::message;
use crate::violation::{expect, require};
use crate::{Bench, Capability, ContractResult, PROCESSES, Property};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "enqueue-content",
            "A message arrives with its body and headers, and with attempt 1.",
            |bench| Box::pin(content(bench)),
        ),
        property(
            "enqueue-unreadable",
            "A message whose body can't be read arrives as such, with its headers.",
            |bench| Box::pin(unreadable(bench)),
        ),
        property(
            "enqueue-once",
            "A key that repeats within the window is dropped, even after its message is done; \
             after the window it is accepted.",
            |bench| Box::pin(once(bench)),
        )
        .needs(Capability::IdempotencyWindow),
        property(
            "enqueue-concurrent",
            "Of calls at once with one key, one enqueues its message.",
            |bench| Box::pin(at_once(bench)),
        )
        .needs(Capability::IdempotencyWindow),
    ]
}

async fn content<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (sender, holder) = (LeaseClient::new(&*bench, 0), LeaseClient::new(&*bench, 1));
    holder.expect_none("the queue is fresh").await?;
    // More than the simulated queues write as JSON in both schema versions.
    for index in 0..36 {
        sender.enqueue(index).await?;
    }
    let mut found = Vec::new();
    for _ in 0..36 {
        let lease = holder.lease().await?.lease;
        let sent = lease.body.as_ref().map(|body| message(body.index));
        let because = "it was enqueued so";
        expect(
            "the body",
            &lease.body.as_ref(),
            &sent.as_ref().map_err(|e| *e),
            because,
        )?;
        expect_headers(&lease, because)?;
        expect(
            "the attempt",
            &lease.attempt,
            &1,
            "it is the first delivery",
        )?;
        found.extend(lease.body.map(|body| body.index));
    }
    found.sort_unstable();
    let all: Vec<u32> = (0..36).collect();
    expect("the list of messages", &found, &all, "they were enqueued")
}

async fn unreadable<B: Bench>(bench: Rc<B>) -> ContractResult {
    let holder = LeaseClient::new(&*bench, 0);
    bench.corrupt_next_message().await;
    holder.enqueue(0).await?;
    let held = holder.lease().await?;
    let because = "its body was corrupted";
    let body = &held.lease.body;
    require(body.is_err(), "the body", body, "an error", because)?;
    expect_headers(&held.lease, "they are no part of the body")?;
    let answer = holder
        .queue()
        .dead_letter(held.delivery(), "unreadable")
        .await?;
    done("a dead letter", answer)
}

async fn once<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (holder, other) = (LeaseClient::new(&*bench, 0), LeaseClient::new(&*bench, 1));
    let window = bench.capabilities().idempotency_window.unwrap_or_default();
    let sent = holder.now();
    holder.enqueue(0).await?;
    let received = holder.now();
    other.enqueue(0).await?;
    let first = holder.lease().await?;
    holder
        .expect_none("the second message has the key of the first")
        .await?;
    holder.acknowledge(first.delivery()).await?;
    let tolerance = bench.timing().tolerance;
    holder
        .sleep_until((sent + window).saturating_sub(tolerance))
        .await;
    holder.enqueue(0).await?;
    if holder.now() < sent + window {
        holder
            .expect_none("the key repeats within the window")
            .await?;
    }
    holder.sleep_until(received + window + tolerance).await;
    holder.enqueue(0).await?;
    let again = holder.lease().await?.index();
    expect(
        "the message after the window",
        &again,
        &Some(0),
        "its key is forgotten",
    )
}

async fn at_once<B: Bench>(bench: Rc<B>) -> ContractResult {
    let holders = LeaseClient::of_processes(&*bench, PROCESSES);
    for enqueued in join_all(holders.iter().map(|holder| holder.enqueue(0))).await {
        enqueued?;
    }
    holders[0].lease().await?;
    holders[1].expect_none("all messages have one key").await
}
