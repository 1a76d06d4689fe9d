//! Calls by port, errors of SQLite by class, and the last one that waiting does not mend.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio_rusqlite::ErrorCode;
use tokio_rusqlite::rusqlite;

/// Class of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DatabaseErrorClass {
    /// Another connection wrote for longer than the busy timeout.
    Busy,
    /// The operating system failed to read or write, or to open a file.
    Io,
    /// The disk, or the file's quota, is full.
    Full,
    /// The file may not be written.
    ReadOnly,
    /// The file is damaged, or no database.
    Corrupt,
    /// A statement does not fit the tables: one is missing, or has other columns or rules.
    Schema,
    /// A stored document is not readable.
    Document,
    /// The thread of the connection has ended.
    Closed,
    /// Any other error.
    Other,
}

impl DatabaseErrorClass {
    /// Returns the label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Io => "io",
            Self::Full => "full",
            Self::ReadOnly => "read-only",
            Self::Corrupt => "corrupt",
            Self::Schema => "schema",
            Self::Document => "document",
            Self::Closed => "closed",
            Self::Other => "other",
        }
    }

    /// Returns whether a repeat fails until an operator intervenes.
    pub const fn is_permanent(self) -> bool {
        !matches!(self, Self::Busy | Self::Io | Self::Other)
    }

    fn of(error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => Self::Io,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt,
            Some(
                ErrorCode::Unknown
                | ErrorCode::SchemaChanged
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch,
            ) => Self::Schema,
            Some(_) => Self::Other,
            None => Self::Document,
        }
    }
}

impl fmt::Display for DatabaseErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Error that waiting does not mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermanentDatabaseError {
    /// Port whose call failed.
    pub port: &'static str,
    /// Class of the error.
    pub class: DatabaseErrorClass,
    /// Message of SQLite, without parts of documents.
    pub cause: String,
    /// Time of the last such error, on the machine's clock.
    pub at: SystemTime,
}

/// Number of errors of one class in the calls of one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseErrorCount {
    /// Port whose calls failed.
    pub port: &'static str,
    /// Class of the errors.
    pub class: DatabaseErrorClass,
    /// Number of errors since the file was opened.
    pub count: u64,
}

/// Returns the cause without parts of a document, which belongs to a tenant.
fn cause_of(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::FromSqlConversionFailure(column, kind, _) => {
            format!("column {column} of type {kind} does not hold the expected document")
        }
        other => other.to_string(),
    }
}

/// Calls and errors since the file was opened.
#[derive(Debug, Default)]
pub(crate) struct DatabaseHealth(Mutex<CallRecord>);

#[derive(Debug, Default, Clone)]
struct CallRecord {
    calls: BTreeMap<&'static str, u64>,
    counts: BTreeMap<(&'static str, DatabaseErrorClass), u64>,
    permanent: Option<PermanentDatabaseError>,
}

impl DatabaseHealth {
    fn record(&self) -> MutexGuard<'_, CallRecord> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call.
    pub fn note_call(&self, port: &'static str) {
        *self.record().calls.entry(port).or_default() += 1;
    }

    /// Returns the number of calls of each port.
    pub fn calls(&self) -> Vec<(&'static str, u64)> {
        let record = self.record();
        let calls = record.calls.iter();
        calls.map(|(port, count)| (*port, *count)).collect()
    }

    /// Counts an error of SQLite.
    pub fn note(&self, port: &'static str, error: &rusqlite::Error) {
        self.count(port, DatabaseErrorClass::of(error), &cause_of(error));
    }

    /// Counts an error of a connection whose thread has ended.
    pub fn note_closed(&self, port: &'static str) {
        let cause = "the thread of the connection has ended";
        self.count(port, DatabaseErrorClass::Closed, cause);
    }

    fn count(&self, port: &'static str, class: DatabaseErrorClass, cause: &str) {
        let mut record = self.record();
        *record.counts.entry((port, class)).or_default() += 1;
        if class.is_permanent() {
            record.permanent = Some(PermanentDatabaseError {
                port,
                class,
                cause: cause.to_owned(),
                at: SystemTime::now(),
            });
        }
    }

    pub fn counts(&self) -> Vec<DatabaseErrorCount> {
        let record = self.record();
        let counts = record.counts.iter();
        counts
            .map(|(&(port, class), &count)| DatabaseErrorCount { port, class, count })
            .collect()
    }

    pub fn last_permanent(&self) -> Option<PermanentDatabaseError> {
        self.record().permanent.clone()
    }
}
