//! One SQLite file and the thread of its connection.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rehearsal_worker::model::Timestamp;
use rehearsal_worker::ports::{PortError, PortResult};
use tokio_rusqlite::rusqlite::{self, Transaction, TransactionBehavior};
use tokio_rusqlite::{Connection, ErrorCode};

use crate::health::{DatabaseErrorCount, DatabaseHealth, PermanentDatabaseError};
use crate::{clock, schema};

/// Maximum number of prepared statements, which is more than the program has.
const CACHED_STATEMENTS: usize = 200;

/// Options with which a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseOptions {
    /// Time for which a call waits for the writes of other connections.
    pub busy_timeout: Duration,
    /// Whether each commit reaches the disk before its answer. Without it, a loss of power may
    /// undo the last commits.
    pub is_durable: bool,
    /// Maximum bytes of the file, without its log of recent writes; none for no limit. A file that
    /// is larger already does not grow.
    pub max_bytes: Option<u64>,
}

impl Default for DatabaseOptions {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(5),
            is_durable: true,
            max_bytes: None,
        }
    }
}

/// Reason why a file was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// SQLite refused the file.
    #[error("{path}: {error}; name a file in a folder that this user may write")]
    Sqlite {
        /// File.
        path: PathBuf,
        /// Error of SQLite.
        error: rusqlite::Error,
    },
    /// The file has a schema of another version.
    #[error(
        "{path}: its schema has version {found}, this program reads version {}; \
         use the program that wrote it, or another file",
        schema::VERSION
    )]
    Version {
        /// File.
        path: PathBuf,
        /// Version in the file.
        found: i64,
    },
}

/// Connection to a file. Clones share it; processes should have one each.
#[derive(Debug, Clone)]
pub struct Database {
    connection: Connection,
    /// Port on whose behalf errors are counted.
    port: &'static str,
    health: Arc<DatabaseHealth>,
}

impl Database {
    /// Opens a file, which is created if it does not exist.
    pub async fn open(path: &Path, options: DatabaseOptions) -> Result<Self, OpenError> {
        let refused = |error| OpenError::Sqlite {
            path: path.to_owned(),
            error,
        };
        let connection = Connection::open(path).await.map_err(refused)?;
        let prepared = connection.call(move |connection| {
            connection.busy_timeout(options.busy_timeout)?;
            connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
            schema::prepare(connection, options)
        });
        let version = prepared.await.map_err(|error| match error {
            tokio_rusqlite::Error::Error(error) | tokio_rusqlite::Error::Close((_, error)) => {
                refused(error)
            }
            _ => refused(rusqlite::Error::InvalidQuery),
        })?;
        if version != schema::VERSION {
            return Err(OpenError::Version {
                path: path.to_owned(),
                found: version,
            });
        }
        Ok(Self {
            connection,
            port: "database",
            health: Arc::default(),
        })
    }

    /// Returns the same connection for the calls of a port.
    pub(crate) fn of_port(&self, port: &'static str) -> Self {
        Self {
            port,
            ..self.clone()
        }
    }

    /// Returns the numbers of calls since the file was opened, by port.
    pub fn call_counts(&self) -> Vec<(&'static str, u64)> {
        self.health.calls()
    }

    /// Returns the numbers of errors since the file was opened, by port and class.
    pub fn error_counts(&self) -> Vec<DatabaseErrorCount> {
        self.health.counts()
    }

    /// Returns the last error that waiting does not mend, if there was one.
    pub fn last_permanent_error(&self) -> Option<PermanentDatabaseError> {
        self.health.last_permanent()
    }

    /// Carries out `work` in a transaction that may write. It gets the store's time.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>, Timestamp) -> rusqlite::Result<T> + Send + 'static,
    ) -> PortResult<T> {
        self.transaction(TransactionBehavior::Immediate, move |transaction| {
            let now = clock::advance(transaction)?;
            work(transaction, now)
        })
        .await
    }

    /// Carries out `work` in a transaction that only reads. It gets the store's time.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>, Timestamp) -> rusqlite::Result<T> + Send + 'static,
    ) -> PortResult<T> {
        self.transaction(TransactionBehavior::Deferred, move |transaction| {
            let now = clock::read(transaction)?;
            work(transaction, now)
        })
        .await
    }

    /// Carries out `work` in a transaction that only reads, while nothing is written: it sees all
    /// commits up to the store's time that it gets, and none has that time later.
    pub(crate) async fn read_exact<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>, Timestamp) -> rusqlite::Result<T> + Send + 'static,
    ) -> PortResult<T> {
        self.transaction(TransactionBehavior::Immediate, move |transaction| {
            let now = clock::read(transaction)?;
            work(transaction, now)
        })
        .await
    }

    async fn transaction<T: Send + 'static>(
        &self,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> PortResult<T> {
        let (port, health) = (self.port, Arc::clone(&self.health));
        health.note_call(port);
        let call = move |connection: &mut rusqlite::Connection| {
            carry_out(connection, behavior, work).map_err(|(error, port_error)| {
                health.note(port, &error);
                port_error
            })
        };
        let answer = self.connection.call_raw(call).await;
        // The thread ends only with the last clone, or if `work` panics.
        answer.unwrap_or_else(|_| {
            self.health.note_closed(port);
            Err(PortError::Unknown)
        })
    }
}

/// Carries out `work` in a transaction. An error before the end of the commit rolls it back.
fn carry_out<T>(
    connection: &mut rusqlite::Connection,
    behavior: TransactionBehavior,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> Result<T, (rusqlite::Error, PortError)> {
    let unavailable = |error| (error, PortError::Unavailable);
    let transaction = connection
        .transaction_with_behavior(behavior)
        .map_err(unavailable)?;
    let value = work(&transaction).map_err(unavailable)?;
    match transaction.commit() {
        Ok(()) => Ok(value),
        Err(error) if is_without_effect(&error) => Err(unavailable(error)),
        Err(error) => Err((error, PortError::Unknown)),
    }
}

/// Returns whether SQLite keeps the transaction open, or has rolled it back, after this error of a
/// commit.
fn is_without_effect(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DiskFull))
}
