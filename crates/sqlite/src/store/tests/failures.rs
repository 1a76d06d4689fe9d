//! Files that are full, damaged, locked or of another version, and callers that stop waiting.

use futures_lite::future::poll_once;
use rehearsal_worker::ports::PortError;

use super::*;
use crate::{DatabaseErrorClass, OpenError};

#[test]
fn file_of_another_schema_version_is_refused() {
    let file = TestFile::new();
    block_on(async {
        drop(file.open().await);
        file.sql().pragma_update(None, "user_version", 99).unwrap();
        let error = Database::open(&file.path(), DatabaseOptions::default()).await;
        let error = error.unwrap_err();
        assert!(matches!(error, OpenError::Version { found: 99, .. }));
        assert!(error.to_string().contains("its schema has version 99"));
        std::fs::write(file.path(), "this is a text and no database").unwrap();
        let error = Database::open(&file.path(), DatabaseOptions::default()).await;
        assert!(matches!(error, Err(OpenError::Sqlite { .. })));
    });
}

#[test]
fn full_file_refuses_writes_and_keeps_everything_readable() {
    let file = TestFile::new();
    block_on(async {
        let mut client = StoreClient::open(&file, "worker").await;
        let id = client.create(0).await;
        let database = client.store.database.clone();
        let limit = database.read(|db, _| {
            let pages: u32 = db.pragma_query_value(None, "page_count", |row| row.get(0))?;
            db.pragma_update_and_check(None, "max_page_count", pages + 2, |_| Ok(()))
        });
        limit.await.unwrap();
        let mut error = None;
        for occurrence in 1..10_000 {
            let commit = Arc::new(client.creation(occurrence));
            let answer = client.store.commit(&commit).await;
            if let Err(refused) = answer {
                error = Some((refused, commit));
                break;
            }
        }
        let (refused, commit) = error.expect("the file does not grow");
        assert_eq!(refused, PortError::Unavailable);
        let last = database.last_permanent_error().unwrap();
        assert_eq!((last.port, last.class), ("store", DatabaseErrorClass::Full));
        let counts = database.error_counts();
        assert_eq!((counts.len(), counts[0].count), (1, 1));
        let run = client.store.run(&commit.runs[0].run.id).await.unwrap();
        assert_eq!(run.value, None, "a refused commit has no effect");
        assert!(client.store.run(&id).await.unwrap().value.is_some());
        assert!(!client.store.runs(None, None, 10).await.unwrap().is_empty());
        let raise = database.read(|db, _| {
            db.pragma_update_and_check(None, "max_page_count", 1_000_000, |_| Ok(()))
        });
        raise.await.unwrap();
        let answer = client.store.commit(&commit).await.unwrap();
        assert!(matches!(answer, CommitAnswer::Applied(_)));
    });
}

#[test]
fn connection_with_a_limit_does_not_grow_the_file_and_others_do() {
    let file = TestFile::new();
    block_on(async {
        let mut client = StoreClient::open(&file, "worker").await;
        client.create(0).await;
        let options = DatabaseOptions {
            max_bytes: Some(1),
            ..DatabaseOptions::default()
        };
        let limited = Database::open(&file.path(), options).await.unwrap();
        let limited = SqliteStore::new(limited);
        let mut refused = None;
        for occurrence in 1..1_000 {
            let commit = Arc::new(client.creation(occurrence));
            if limited.commit(&commit).await == Err(PortError::Unavailable) {
                refused = Some(commit);
                break;
            }
        }
        let refused = refused.expect("the file grows");
        let answer = client.store.commit(&refused).await.unwrap();
        assert!(matches!(answer, CommitAnswer::Applied(_)));
    });
}

#[test]
fn call_over_the_busy_timeout_has_no_effect_and_is_counted() {
    let file = TestFile::new();
    block_on(async {
        let mut client = StoreClient::open(&file, "worker").await;
        let other = file.sql();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let commit = Arc::new(client.creation(1));
        let answer = client.store.commit(&commit).await;
        assert_eq!(answer, Err(PortError::Unavailable));
        other.execute_batch("ROLLBACK").unwrap();
        let counts = client.store.database.error_counts();
        assert_eq!(counts[0].class, DatabaseErrorClass::Busy);
        assert_eq!(client.store.database.last_permanent_error(), None);
        client.apply(Arc::unwrap_or_clone(commit)).await;
    });
}

