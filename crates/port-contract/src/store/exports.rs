//! Exports and their cursor.

use std::rc::Rc;

use rehearsal_worker::model::{CommitStep, TenantId, Trigger};
use rehearsal_worker::ports::{Export, Store};

use super::property;
use crate::client::TestClient;
use crate::concurrency::join_all;
use crate::fixture::export;
use crate::violation::expect;
use crate::{Bench, ContractResult, ContractViolation, Property};

/// Number of exports in the property of concurrent publishers.
const EXPORTS: u64 = 24;

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "export-gapless",
            "A reader that moves the cursor sees every export once, numbered from 1 without gaps.",
            |bench| Box::pin(gapless(bench)),
        ),
        property(
            "export-content",
            "Exports after the cursor are read as published, up to the number asked for.",
            |bench| Box::pin(content(bench)),
        ),
    ]
}

async fn gapless<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let publishers = join_all((0..4).map(|publisher| {
        let (bench, client) = (&bench, TestClient::new(&*bench, publisher + 1));
        async move {
            for number in 0..EXPORTS / 4 {
                client.sleep(bench.timing().tolerance / 3).await;
                let id = format!("{publisher}-{number}");
                bench.publish_export(export(&id)).await;
            }
        }
    }));
    let reader = async {
        let mut seen = Vec::new();
        for _ in 0..1_000 {
            let (cursor, waiting) = client.store().exports(3).await?.value;
            let Some(last) = waiting.last().map(|export| export.sequence) else {
                client.sleep(bench.timing().tolerance / 4).await;
                continue;
            };
            seen.extend(waiting.iter().map(|export| export.sequence));
            let mut commit = client.commit(CommitStep::Export, 0);
            commit.exports = Some((cursor, last));
            client.apply(commit).await?;
            if last >= EXPORTS {
                return Ok(seen);
            }
        }
        let found = format!("{seen:?}");
        let because = "all exports were published";
        let expected = format!("the numbers from 1 to {EXPORTS}");
        let object = "the list of exports";
        Err(ContractViolation::new(object, found, expected, because))
    };
    let (seen, _) = futures_lite::future::zip(reader, publishers).await;
    let expected: Vec<u64> = (1..=EXPORTS).collect();
    let because = "the reader starts each read after the last export that it saw";
    expect("the list of exports", &seen?, &expected, because)
}

async fn content<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let exports = [
        export("a"),
        Export {
            trigger: Trigger::Excitor,
            tenant: Some(TenantId::from("acme")),
            usage_only: true,
            ..export("b \"ü\"")
        },
        export("c"),
    ];
    for export in &exports {
        bench.publish_export(export.clone()).await;
    }
    let numbered = (1..)
        .zip(exports)
        .map(|(sequence, export)| Export { sequence, ..export });
    let numbered: Vec<_> = numbered.collect();
    let read = client.store().exports(2).await?.value;
    let because = "the first two of three were asked for";
    expect(
        "the cursor with the exports",
        &read,
        &(0, numbered[..2].to_vec()),
        because,
    )?;
    let mut commit = client.commit(CommitStep::Export, 0);
    commit.exports = Some((0, 2));
    client.apply(commit).await?;
    let read = client.store().exports(2).await?.value;
    expect(
        "the exports",
        &read,
        &(2, numbered[2..].to_vec()),
        "the cursor is at 2",
    )
}
