//! A queue that is created anew does not block commits.

use std::rc::Rc;
use std::time::Duration;

use rehearsal_worker::model::CommitAnswer;
use rehearsal_worker::ports::{Queue, Store};

use super::property;
use crate::client::{TestClient, segment_key};
use crate::fixture::create_schedule;
use crate::queue::lease_client::{LeaseClient, done};
use crate::violation::require;
use crate::{Bench, ContractResult, Property};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![property(
        "commit-after-queue-reset",
        "A queue that is created anew does not block commits of segments that were begun before.",
        |bench| Box::pin(commits(bench)),
    )]
}

async fn commits<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (client, holder) = (TestClient::new(&*bench, 0), LeaseClient::new(&*bench, 0));
    let schedule = create_schedule(&*bench, "nightly").await;
    let key = segment_key(&client.running(&schedule, 1, 1).await?, 0);
    holder.enqueue(0).await?;
    for _ in 0..3 {
        let delivery = holder.lease().await?.delivery();
        client.store().begin_segment(&key, delivery).await?;
        let release = holder.queue().release(delivery, Duration::ZERO, false);
        done("a release", release.await?)?;
    }
    bench.reset_queues().await;
    holder.enqueue(0).await?;
    let delivery = holder.lease().await?.delivery();
    client.store().begin_segment(&key, delivery).await?;
    let commit = client.segment_commit(&key, delivery, Vec::new()).await?;
    let answer = client.answer(commit).await?;
    require(
        matches!(answer, CommitAnswer::Applied(_)),
        format!("the answer to the commit of delivery {delivery}"),
        &answer,
        "Applied",
        "the deliveries before were those of the queue that is gone",
    )
}
