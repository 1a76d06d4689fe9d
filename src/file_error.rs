//! Failed reads and writes of files, with their paths.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// File or directory that can't be read or written.
#[derive(Debug, thiserror::Error)]
#[error("can't {operation} {}: {source}", path.display())]
pub struct FileError {
    /// Verb for the message: `read` or `write`.
    operation: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    /// Error of reading a file or directory.
    pub fn reading(path: &Path, source: io::Error) -> Self {
        Self {
            operation: "read",
            path: path.to_owned(),
            source,
        }
    }

    /// Error of writing a file or directory.
    pub fn writing(path: &Path, source: io::Error) -> Self {
        Self {
            operation: "write",
            path: path.to_owned(),
            source,
        }
    }

    /// Reason without the path.
    pub fn reason(&self) -> String {
        self.source.to_string()
    }
}

/// Reads a text file.
///
/// # Errors
/// The file can't be read, or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(|error| FileError::reading(path, error))
}

/// Reads a file of at most `bytes_max` bytes.
///
/// # Errors
/// The file can't be read, or is larger.
pub fn read_limited(path: &Path, bytes_max: u64) -> Result<Vec<u8>, FileError> {
    let failed = |error| FileError::reading(path, error);
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > bytes_max {
        let reason = format!("it is larger than {} MiB", bytes_max >> 20);
        return Err(failed(io::Error::other(reason)));
    }
    Ok(bytes)
}

/// Writes a file, and replaces an existing one.
///
/// # Errors
/// The file can't be written.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), FileError> {
    fs::write(path, content).map_err(|error| FileError::writing(path, error))
}
