//! Released messages: when they are ready again, and how they count.

use std::rc::Rc;
use std::time::Duration;

use rehearsal_worker::ports::Queue;

use super::lease_client::{LeaseClient, done};
use super::property;
use crate::violation::expect;
use crate::{Bench, Capability, ContractResult, Property};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "release-counted",
            "A counted release adds 1 to the attempt of the next delivery.",
            |bench| Box::pin(counted(bench)),
        ),
        property(
            "release-uncounted",
            "An uncounted release leaves the attempt as it was.",
            |bench| Box::pin(uncounted(bench)),
        )
        .needs(Capability::UncountedRelease),
        property(
            "release-delay",
            "A released message is ready after its delay and not before, also beyond its lease.",
            |bench| Box::pin(delayed(bench)),
        )
        .needs(Capability::ExactDelay),
    ]
}

async fn counted<B: Bench>(bench: Rc<B>) -> ContractResult {
    let holder = LeaseClient::new(&*bench, 0);
    holder.enqueue(0).await?;
    for attempt in 1..=3 {
        let held = holder.lease().await?;
        expect(
            "the attempt",
            &held.lease.attempt,
            &attempt,
            "each release was counted",
        )?;
        let release = holder
            .queue()
            .release(held.delivery(), Duration::ZERO, true);
        done("a release", release.await?)?;
    }
    Ok(())
}

async fn uncounted<B: Bench>(bench: Rc<B>) -> ContractResult {
    let holder = LeaseClient::new(&*bench, 0);
    holder.enqueue(0).await?;
    for (attempt, is_counted) in [(1, false), (1, false), (1, true), (2, false), (2, true)] {
        let held = holder.lease().await?;
        let because = "only counted releases add to it";
        expect("the attempt", &held.lease.attempt, &attempt, because)?;
        let release = holder
            .queue()
            .release(held.delivery(), Duration::ZERO, is_counted);
        done("a release", release.await?)?;
    }
    Ok(())
}

async fn delayed<B: Bench>(bench: Rc<B>) -> ContractResult {
    let holder = LeaseClient::new(&*bench, 0);
    let (lease, tolerance) = (bench.timing().lease, bench.timing().tolerance);
    holder.enqueue(0).await?;
    let mut held = holder.lease().await?;
    for delay in [lease / 3, lease * 3, tolerance * 3] {
        let sent = holder.now();
        done(
            "a release",
            holder.queue().release(held.delivery(), delay, true).await?,
        )?;
        let (from, to) = (sent + delay, holder.now() + delay);
        let because = format!("the message was released with a delay of {delay:?}");
        held = holder.lease_between(from, to, because).await?;
    }
    Ok(())
}