#[test]
fn times_of_reports_are_read_while_nothing_is_written() {
    let file = TestFile::new();
    block_on(async {
        let mut client = StoreClient::open(&file, "worker").await;
        let id = client.create(1).await;
        let other = file.sql();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let (store, tenant) = (&client.store, schedule().tenant);
        let refused = store.last_reports(&tenant, &[]).await;
        assert_eq!(refused, Err(PortError::Unavailable));
        let run = store.run(&id).await.unwrap();
        assert!(run.value.is_some(), "other reads do not wait");
        other.execute_batch("ROLLBACK").unwrap();
        let read = store.last_reports(&tenant, &[]).await.unwrap();
        let next = client.creation(2);
        assert!(read.now >= run.now && client.apply(next).await.at > read.now);
    });
}

#[test]
fn fresh_file_is_opened_by_several_processes_at_once() {
    for _ in 0..5 {
        let file = TestFile::new();
        let path = file.path();
        let open = || block_on(Database::open(&path, DatabaseOptions::default())).map(drop);
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            for thread in threads {
                thread.join().unwrap().unwrap();
            }
        });
    }
}

#[test]
fn errors_that_waiting_does_not_mend_are_told_apart() {
    for (damage, class) in [
        ("DROP TABLE intents", DatabaseErrorClass::Schema),
        (
            "UPDATE runs SET document = '{'",
            DatabaseErrorClass::Document,
        ),
    ] {
        let file = TestFile::new();
        block_on(async {
            let mut client = StoreClient::open(&file, "worker").await;
            client.create(1).await;
            file.sql().execute_batch(damage).unwrap();
            let intents = client.store.intents(10).await.err();
            let runs = client.store.runs(None, None, 10).await.err();
            assert_eq!(intents.or(runs), Some(PortError::Unavailable));
            let last = client.store.database.last_permanent_error().unwrap();
            assert_eq!(last.class, class, "{}", last.cause);
        });
    }
    let file = TestFile::new();
    block_on(async {
        let client = StoreClient::open(&file, "worker").await;
        let database = client.store.database.clone();
        let restrict = database.read(|db, _| db.pragma_update(None, "query_only", true));
        restrict.await.unwrap();
        let answer = client.store.delete_schedule(&schedule().id).await;
        assert_eq!(answer, Err(PortError::Unavailable));
        let last = database.last_permanent_error().unwrap();
        assert_eq!(last.class, DatabaseErrorClass::ReadOnly);
        let panics = database.read(|_, _| -> rusqlite::Result<()> { panic!("a defect") });
        assert_eq!(panics.await, Err(PortError::Unknown));
        assert_eq!(client.store.backlog().await.err(), Some(PortError::Unknown));
        let last = database.last_permanent_error().unwrap();
        assert_eq!(last.class, DatabaseErrorClass::Closed);
    });
}

#[test]
fn dropped_call_leaves_no_transaction() {
    let file = TestFile::new();
    block_on(async {
        let mut client = StoreClient::open(&file, "worker").await;
        let mut other = StoreClient::open(&file, "other").await;
        for occurrence in 0..20 {
            let commit = Arc::new(client.creation(occurrence));
            assert!(poll_once(client.store.commit(&commit)).await.is_none());
            // The other connection would wait for an open transaction in vain.
            other.create(100 + occurrence).await;
            client.apply(Arc::unwrap_or_clone(commit)).await;
        }
        let is_idle = client.store.database.read(|db, _| Ok(!db.is_busy()));
        assert!(is_idle.await.unwrap());
        assert_eq!(client.store.runs(None, None, 100).await.unwrap().len(), 40);
    });
}

#[test]
fn time_grows_with_every_commit_even_if_the_clock_of_the_machine_falls() {
    let file = TestFile::new();
    block_on(async {
        let mut client = StoreClient::open(&file, "worker").await;
        let mut other = StoreClient::open(&file, "other").await;
        // Seen from an hour later, the clock of the machine has fallen by an hour.
        let advance = "UPDATE clock SET last_ns = last_ns + 3600 * 1000000000";
        file.sql().execute_batch(advance).unwrap();
        let mut last = client.store.backlog().await.unwrap().now;
        for occurrence in 0..10 {
            let writer = match occurrence % 2 {
                0 => &mut client,
                _ => &mut other,
            };
            let commit = writer.creation(occurrence);
            let at = writer.apply(commit).await.at;
            assert!(at > last, "{at} after {last}");
            last = writer.store.backlog().await.unwrap().now;
            assert!(last >= at);
        }
    });
}
