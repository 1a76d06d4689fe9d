//! The outbox of events.

use std::rc::Rc;

use rehearsal_worker::model::{CommitStep, EventId};
use rehearsal_worker::ports::{Ports, Store};

use super::property;
use crate::client::TestClient;
use crate::fixture::{create_schedule, event, image};
use crate::violation::expect;
use crate::{Bench, ContractResult, Property};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "outbox-oldest",
            "Events are listed in the order of their commits, up to the number asked for.",
            |bench| Box::pin(oldest_first(bench)),
        ),
        property(
            "outbox-forget",
            "Forgotten events are gone; to forget one again changes nothing.",
            |bench| Box::pin(forgotten(bench)),
        ),
    ]
}

/// Commits events of the images 0 to 5, two at a time, and returns their identifiers.
async fn written<B: Bench>(
    bench: &B,
    client: &TestClient<B::Ports>,
) -> ContractResult<Vec<EventId>> {
    let schedule = create_schedule(bench, "a").await;
    let run = client.create(&schedule, 1).await?;
    let mut ids = Vec::new();
    for first in [4, 0, 2] {
        let mut commit = client.commit(CommitStep::Requeue, 0);
        for number in [first, first + 1] {
            let event = event(&schedule.tenant, &run, image(number));
            ids.push(event.event_id);
            commit.events.push(event);
        }
        client.apply(commit).await?;
    }
    Ok(ids)
}

/// Returns the identifiers of the listed events, and the depth of the outbox.
async fn listed<P: Ports>(
    client: &TestClient<P>,
    limit: usize,
) -> ContractResult<(Vec<EventId>, u64)> {
    let events = client.store().outbox(limit).await?;
    let ids = events.iter().map(|event| event.event_id).collect();
    let depth = client.store().backlog().await?.value.outbox_depth;
    Ok((ids, depth))
}

async fn oldest_first<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let ids = written(&*bench, &client).await?;
    let because = "they were committed in this order";
    let object = "the list and depth of the outbox";
    expect(
        object,
        &listed(&client, 10).await?,
        &(ids.clone(), 6),
        because,
    )?;
    let first = (ids[..3].to_vec(), 6);
    expect(
        object,
        &listed(&client, 3).await?,
        &first,
        "three were asked for",
    )
}

async fn forgotten<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let ids = written(&*bench, &client).await?;
    let (gone, kept) = ([ids[0], ids[3]], [ids[1], ids[2], ids[4], ids[5]]);
    for _ in 0..2 {
        client.store().forget_events(&gone).await?;
        let expected = (kept.to_vec(), 4);
        let object = "the list and depth of the outbox";
        let because = "two of six events are forgotten";
        expect(object, &listed(&client, 10).await?, &expected, because)?;
    }
    Ok(())
}
