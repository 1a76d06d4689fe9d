//! Registration of incarnations: no two of one process have the same number.

use std::rc::Rc;

use rehearsal_worker::model::ProcessName;
use rehearsal_worker::ports::{Ports, Store};

use super::property;
use crate::client::TestClient;
use crate::concurrency::join_all;
use crate::fixture::schedule;
use crate::violation::expect;
use crate::{Bench, ContractResult, PROCESSES, Property};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "incarnation-unique",
            "Incarnations of one process that register at once get different numbers, from 1.",
            |bench| Box::pin(unique(bench)),
        ),
        property(
            "incarnation-restart",
            "After a restart of the store, the number of the next incarnation is higher than all \
             before it.",
            |bench| Box::pin(restart(bench)),
        ),
        property(
            "incarnation-commits",
            "The first commits of two incarnations of one process are both applied.",
            |bench| Box::pin(commits(bench)),
        ),
    ]
}

fn name(process: &str) -> ProcessName {
    process.into()
}

async fn unique<B: Bench>(bench: Rc<B>) -> ContractResult {
    let clients: Vec<_> = (0..PROCESSES).map(|number| bench.ports(number)).collect();
    let process = name("container");
    let registrations = clients
        .iter()
        .map(|client| client.store().register(&process));
    let mut numbers = Vec::new();
    for registered in join_all(registrations).await {
        let incarnation = registered?;
        let because = "it registers under this name";
        expect("the process", &incarnation.process, &process, because)?;
        numbers.push(incarnation.number);
    }
    numbers.sort_unstable();
    let count = u32::try_from(PROCESSES).unwrap_or(u32::MAX);
    let expected: Vec<u32> = (1..=count).collect();
    let because = "16 incarnations registered at once";
    expect("the list of numbers", &numbers, &expected, because)?;
    let other = clients[0].store().register(&name("other")).await?;
    let because = "no incarnation of this process registered before";
    expect("the number", &other.number, &1, because)
}

async fn restart<B: Bench>(bench: Rc<B>) -> ContractResult {
    let process = name("container");
    let before = bench.ports(0).store().register(&process).await?;
    bench.restart().await;
    let after = bench.ports(0).store().register(&process).await?;
    let because = format!("number {} was assigned before the restart", before.number);
    let is_higher = after.number > before.number;
    expect("`number is higher`", &is_higher, &true, because)
}

/// A container starts again under its old name, and numbers its commits from 1.
async fn commits<B: Bench>(bench: Rc<B>) -> ContractResult {
    let schedule = schedule("acme-nightly");
    bench.create_schedule(schedule.clone()).await;
    for occurrence in ["first", "second"] {
        let incarnation = bench.ports(0).store().register(&name("container")).await?;
        let client = TestClient::of_incarnation(&*bench, 0, incarnation);
        let id = client.create(&schedule, occurrence).await?;
        // A commit that is answered as a repeat creates no run.
        client.run(&id).await?;
    }
    Ok(())
}
