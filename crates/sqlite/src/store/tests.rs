//! Guarantees that the contract of the ports does not state.

mod administration;
mod failures;
mod plans;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rehearsal_worker::model::commit::{EndReason, RunWrite};
use rehearsal_worker::model::{
    Applied, Commit, CommitAnswer, CommitStep, CommitToken, IncarnationId, Run, RunId, RunState,
    Schedule, Trigger,
};
use rehearsal_worker::ports::Store;
use tempfile::TempDir;
use tokio::runtime::Builder;
use tokio_rusqlite::rusqlite;

use crate::{Database, DatabaseOptions, SqliteStore};

/// File that is removed with the test.
struct TestFile {
    directory: TempDir,
}

impl TestFile {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("store.sqlite")
    }

    async fn open(&self) -> Database {
        let options = DatabaseOptions {
            busy_timeout: Duration::from_millis(200),
            is_durable: false,
            ..DatabaseOptions::default()
        };
        Database::open(&self.path(), options).await.unwrap()
    }

    /// Opens the file as an operator's tool does.
    fn sql(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }
}

/// Store of a fresh file with one schedule, and a counter of commit tokens.
struct StoreClient {
    store: SqliteStore,
    incarnation: IncarnationId,
    sequence: u64,
}

fn schedule() -> Schedule {
    Schedule::new("nightly".into(), "acme".into())
}

impl StoreClient {
    async fn open(file: &TestFile, process: &str) -> Self {
        let store = SqliteStore::new(file.open().await);
        store.define_schedule(schedule()).await.unwrap();
        Self {
            store,
            incarnation: IncarnationId::new(process.into(), 1),
            sequence: 0,
        }
    }

    fn commit(&mut self, step: CommitStep) -> Commit {
        self.sequence += 1;
        let token = CommitToken {
            incarnation: self.incarnation.clone(),
            sequence: self.sequence,
            delivery: 0,
        };
        Commit::new(token, step)
    }

    async fn apply(&self, commit: Commit) -> Applied {
        match self.store.commit(&Arc::new(commit)).await.unwrap() {
            CommitAnswer::Applied(applied) => applied,
            other => panic!("{other:?}"),
        }
    }

    fn creation(&mut self, occurrence: u32) -> Commit {
        let mut commit = self.commit(CommitStep::Manual);
        commit.runs.push(RunWrite {
            run: Run::new(&schedule(), Trigger::Manual, occurrence),
            expected: None,
        });
        commit
    }

    async fn create(&mut self, occurrence: u32) -> RunId {
        let commit = self.creation(occurrence);
        let id = commit.runs[0].run.id.clone();
        self.apply(commit).await;
        id
    }

    async fn end(&mut self, id: &RunId) {
        let document = self.store.run(id).await.unwrap().value.unwrap();
        let mut run = document.run.value.clone();
        run.state = RunState::Cancelled;
        let mut commit = self.commit(CommitStep::End(EndReason::Command));
        commit.runs.push(document.write(run));
        self.apply(commit).await;
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.unwrap().block_on(future)
}
