//! Errors of files and directories, with their paths.

use std::io;
use std::path::{Path, PathBuf};

/// File or directory that can't be read or written, or must not be.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system, or a limit of the program, refuses a read or write.
    #[error("can't {operation} {}: {source}", path.display())]
    Io {
        /// Verb for the message: `read` or `write`.
        operation: &'static str,
        /// Path of the file or directory.
        path: PathBuf,
        /// Reason.
        source: io::Error,
    },
    /// The output exists.
    #[error("{} exists: choose another path, or replace it with --force", .0.display())]
    Exists(PathBuf),
    /// The output is also an input.
    #[error("{} is an input of this command: choose another path for the output", .0.display())]
    Input(PathBuf),
    /// Another process writes into the directory.
    #[error(
        "{} is in use by {holder}: wait until it ends, or choose another directory",
        path.display()
    )]
    Locked {
        /// Path of the directory.
        path: PathBuf,
        /// Process that holds the lock.
        holder: String,
    },
}

impl FileError {
    /// Error of reading a file or directory.
    pub fn reading(path: &Path, source: io::Error) -> Self {
        Self::Io {
            operation: "read",
            path: path.to_owned(),
            source,
        }
    }

    /// Error of writing a file or directory.
    pub fn writing(path: &Path, source: io::Error) -> Self {
        Self::Io {
            operation: "write",
            path: path.to_owned(),
            source,
        }
    }

    /// Whether other arguments are the remedy.
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Exists(_) | Self::Input(_))
    }

    /// Reason without the path.
    pub fn reason(&self) -> String {
        match self {
            Self::Io { source, .. } => source.to_string(),
            other => other.to_string(),
        }
    }
}
