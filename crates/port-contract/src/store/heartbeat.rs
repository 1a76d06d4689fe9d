//! Heartbeats, and active-run counts that others adopt.

use std::rc::Rc;
use std::time::Duration;

use rehearsal_worker::model::commit::{ActiveRunsDelta, AdoptOrphanedCount, DocumentVersion};
use rehearsal_worker::model::{CommitAnswer, CommitStep, IncarnationId, Mode};
use rehearsal_worker::ports::{HeartbeatAnswer, Ports, Store};

use crate::client::{TestClient, applied};
use crate::concurrency::join_all;
use crate::violation::{expect, require};
use crate::{Bench, ContractResult, ContractViolation, Property, PropertyFamily};

pub(super) fn properties<B: Bench>() -> Vec<Property<B>> {
    let property =
        |name, statement, check| Property::new(PropertyFamily::Store, name, statement, check);
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

/// Changes the active-run count of a client's incarnation.
async fn count<P: Ports>(client: &TestClient<P>, mode: Mode, change: i64) -> ContractResult {
    let mut commit = client.commit(CommitStep::Requeue, 0);
    commit.active_runs_delta = Some(ActiveRunsDelta { mode, change });
    client.apply(commit).await.map(drop)
}

async fn beat<P: Ports>(
    client: &TestClient<P>,
    abandoned_after: Duration,
    stopping: bool,
) -> ContractResult<HeartbeatAnswer> {
    let store = client.store();
    let answer = store.heartbeat(&client.incarnation, abandoned_after, stopping);
    Ok(answer.await?)
}

/// Adopts an orphaned count.
async fn adopt<P: Ports>(
    client: &TestClient<P>,
    (from, expected): (IncarnationId, DocumentVersion),
) -> ContractResult<CommitAnswer> {
    let mut commit = client.commit(CommitStep::AdoptOrphanedCount, 0);
    commit.adoption = Some(AdoptOrphanedCount { from, expected });
    client.answer(commit).await
}

/// Returns the orphaned count of an incarnation.
fn orphaned_of<P>(
    answer: HeartbeatAnswer,
    dead: &TestClient<P>,
) -> Option<(IncarnationId, DocumentVersion)> {
    let mut orphaned = answer.orphaned.into_iter();
    orphaned.find(|(id, _)| *id == dead.incarnation)
}

fn not_orphaned(because: &str) -> ContractViolation {
    ContractViolation::new("the count", "not orphaned", "orphaned", because)
}

async fn abandoned<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (dead, heir) = (TestClient::new(&*bench, 0), TestClient::new(&*bench, 1));
    let (silence, tolerance) = (bench.timing().lease, bench.timing().tolerance);
    count(&dead, Mode::AnalysisOnly, 1).await?;
    // The heartbeat took effect between these two reads of the store's clock.
    let earliest = dead.store().backlog().await?.now;
    beat(&dead, silence, false).await?;
    let latest = dead.store().backlog().await?.now;
    loop {
        let before = heir.store().backlog().await?.now;
        let found = orphaned_of(beat(&heir, silence, false).await?, &dead);
        let after = heir.store().backlog().await?.now;
        let found = found.is_some();
        let object = format!("`orphaned` of the count at {before}");
        if after < earliest.after(silence) {
            let because = format!("the last heartbeat was at {earliest} or later");
            expect(object, &found, &false, because)?;
        } else if before >= latest.after(silence) {
            let because = format!("the last heartbeat was at {latest} or earlier");
            return expect(object, &found, &true, because);
        }
        let remaining = earliest.after(silence).since(after);
        heir.sleep((remaining / 2).max(tolerance / 10)).await;
    }
}

async fn stopping<B: Bench>(bench: Rc<B>) -> ContractResult {
    let (dead, heir) = (TestClient::new(&*bench, 0), TestClient::new(&*bench, 1));
    let lease = bench.timing().lease;
    count(&dead, Mode::ContentRefresh, 2).await?;
    beat(&dead, lease, false).await?;
    let found = orphaned_of(beat(&heir, lease, false).await?, &dead);
    expect("the orphaned count", &found, &None, "its incarnation lives")?;
    beat(&dead, lease, true).await?;
    let found = orphaned_of(beat(&heir, lease, false).await?, &dead);
    let orphaned = found.ok_or_else(|| not_orphaned("its incarnation announced its stop"))?;
    let own = orphaned_of(beat(&dead, lease, true).await?, &dead);
    expect(
        "the orphaned count for its owner",
        &own,
        &None,
        "no incarnation adopts its own count",
    )?;
    let taken = applied("take-over", adopt(&heir, orphaned).await?)?;
    expect(
        "the adopted count",
        &taken.adopted,
        &[0, 2],
        "two runs were entered",
    )?;
    let found = orphaned_of(beat(&heir, lease, false).await?, &dead);
    expect("the orphaned count", &found, &None, "it was adopted")
}

async fn adopted_once<B: Bench>(bench: Rc<B>) -> ContractResult {
    let clients: Vec<_> = (0..8).map(|n| TestClient::new(&*bench, n)).collect();
    let lease = bench.timing().lease;
    count(&clients[0], Mode::AnalysisOnly, 3).await?;
    beat(&clients[0], lease, true).await?;
    let found = orphaned_of(beat(&clients[1], lease, false).await?, &clients[0]);
    let orphaned = found.ok_or_else(|| not_orphaned("its incarnation announced its stop"))?;
    let adoptions = clients[1..]
        .iter()
        .map(|client| adopt(client, orphaned.clone()));
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
        count(&dead, mode, change).await?;
        let answer = beat(&dead, lease, false).await?;
        let object = "the surrendered count";
        expect(
            object,
            &answer.surrendered,
            &expected,
            "it is the sum that others adopted",
        )?;
        dead.sleep(lease + bench.timing().tolerance).await;
        let found = orphaned_of(beat(&heir, lease, false).await?, &dead);
        let orphaned = found.ok_or_else(|| not_orphaned("its incarnation is silent"))?;
        let taken = applied("take-over", adopt(&heir, orphaned).await?)?;
        for (sum, taken) in expected.iter_mut().zip(taken.adopted) {
            *sum += taken;
        }
    }
    require(
        expected == [2, 1],
        "the adopted sum",
        expected,
        "[2, 1]",
        "it was counted so",
    )?;
    let answer = beat(&dead, lease, false).await?;
    expect(
        "the surrendered count",
        &answer.surrendered,
        &expected,
        "others adopted both",
    )
}
