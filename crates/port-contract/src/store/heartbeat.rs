//! Heartbeats, and active-run counts that others adopt.

use std::rc::Rc;

use rehearsal_worker::model::{CommitAnswer, Mode};
use rehearsal_worker::ports::Store;

use super::property;
use crate::client::TestClient;
use crate::concurrency::join_all;
use crate::violation::expect;
use crate::{Bench, ContractResult, Property};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    vec![
        property(
            "heartbeat-abandoned",
            "A count is orphaned when its incarnation was silent for the time asked for, by the \
             store's clock.",
            |bench| Box::pin(abandoned(bench)),
        ),
        property(
            "heartbeat-stopping",
            "The count of an incarnation that announces its stop is orphaned at once.",
            |bench| Box::pin(stopping(bench)),
        ),
        property(
            "heartbeat-adopted-once",
            "Of several adoptions of one count at once, one is applied.",
            |bench| Box::pin(adopted_once(bench)),
        ),
        property(
            "heartbeat-surrendered",
            "An incarnation that was silent learns the sum of what others adopted.",
            |bench| Box::pin(surrendered(bench)),
        ),
    ]
}

async fn abandoned<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (dead, heir) = (TestClient::new(&*bench, 0), TestClient::new(&*bench, 1));
    let (silence, tolerance) = (bench.timing().lease, bench.timing().tolerance);
    dead.count_runs(Mode::AnalysisOnly, 1).await?;
    // The heartbeat took effect between these two reads of the store's clock.
    let earliest = dead.store().backlog().await?.now;
    dead.beat(silence, false).await?;
    let latest = dead.store().backlog().await?.now;
    loop {
        let before = heir.store().backlog().await?.now;
        let found = heir.find_orphaned_count_of(&dead, silence).await?.is_some();
        let after = heir.store().backlog().await?.now;
        let object = format!("`orphaned` of the count at {before}");
        if after < earliest.after(silence) {
            let because = format!("the last heartbeat was at {earliest} or later");
            expect(object, &found, &false, because)?;
        } else if before >= latest.after(silence) {
            let because = format!("the last heartbeat was at {latest} or earlier");
            return expect(object, &found, &true, because);
        }
        heir.approach(earliest.after(silence), after, tolerance / 10)
            .await;
    }
}

async fn stopping<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (dead, heir) = (TestClient::new(&*bench, 0), TestClient::new(&*bench, 1));
    let lease = bench.timing().lease;
    dead.count_runs(Mode::ContentRefresh, 2).await?;
    dead.beat(lease, false).await?;
    let found = heir.find_orphaned_count_of(&dead, lease).await?;
    expect("the orphaned count", &found, &None, "its incarnation lives")?;
    dead.beat(lease, true).await?;
    let because = "its incarnation announced its stop";
    let orphaned = heir.orphaned_count_of(&dead, lease, because).await?;
    let mut seen = dead.beat(lease, true).await?.orphaned.into_iter();
    let own = seen.find(|(id, _)| *id == dead.incarnation);
    expect(
        "the orphaned count for its owner",
        &own,
        &None,
        "no incarnation adopts its own count",
    )?;
    let taken = heir.apply(heir.adoption(&orphaned)).await?;
    expect(
        "the adopted count",
        &taken.adopted,
        &[0, 2],
        "two runs were entered",
    )?;
    let found = heir.find_orphaned_count_of(&dead, lease).await?;
    expect("the orphaned count", &found, &None, "it was adopted")
}

async fn adopted_once<B: Bench>(bench: Rc<B>) -> ContractResult {
    let clients = TestClient::of_processes(&*bench, 8);
    let lease = bench.timing().lease;
    let (dead, heirs) = (&clients[0], &clients[1..]);
    dead.count_runs(Mode::AnalysisOnly, 3).await?;
    dead.beat(lease, true).await?;
    let because = "its incarnation announced its stop";
    let orphaned = heirs[0].orphaned_count_of(dead, lease, because).await?;
    let adoptions = heirs
        .iter()
        .map(|heir| heir.answer(heir.adoption(&orphaned)));
    let mut adopted = Vec::new();
    for answer in join_all(adoptions).await {
        match answer? {
            CommitAnswer::Applied(applied) => adopted.push(applied.adopted),
            other => expect(
                "the answer to an adoption",
                &other,
                &CommitAnswer::Conflict,
                "another one was applied",
            )?,
        }
    }
    let because = "of seven adoptions of one count one is applied";
    expect(
        "the list of adopted counts",
        &adopted,
        &vec![[3, 0]],
        because,
    )
}

async fn surrendered<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (dead, heir) = (TestClient::new(&*bench, 0), TestClient::new(&*bench, 1));
    let lease = bench.timing().lease;
    let mut expected = [0; 2];
    for (mode, change) in [(Mode::AnalysisOnly, 2), (Mode::ContentRefresh, 1)] {
        dead.count_runs(mode, change).await?;
        let answer = dead.beat(lease, false).await?;
        let object = "the surrendered count";
        expect(
            object,
            &answer.surrendered,
            &expected,
            "it is the sum that others adopted",
        )?;
        dead.sleep(lease + bench.timing().tolerance).await;
        let because = "its incarnation is silent";
        let orphaned = heir.orphaned_count_of(&dead, lease, because).await?;
        let taken = heir.apply(heir.adoption(&orphaned)).await?;
        for (sum, taken) in expected.iter_mut().zip(taken.adopted) {
            *sum += taken;
        }
    }
    let because = "the silent incarnation counted so";
    expect("the adopted sum", &expected, &[2, 1], because)?;
    let answer = dead.beat(lease, false).await?;
    expect(
        "the surrendered count",
        &answer.surrendered,
        &expected,
        "others adopted both",
    )
}
