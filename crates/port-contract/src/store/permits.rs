//! Permits for requests to the Scanner.

use std::rc::Rc;
use std::time::Duration;

use rehearsal_worker::model::{PermitGrant, PermitRequest};
use rehearsal_worker::ports::Store;

use super::property;
use crate::client::TestClient;
use crate::concurrency::join_all;
use crate::fixture::create_schedule;
use crate::violation::{expect, require};
use crate::{Bench, ContractResult, Property};

/// Permits per second.
const RATE: f64 = 3.0;

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "permit-spacing",
            "Any two permits of a schedule are one interval apart, so that its rate is kept.",
            |bench| Box::pin(spacing(bench)),
        ),
        property(
            "permit-lead",
            "No permit is before its lead, and unused permits are not saved up.",
            |bench| Box::pin(lead(bench)),
        ),
        property(
            "permit-trail",
            "No other grant has a permit in the trail that a reservation asks for.",
            |bench| Box::pin(trail(bench)),
        ),
        property(
            "permit-schedules",
            "Permits of one schedule do not delay those of another.",
            |bench| Box::pin(schedules(bench)),
        ),
    ]
}

/// Permits at [`RATE`], without lead or trail.
pub(crate) fn permits(count: u32) -> PermitRequest {
    PermitRequest {
        rate_per_second: RATE,
        count,
        lead: Duration::ZERO,
        trail: Duration::ZERO,
    }
}

/// Returns the instants of a grant, in nanoseconds.
fn instants(grant: &PermitGrant) -> impl Iterator<Item = u64> {
    let (first, interval) = (grant.first, grant.interval);
    (0..grant.count).map(move |number| first.after(interval * number).nanos())
}

async fn spacing<B: Bench>(bench: Rc<B>) -> ContractResult {
    let clients = TestClient::of_processes(&*bench, 8);
    let id = create_schedule(&*bench, "a").await.id;
    let counted = (1..).zip(&clients).cycle().take(3 * clients.len());
    let calls = counted.map(|(count, client)| {
        let store = client.store();
        store.reserve_permits(&id, permits(count))
    });
    let mut all = Vec::new();
    for grant in join_all(calls).await {
        all.extend(instants(&grant?));
    }
    all.sort_unstable();
    let expected: u64 = 3 * (1..=8).sum::<u64>();
    expect(
        "the number of permits",
        &(all.len() as u64),
        &expected,
        "they were asked for",
    )?;
    // A third of a second, rounded up: rounded down, 3 permits would take less than a second.
    let interval = 333_333_334;
    for pair in all.windows(2) {
        let gap = pair[1] - pair[0];
        let object = "the time between two permits in nanoseconds";
        let because = "the rate is 3 permits per second";
        let expected = format!("{interval} or more");
        require(gap >= interval, object, gap, expected, because)?;
    }
    Ok(())
}

/// Requires that the first permit of a grant is at its lead.
fn expect_at_lead(
    object: &str,
    grant: &PermitGrant,
    lead: Duration,
    because: &str,
) -> ContractResult {
    expect(object, &grant.first, &grant.now.after(lead), because)
}

async fn lead<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let (id, lead) = (
        create_schedule(&*bench, "a").await.id,
        Duration::from_millis(250),
    );
    let after_lead = |count| PermitRequest {
        lead,
        ..permits(count)
    };
    let store = client.store();
    let first = store.reserve_permits(&id, after_lead(2)).await?;
    let because = "no earlier permit delays it";
    expect_at_lead("the first permit", &first, lead, because)?;
    let because = "they were asked for";
    expect("the number of permits", &first.count, &2, because)?;
    let next = store.reserve_permits(&id, permits(1)).await?;
    let last = first.first.after(first.interval * 2);
    let because = "it follows the permits before";
    expect("the next permit", &next.first, &last.max(next.now), because)?;
    client.sleep(Duration::from_secs(2)).await;
    let later = store.reserve_permits(&id, after_lead(5)).await?;
    let because = "unused permits are not saved up";
    expect_at_lead("the permit after a pause", &later, lead, because)
}

async fn trail<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let id = create_schedule(&*bench, "a").await.id;
    let store = client.store();
    let with_trail = PermitRequest {
        trail: Duration::from_millis(700),
        ..permits(2)
    };
    let first = store.reserve_permits(&id, with_trail).await?;
    let next = store.reserve_permits(&id, permits(1)).await?;
    let earliest = first.first.after(first.interval * 2 + with_trail.trail);
    let because = "it follows the trail of the grant before";
    expect(
        "the permit after a trail",
        &next.first,
        &earliest.max(next.now),
        because,
    )
}

async fn schedules<B: Bench>(bench: Rc<B>) -> ContractResult {
    let client = TestClient::new(&*bench, 0);
    let a = create_schedule(&*bench, "a").await.id;
    let b = create_schedule(&*bench, "b").await.id;
    let store = client.store();
    store.reserve_permits(&a, permits(100)).await?;
    let other = store.reserve_permits(&b, permits(1)).await?;
    let because = "no permit of its schedule was granted before";
    expect_at_lead("the first permit of `b`", &other, Duration::ZERO, because)
}
