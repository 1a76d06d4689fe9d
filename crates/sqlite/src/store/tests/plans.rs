//! Plans of the statements: none reads a whole table or sorts without need.

use std::collections::BTreeSet;
use std::sync::Mutex;

use rehearsal_worker::model::{PermitRequest, SegmentKey};
use tokio_rusqlite::rusqlite::trace::{TraceEvent, TraceEventCodes};

use super::*;
use crate::PurgeLimits;

/// Texts of the statements that one connection has carried out, without those of other tests.
static STATEMENTS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Parts of plans that are as they should be: lists of all schedules, the recursive look-up of
/// tenants, runs of the few deleted schedules, the oldest events by their row, the purge of tokens,
/// and the one row of the clock.
const EXPECTED: [(&str, &str); 8] = [
    ("mode, awaiting_0", "SCAN schedules"),
    ("WITH RECURSIVE", "SCAN tenants"),
    ("JOIN runs", "USE TEMP B-TREE FOR ORDER BY"),
    ("FROM outbox ORDER BY position", "SCAN outbox"),
    ("DELETE FROM tokens", "SCAN tokens"),
    ("DELETE FROM tokens", "SCAN incarnations"),
    ("DELETE FROM tokens", "USE TEMP B-TREE"),
    ("clock", "SCAN clock"),
];

fn record(event: TraceEvent<'_>) {
    if let TraceEvent::Stmt(statement, _) = event {
        STATEMENTS
            .lock()
            .unwrap()
            .insert(statement.sql().into_owned());
    }
}

/// Calls everything that reads more than one row.
async fn call_all(client: &mut StoreClient) {
    let run = client.create(1).await;
    client.end(&run).await;
    let limits = PurgeLimits {
        documents: Duration::ZERO,
        tokens: Duration::ZERO,
    };
    let (limit, id) = (Duration::from_secs(60), schedule().id);
    let key = SegmentKey { run, index: 0 };
    let store = &client.store;
    store.schedules().await.unwrap();
    store.schedule_documents().await.unwrap();
    store.exports(10).await.unwrap();
    store.planning_runs(2).await.unwrap();
    store.begin_segment(&key, 1).await.unwrap();
    store.intents(10).await.unwrap();
    store.outbox(10).await.unwrap();
    store.forget_events(&[]).await.unwrap();
    let permits = PermitRequest {
        rate_per_second: 1.0,
        count: 1,
        lead: limit,
        trail: limit,
    };
    store.reserve_permits(&id, permits).await.unwrap();
    store.backlog().await.unwrap();
    let beat = store.heartbeat(&client.incarnation, limit, false);
    beat.await.unwrap();
    store.register(&client.incarnation.process).await.unwrap();
    store.stale_work(limit, limit).await.unwrap();
    store.incarnations(10).await.unwrap();
    for schedule in [None, Some(&id)] {
        for state in [None, Some(RunState::Running)] {
            store.runs(state, schedule, 10).await.unwrap();
        }
    }
    store.purge(limits).await.unwrap();
}

#[test]
fn statements_use_indexes() {
    let file = TestFile::new();
    block_on(async {
        let mut client = StoreClient::open(&file, "worker").await;
        let trace = client.store.database.read(|db, _| {
            db.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(record));
            Ok(())
        });
        trace.await.unwrap();
        call_all(&mut client).await;
    });
    let statements = STATEMENTS.lock().unwrap().clone();
    assert!(statements.len() >= 40, "{}", statements.len());
    let sql = file.sql();
    let mut unexpected = Vec::new();
    for statement in statements {
        let Ok(mut explain) = sql.prepare(&format!("EXPLAIN QUERY PLAN {statement}")) else {
            continue; // BEGIN and COMMIT have no plan.
        };
        let mut rows = explain.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get("detail").unwrap();
            let is_bad =
                step.contains("TEMP B-TREE") || step.starts_with("SCAN") && !step.contains("INDEX");
            let mut expected = EXPECTED.iter();
            let is_expected =
                expected.any(|(part, plan)| statement.contains(part) && step.contains(plan));
            if is_bad && !is_expected {
                unexpected.push(format!("{step}: {statement}"));
            }
        }
    }
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
}
