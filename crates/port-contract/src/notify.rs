//! Properties of the publication of events.

use std::rc::Rc;
use std::sync::Arc;

use rehearsal_worker::model::{Event, EventId, RunId, TenantId};
use rehearsal_worker::ports::{Clock, EventPublisher, PortError, Ports};

use crate::fixture::{event, image};
use crate::violation::expect;
use crate::{Bench, ContractResult, Property, PropertyFamily};

/// Number of instants at which a call is interrupted.
const INSTANTS: u32 = 8;

pub(crate) fn properties<B: Bench>() -> Vec<Property<B>> {
    let property =
        |name, statement, check| Property::new(PropertyFamily::Notify, name, statement, check);
    vec![
        property(
            "publish-complete",
            "After success each event was published at least once, in the order of the call.",
            |bench| Box::pin(complete(bench)),
        ),
        property(
            "publish-repeated",
            "Events that are published again arrive again, and no others do.",
            |bench| Box::pin(repeated(bench)),
        ),
        property(
            "publish-interrupted",
            "A call that fails as Unavailable has published nothing, and a repeat succeeds.",
            |bench| Box::pin(interrupted(bench)),
        ),
    ]
}

/// Returns events of the images from `first` on.
fn events(first: u64, count: u64) -> Vec<Arc<Event>> {
    let (tenant, run) = (TenantId::from("acme"), RunId::from("run"));
    let numbers = first..first + count;
    numbers
        .map(|number| event(&tenant, &run, image(number)))
        .collect()
}

fn ids(events: &[Arc<Event>]) -> Vec<EventId> {
    events.iter().map(|event| event.event_id).collect()
}

/// Returns how many of the events were published.
async fn count_published<B: Bench>(bench: &B, events: &[Arc<Event>]) -> usize {
    let found = bench.published().await;
    let arrived = events
        .iter()
        .filter(|event| found.contains(&event.event_id));
    arrived.count()
}

async fn complete<B: Bench>(bench: Rc<B>) -> ContractResult {
    bench.ports(0).notify().publish(&[]).await?;
    let mut expected = Vec::new();
    for first in [5, 0, 10] {
        let sent = events(first, 5);
        bench.ports(1).notify().publish(&sent).await?;
        expected.extend(ids(&sent));
        let found = bench.published().await;
        let because = "the calls succeeded in this order";
        expect("the list of published events", &found, &expected, because)?;
    }
    Ok(())
}

async fn repeated<B: Bench>(bench: Rc<B>) -> ContractResult {
    let sent = events(0, 3);
    for process in [0, 1] {
        bench.ports(process).notify().publish(&sent).await?;
    }
    let found = bench.published().await;
    let expected = [ids(&sent), ids(&sent)].concat();
    expect(
        "the list of published events",
        &found,
        &expected,
        "they were sent twice",
    )
}

async fn interrupted<B: Bench>(bench: Rc<B>) -> ContractResult {
    let ports = bench.ports(0);
    let tolerance = bench.timing().tolerance;
    for instant in 0..INSTANTS {
        let sent = events(u64::from(instant) * 3, 3);
        let cut = async {
            bench
                .ports(1)
                .clock()
                .sleep(tolerance * instant / INSTANTS)
                .await;
            bench.disconnect(0).await;
        };
        let (answer, ()) = futures_lite::future::zip(ports.notify().publish(&sent), cut).await;
        ports.clock().sleep(tolerance * 2).await;
        let arrived = count_published(&*bench, &sent).await;
        let object = "the number of published events";
        match answer {
            Ok(()) => expect(object, &arrived, &3, "the call succeeded")?,
            Err(PortError::Unavailable) => {
                expect(object, &arrived, &0, "the call failed as Unavailable")?;
            }
            Err(PortError::Unknown) => {}
        }
        ports.notify().publish(&sent).await?;
        let arrived = count_published(&*bench, &sent).await;
        expect(object, &arrived, &3, "the repeat succeeded")?;
    }
    Ok(())
}
