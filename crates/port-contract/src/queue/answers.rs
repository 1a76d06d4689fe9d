//! Answers to calls about a lease.

use std::rc::Rc;
use std::time::Duration;

use rehearsal_worker::ports::{LeaseAnswer, PortResult, Ports, Queue};

use super::lease_client::{LeaseClient, done};
use super::property;
use crate::violation::expect;
use crate::{Bench, Capability, ContractResult, Property};

/// Calls about a lease.
const CALLS: [&str; 5] = [
    "renewal",
    "acknowledgement",
    "release",
    "dead letter",
    "discard",
];

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "answer-acknowledged",
            "An acknowledged message never arrives again.",
            |bench| Box::pin(acknowledged(bench)),
        ),
        property(
            "answer-fenced",
            "A call of a holder whose lease has ended is answered Expired and changes nothing for \
             the new holder.",
            |bench| Box::pin(fenced(bench)),
        )
        .needs(Capability::FencedAnswers),
        property(
            "answer-expired",
            "A call about a lease that has ended is answered Expired, also without a new holder.",
            |bench| Box::pin(expired(bench)),
        )
        .needs(Capability::FencedAnswers),
        property(
            "answer-done-once",
            "After a lease was given up, a second call about it is answered Expired.",
            |bench| Box::pin(given_up(bench)),
        )
        .needs(Capability::FencedAnswers),
    ]
}

/// Makes a call about a delivery.
async fn call<P: Ports>(
    holder: &LeaseClient<P>,
    name: &str,
    delivery: u64,
) -> PortResult<LeaseAnswer> {
    let queue = holder.queue();
    match name {
        "renewal" => queue.renew(delivery, holder.timing.lease).await,
        "acknowledgement" => queue.acknowledge(delivery).await,
        "release" => queue.release(delivery, Duration::ZERO, true).await,
        "dead letter" => queue.dead_letter(delivery, "a test").await,
        _ => queue.discard(delivery, "a test").await,
    }
}

async fn acknowledged<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (holder, other) = (LeaseClient::new(&*bench, 0), LeaseClient::new(&*bench, 1));
    holder.enqueue(0).await?;
    let held = holder.lease().await?;
    holder.acknowledge(held.delivery()).await?;
    other
        .sleep(bench.timing().lease + bench.timing().tolerance)
        .await;
    other.expect_none("the message is acknowledged").await
}

async fn fenced<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (stale, present) = (LeaseClient::new(&*bench, 0), LeaseClient::new(&*bench, 1));
    let (lease, tolerance) = (bench.timing().lease, bench.timing().tolerance);
    for (index, name) in (0..).zip(CALLS) {
        stale.enqueue(index).await?;
        let old = stale.lease().await?;
        present.sleep_until(old.received + lease + tolerance).await;
        let new = present.lease().await?;
        let answer = call(&stale, name, old.delivery()).await?;
        let because = "its lease ended before the call";
        let object = format!("the answer to a late {name}");
        expect(object, &answer, &LeaseAnswer::Expired, because)?;
        present
            .expect_none("the message is leased by the new holder")
            .await?;
        let renewed = present.queue().renew(new.delivery(), lease).await?;
        done(&format!("a renewal after a late {name}"), renewed)?;
        present.acknowledge(new.delivery()).await?;
    }
    let redriven = present.queue().redrive(10).await?;
    expect(
        "the number of dead letters",
        &redriven,
        &0,
        "the late calls have no effect",
    )
}

async fn expired<B: Bench>(bench: Rc<B>) -> ContractResult {
    let holder = LeaseClient::new(&*bench, 0);
    let (lease, tolerance) = (bench.timing().lease, bench.timing().tolerance);
    for (index, name) in (0..).zip(CALLS) {
        holder.enqueue(index).await?;
        let old = holder.lease().await?;
        holder.sleep_until(old.received + lease + tolerance).await;
        let answer = call(&holder, name, old.delivery()).await?;
        let object = format!("the answer to a late {name}");
        expect(
            object,
            &answer,
            &LeaseAnswer::Expired,
            "its lease ended before the call",
        )?;
        let again = holder.lease().await?;
        expect(
            "the message",
            &again.index(),
            &Some(index),
            "the late call has no effect",
        )?;
        expect(
            "the attempt",
            &again.lease.attempt,
            &2,
            "the first lease has ended",
        )?;
        holder.acknowledge(again.delivery()).await?;
    }
    Ok(())
}

async fn given_up<B: Bench>(bench: Rc<B>) -> ContractResult {
    let holder = LeaseClient::new(&*bench, 0);
    for (index, name) in (0..).zip(&CALLS[1..]) {
        holder.enqueue(index).await?;
        let held = holder.lease().await?;
        done(
            &format!("a {name}"),
            call(&holder, name, held.delivery()).await?,
        )?;
        for late in CALLS {
            let answer = call(&holder, late, held.delivery()).await?;
            let object = format!("the answer to a {late} after a {name}");
            expect(
                object,
                &answer,
                &LeaseAnswer::Expired,
                "the lease was given up",
            )?;
        }
        if *name == "release" {
            let again = holder.lease().await?;
            holder.acknowledge(again.delivery()).await?;
        }
    }
    Ok(())
}
