//! Large and unusual documents survive unchanged.

use std::rc::Rc;
use std::sync::Arc;

use rehearsal_worker::model::{CommitStep, commit::EndReason};
use rehearsal_worker::model::{ImageDigest, RunFailure, RunState, SegmentKey};
use rehearsal_worker::ports::Store;

use super::property;
use crate::client::{TestClient, segment_key};
use crate::fixture::{create_schedule, findings, image, report};
use crate::violation::{expect, require};
use crate::{Bench, ContractResult, Property};

/// Number of images in the large run.
const IMAGES: u64 = 1_000;

/// Number of findings in the large report.
const FINDINGS: u64 = 10_000;

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "document-large",
            "A segment of 1000 images and a report of 10000 findings are read as written.",
            |bench| Box::pin(large(bench)),
        ),
        property(
            "document-whole",
            "Every field of a run is read as written, but for the times that the store stamps.",
            |bench| Box::pin(whole_run(bench)),
        ),
    ]
}

async fn large<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (client, other) = (TestClient::new(&*bench, 0), TestClient::new(&*bench, 1));
    let schedule = create_schedule(&*bench, "nightly").await;
    let run = client.create(&schedule, 1).await?;
    client.plan(&run, IMAGES).await?;
    let digests: Arc<[ImageDigest]> = (0..IMAGES).map(image).collect();
    client.dispatch(&run, &[Arc::clone(&digests)]).await?;
    let key: SegmentKey = segment_key(&run, 0);
    let found = other.segment(&key).await?.digests;
    let object = "the number of images in the segment";
    let because = "they are those that were written";
    require(
        found == digests,
        object,
        found.len(),
        format!("{IMAGES}, in order"),
        because,
    )?;
    let written = findings(FINDINGS);
    let reports = vec![report(image(0), None, 1, Arc::clone(&written))];
    let commit = client.segment_commit(&key, 1, reports).await?;
    client.apply(commit).await?;
    let known = other
        .store()
        .baselines(&schedule.tenant, &[image(0)])
        .await?;
    let found = known[0].as_ref().map(|known| Arc::clone(&known.findings));
    let is_same = found.as_ref() == Some(&written);
    let found = found.map(|found| found.len());
    let object = "the number of findings in the baseline";
    require(
        is_same,
        object,
        found,
        format!("{FINDINGS}, in order"),
        because,
    )
}

async fn whole_run<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (client, other) = (TestClient::new(&*bench, 0), TestClient::new(&*bench, 1));
    let schedule = create_schedule(&*bench, "nightly").await;
    let id = client
        .create(&schedule, "\"quoted\" 'ü' \u{1f600}\n")
        .await?;
    let document = client.run(&id).await?;
    let mut run = document.run.value.clone();
    run.state = RunState::Error;
    run.error = Some(RunFailure::Planning("no \"index\"\n'ü'".to_owned()));
    run.product_keys = vec!["pkg:deb/debian/openssl@3%2B1".into(), "".into()];
    run.usage_only = true;
    run.planning_attempts = 3;
    run.not_before = Some(run.created_at);
    run.stats.candidates = u64::from(u32::MAX) + 1;
    run.stats.kev_hits = 1;
    let mut commit = client.commit(CommitStep::End(EndReason::Poisoned), 0);
    commit.runs.push(document.write(run.clone()));
    let at = client.apply(commit).await?.at;
    run.planned_at = Some(at);
    run.completed_at = Some(at);
    let found = other.run(&id).await?.run.value;
    expect("the run", &found, &run, "a commit wrote it")
}
