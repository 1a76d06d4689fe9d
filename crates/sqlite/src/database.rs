//! One SQLite file and the thread of its connection.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rehearsal_worker::model::Timestamp;
use rehearsal_worker::ports::{PortError, PortResult};
use tokio_rusqlite::rusqlite::{self, Transaction, TransactionBehavior};
use tokio_rusqlite::{Connection, ErrorCode};

use crate::{clock, schema};

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseOptions {
    /// Time for which a call waits for the writes of other connections.
    pub busy_timeout: Duration,
    /// Whether each commit reaches the disk before its answer. Without it, a loss of power may
    /// undo the last commits.
    pub is_durable: bool,
}

impl Default for DatabaseOptions {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(5),
            is_durable: true,
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
            schema::prepare(connection, options.is_durable)
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
        Ok(Self { connection })
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

    async fn transaction<T: Send + 'static>(
        &self,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> PortResult<T> {
        let call = move |connection: &mut rusqlite::Connection| {
            // An error before the end of the commit rolls the transaction back.
            let transaction = connection
                .transaction_with_behavior(behavior)
                .map_err(|_| PortError::Unavailable)?;
            let value = work(&transaction).map_err(|_| PortError::Unavailable)?;
            match transaction.commit() {
                Ok(()) => Ok(value),
                Err(error) if is_without_effect(&error) => Err(PortError::Unavailable),
                Err(_) => Err(PortError::Unknown),
            }
        };
        // The thread ends only with the last clone, or if `work` panics.
        let answer = self.connection.call_raw(call).await;
        answer.unwrap_or(Err(PortError::Unknown))
    }
}

/// Returns whether SQLite keeps the transaction open, or has rolled it back, after this error of a
/// commit.
fn is_without_effect(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DiskFull))
}
