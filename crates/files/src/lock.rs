//! Advisory lock on a directory, so that two processes don't write into it.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process;

use super::{FileError, create_directory};

/// Name of the lock file. It stays: removing it would let two processes hold different files.
const NAME: &str = ".lock";

/// Exclusive lock on a directory. The system releases it when the process ends, however it ends.
pub struct DirectoryLock {
    directory: PathBuf,
    _file: File,
}

impl DirectoryLock {
    /// Creates the directory if needed, and locks it.
    ///
    /// # Errors
    /// The directory can't be written, or another process holds the lock.
    pub fn acquire(directory: &Path) -> Result<Self, FileError> {
        create_directory(directory)?;
        let failed = |error| FileError::writing(directory, error);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(directory.join(NAME))
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(FileError::Locked {
                    path: directory.to_owned(),
                    holder: holder(&mut file),
                });
            }
            // Some network file systems have no locks.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        sign(&mut file).map_err(failed)?;
        Ok(Self {
            directory: directory.to_owned(),
            _file: file,
        })
    }

    /// Path of the directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

/// Writes the name of this process into the lock file.
fn sign(file: &mut File) -> io::Result<()> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = match host.trim() {
        "" => String::new(),
        host => format!(" on {host}"),
    };
    file.set_len(0)?;
    writeln!(file, "process {}{host}", process::id())
}

/// Process that holds the lock, as it has written into the file.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(200).read_to_string(&mut text);
    match (read, text.trim()) {
        (Ok(_), holder) if !holder.is_empty() => holder.escape_debug().to_string(),
        _ => "another process".into(),
    }
}
