//! The delivery fence of a segment.

use std::rc::Rc;

use rehearsal_worker::ports::Store;

use super::property;
use crate::client::{TestClient, segment_key};
use crate::concurrency::join_all;
use crate::fixture::create_schedule;
use crate::violation::expect;
use crate::{Bench, ContractResult, PROCESSES, Property};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "fence-rises",
            "Beginning a segment raises its fence to the delivery and never lowers it.",
            |bench| Box::pin(rises(bench)),
        ),
        property(
            "fence-worked-at",
            "Only the newest delivery records the time of its work.",
            |bench| Box::pin(worked_at(bench)),
        ),
        property(
            "fence-read",
            "Reading a segment does not touch its fence.",
            |bench| Box::pin(read(bench)),
        ),
    ]
}

async fn rises<B: Bench>(bench: Rc<B>) -> ContractResult {
    let clients = TestClient::of_processes(&*bench, PROCESSES);
    let schedule = create_schedule(&*bench, "nightly").await;
    let run = clients[0].running(&schedule, 1, 1).await?;
    let key = segment_key(&run, 0);
    for (delivery, expected) in [(3, 3), (1, 3), (7, 7), (7, 7), (6, 7)] {
        let document = clients[0]
            .store()
            .begin_segment(&key, delivery)
            .await?
            .value;
        let fence = document.segment.map(|segment| segment.delivery);
        let object = format!("the fence after delivery {delivery}");
        expect(
            object,
            &fence,
            &Some(expected),
            "it is the newest delivery that began",
        )?;
    }
    let begins = (10..).zip(&clients).map(|(delivery, client)| {
        let key = key.clone();
        async move { client.store().begin_segment(&key, delivery).await }
    });
    for begun in join_all(begins).await {
        begun?;
    }
    let fence = clients[0].segment(&key).await?.delivery;
    let newest = 9 + PROCESSES as u64;
    let because = "deliveries from 10 on began at once";
    expect("the fence", &fence, &newest, because)
}

async fn worked_at<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedule = create_schedule(&*bench, "nightly").await;
    let run = client.running(&schedule, 1, 1).await?;
    let key = segment_key(&run, 0);
    let mut worked_at = None;
    for (delivery, is_newest) in [(2, true), (1, false), (2, true), (3, true), (2, false)] {
        client.sleep(bench.timing().tolerance).await;
        let begun = client.store().begin_segment(&key, delivery).await?;
        if is_newest {
            worked_at = Some(begun.now);
        }
        let found = begun.value.segment.and_then(|segment| segment.worked_at);
        let object = format!("`worked_at` after a call of delivery {delivery}");
        expect(
            object,
            &found,
            &worked_at,
            "it is the last call of the newest delivery",
        )?;
    }
    Ok(())
}

async fn read<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedule = create_schedule(&*bench, "nightly").await;
    let run = client.running(&schedule, 1, 1).await?;
    let key = segment_key(&run, 0);
    let begun = client.store().begin_segment(&key, 3).await?.value;
    client.sleep(bench.timing().tolerance).await;
    let first = client.store().segment(&key).await?.value;
    expect(
        "the segment",
        &first,
        &begun,
        "nothing has changed since it was begun",
    )?;
    let second = client.store().segment(&key).await?.value;
    expect(
        "the segment",
        &second,
        &begun,
        "nothing has changed since it was begun",
    )?;
    let absent = client
        .store()
        .begin_segment(&segment_key(&run, 1), 3)
        .await?
        .value;
    expect(
        "the segment 1",
        &absent.segment,
        &None,
        "its run has one segment",
    )
}
