//! Purges of terminal runs.

use std::rc::Rc;

use rehearsal_worker::model::RunState;
use rehearsal_worker::ports::{SegmentDocument, Store};

use super::property;
use crate::client::{TestClient, segment_key};
use crate::fixture::{create_schedule, event, findings, image, report};
use crate::violation::expect;
use crate::{Bench, ContractResult, Property};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "purge-run",
            "A purge of a run removes its segments and intent, and leaves baselines and events.",
            |bench| Box::pin(purged(bench)),
        ),
        property(
            "purge-kept",
            "Unfinished runs and those that ended later than the limit are not purged.",
            |bench| Box::pin(kept(bench)),
        ),
    ]
}

async fn purged<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedule = create_schedule(&*bench, "a").await;
    let run = client.running(&schedule, 1, 1).await?;
    let key = segment_key(&run, 0);
    let reports = vec![report(image(0), None, 3, findings(2))];
    let mut commit = client.segment_commit(&key, 1, reports).await?;
    let written = event(&schedule.tenant, &run, image(0));
    commit.events.push(written.clone());
    commit.runs[0].run.state = RunState::Completed;
    client.apply(commit).await?;
    let planned = client.create(&schedule, 2).await?;
    client.plan(&planned, 2).await?;
    client.end(&planned, RunState::Cancelled).await?;
    client.sleep(bench.timing().tolerance * 2).await;
    bench.purge(bench.timing().tolerance).await;
    let store = client.store();
    let because = "it was purged";
    expect("the run", &store.run(&run).await?.value, &None, because)?;
    let document = store.begin_segment(&key, 5).await?.value;
    let nothing = SegmentDocument {
        run: None,
        segment: None,
    };
    expect("the segment", &document, &nothing, because)?;
    let intents = store.intents(10).await?;
    expect(
        "the list of intents",
        &intents,
        &Vec::new(),
        "their runs were purged",
    )?;
    let known = store.baselines(&schedule.tenant, &[image(0)]).await?;
    let revision = known[0].as_ref().map(|known| known.revision);
    expect(
        "the revision of the baseline",
        &revision,
        &Some(3),
        "no purge removes it",
    )?;
    let because = "no relay has published the event";
    expect(
        "the outbox",
        &store.outbox(10).await?,
        &vec![written],
        because,
    )
}

async fn kept<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedule = create_schedule(&*bench, "a").await;
    let early = client.create(&schedule, 0).await?;
    client.end(&early, RunState::Cancelled).await?;
    let open = client.create(&schedule, 1).await?;
    client.sleep(bench.timing().lease).await;
    let late = client.create(&schedule, 2).await?;
    client.end(&late, RunState::Cancelled).await?;
    bench.purge(bench.timing().lease / 2).await;
    let mut found = Vec::new();
    for run in [&early, &open, &late] {
        found.push(client.store().run(run).await?.value.is_some());
    }
    let because = "the first run ended long ago, the second is open, the third just ended";
    expect(
        "the list of kept runs",
        &found,
        &vec![false, true, true],
        because,
    )
}
