//! Dead letters, and messages that are discarded.

use std::rc::Rc;

use rehearsal_worker::ports::Queue;

use super::lease_client::{LeaseClient, done, expect_headers};
use super::property;
use crate::fixture::message;
use crate::violation::expect;
use crate::{Bench, ContractResult, Property};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "dead-letter-redriven",
            "A dead letter arrives again only when it is redriven: whole, and with attempt 1.",
            |bench| Box::pin(redriven(bench)),
        ),
        property(
            "dead-letter-limit",
            "A redrive puts back as many dead letters as it says, up to the number asked for.",
            |bench| Box::pin(limit(bench)),
        ),
        property(
            "dead-letter-discarded",
            "A discarded message is gone and leaves no dead letter.",
            |bench| Box::pin(discarded(bench)),
        ),
    ]
}

async fn redriven<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (holder, other) = (LeaseClient::new(&*bench, 0), LeaseClient::new(&*bench, 1));
    holder.enqueue(7).await?;
    for _ in 0..3 {
        let held = holder.lease().await?;
        let release = holder
            .queue()
            .release(held.delivery(), Default::default(), true);
        done("a release", release.await?)?;
    }
    let held = holder.lease().await?;
    let answer = holder
        .queue()
        .dead_letter(held.delivery(), "poison \"ü\"\n")
        .await?;
    done("a dead letter", answer)?;
    other
        .sleep(bench.timing().lease + bench.timing().tolerance)
        .await;
    other.expect_none("the message is a dead letter").await?;
    let count = other.queue().redrive(10).await?;
    expect(
        "the number of redriven letters",
        &count,
        &1,
        "there is one dead letter",
    )?;
    let again = other.lease().await?.lease;
    expect(
        "the body",
        &again.body,
        &Ok(message(7)),
        "it was enqueued so",
    )?;
    expect_headers(&again, "it was enqueued so")?;
    expect("the attempt", &again.attempt, &1, "a redrive sets it back")
}

async fn limit<B: Bench>(bench: Rc<B>) -> ContractResult {
    let holder = LeaseClient::new(&*bench, 0);
    for index in 0..5 {
        holder.enqueue(index).await?;
        let held = holder.lease().await?;
        let answer = holder
            .queue()
            .dead_letter(held.delivery(), "a test")
            .await?;
        done("a dead letter", answer)?;
    }
    let mut found = Vec::new();
    for (limit, expected) in [(2, 2), (0, 0), (10, 3), (10, 0)] {
        let count = holder.queue().redrive(limit).await?;
        let object = format!("the number of letters of a redrive up to {limit}");
        expect(object, &count, &expected, "5 letters were there at first")?;
        for _ in 0..count {
            let held = holder.lease().await?;
            found.extend(held.index());
            holder.acknowledge(held.delivery()).await?;
        }
        holder.expect_none("no other letter was redriven").await?;
    }
    found.sort_unstable();
    expect(
        "the list of messages",
        &found,
        &vec![0, 1, 2, 3, 4],
        "all were redriven once",
    )
}

async fn discarded<B: Bench>(bench: Rc<B>) -> ContractResult {
    let holder = LeaseClient::new(&*bench, 0);
    holder.enqueue(0).await?;
    let held = holder.lease().await?;
    done(
        "a discard",
        holder.queue().discard(held.delivery(), "a test").await?,
    )?;
    let count = holder.queue().redrive(10).await?;
    expect(
        "the number of redriven letters",
        &count,
        &0,
        "the message was discarded",
    )?;
    holder
        .sleep(bench.timing().lease + bench.timing().tolerance)
        .await;
    holder.expect_none("the message was discarded").await
}
