//! Baselines and times of reports, by tenant.

use std::rc::Rc;

use rehearsal_worker::model::{ImageDigest, Schedule, Timestamp};
use rehearsal_worker::ports::{Ports, Store};

use super::property;
use crate::client::{TestClient, segment_key};
use crate::fixture::{create_schedule, findings, image, report, schedule_of};
use crate::violation::expect;
use crate::{Bench, ContractResult, Property};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "baseline-older",
            "A report older than the baseline leaves its revision and findings.",
            |bench| Box::pin(older_report(bench)),
        ),
        property(
            "baseline-tenant",
            "No read returns a report, a time or an event of another tenant's image.",
            |bench| Box::pin(tenants(bench)),
        ),
        property(
            "baseline-order",
            "Baselines and times of reports are in the order of the images asked for.",
            |bench| Box::pin(order(bench)),
        ),
    ]
}

/// Commits a report of an image in a run of its own, and returns the time.
async fn commit_report<P: Ports>(
    client: &TestClient<P>,
    schedule: &Schedule,
    reported: (ImageDigest, Option<u64>, u64, u64),
) -> ContractResult<Timestamp> {
    let (image, expected, revision, count) = reported;
    let run = client
        .running(schedule, format!("{image}-{revision}"), 1)
        .await?;
    let reports = vec![report(image, expected, revision, findings(count))];
    let commit = client
        .segment_commit(&segment_key(&run, 0), 1, reports)
        .await?;
    Ok(client.apply(commit).await?.at)
}

async fn older_report<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedule = create_schedule(&*bench, "a").await;
    commit_report(&client, &schedule, (image(0), None, 7, 3)).await?;
    client.sleep(bench.timing().tolerance).await;
    let at = commit_report(&client, &schedule, (image(0), Some(7), 5, 1)).await?;
    let known = client
        .store()
        .baselines(&schedule.tenant, &[image(0)])
        .await?;
    let found = known[0]
        .as_ref()
        .map(|known| (known.revision, known.findings.len()));
    let because = "revision 5 is older than revision 7";
    expect(
        "the baseline's revision and findings",
        &found,
        &Some((7, 3)),
        because,
    )?;
    let times = client
        .store()
        .last_reports(&schedule.tenant, &[image(0)])
        .await?
        .value;
    let because = "a report was committed then";
    expect(
        "the time of the last report",
        &times,
        &vec![Some(at)],
        because,
    )
}

async fn tenants<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let (acme, globex) = (schedule_of("acme", "a"), schedule_of("globex", "b"));
    for schedule in [&acme, &globex] {
        bench.create_schedule(schedule.clone()).await;
    }
    commit_report(&client, &acme, (image(0), None, 7, 3)).await?;
    let store = client.store();
    let because = "the report is of another tenant's image";
    let known = store.baselines(&globex.tenant, &[image(0)]).await?;
    expect("the baseline of globex", &known, &vec![None], because)?;
    let times = store.last_reports(&globex.tenant, &[image(0)]).await?.value;
    expect("the report time of globex", &times, &vec![None], because)?;
    commit_report(&client, &globex, (image(0), None, 2, 1)).await?;
    let mut revisions = Vec::new();
    for tenant in [&acme.tenant, &globex.tenant] {
        let known = store.baselines(tenant, &[image(0)]).await?;
        revisions.push(known[0].as_ref().map(|known| known.revision));
    }
    let because = "each tenant has a report of its own";
    expect(
        "the list of revisions",
        &revisions,
        &vec![Some(7), Some(2)],
        because,
    )
}

async fn order<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let schedule = create_schedule(&*bench, "a").await;
    let numbers = [3, 1, 9, 2, 3];
    for number in [1, 2, 3] {
        commit_report(&client, &schedule, (image(number), None, number, number)).await?;
    }
    let asked = numbers.map(image);
    let known = client.store().baselines(&schedule.tenant, &asked).await?;
    let found: Vec<_> = known
        .iter()
        .map(|known| known.as_ref().map(|known| known.revision))
        .collect();
    let expected: Vec<_> = numbers.map(|n| (n < 9).then_some(n)).to_vec();
    let because = "each image has the revision of its number, and image 9 no report";
    expect("the list of revisions", &found, &expected, because)?;
    let times = client
        .store()
        .last_reports(&schedule.tenant, &asked)
        .await?
        .value;
    let found: Vec<_> = known
        .into_iter()
        .map(|known| known.map(|k| k.committed_at))
        .collect();
    expect(
        "the list of report times",
        &times,
        &found,
        "both reads are of one state",
    )
}
