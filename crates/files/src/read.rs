//! Reads of input files with limits on their kind and size.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::FileError;

/// Name of the standard input as a path.
const STDIN: &str = "-";

/// Maximum size of an input file in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteLimit(u64);

impl ByteLimit {
    /// Secrets: keys and tokens.
    pub const SECRET: Self = Self::mebibytes(1);
    /// Configurations, scenario files, rule files, bug files and dashboards.
    pub const DOCUMENT: Self = Self::mebibytes(4);
    /// Files that a scenario refers to.
    pub const TRACE: Self = Self::mebibytes(64);
    /// Results of sweeps and reports of runs.
    pub const RESULT: Self = Self::mebibytes(64);
    /// Compressed recordings.
    pub const RECORDING: Self = Self::mebibytes(256);
    /// Rows of a sweep, and images of an inventory.
    pub const ROWS: Self = Self::mebibytes(4096);

    const fn mebibytes(count: u64) -> Self {
        Self(count << 20)
    }
}

/// Input file, open for reading: a regular file, or the standard input, up to a limit.
pub struct InputFile {
    source: Box<dyn Read>,
    limit: u64,
    rest: u64,
}

/// Whether a path means the standard input.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == STDIN
}

/// Name of an input in messages.
pub fn input_name(path: &Path) -> String {
    match is_stdin(path) {
        true => "standard input".into(),
        false => path.display().to_string(),
    }
}

impl InputFile {
    /// Opens a file, or the standard input if the path is `-`.
    ///
    /// # Errors
    /// The file can't be opened, is not a regular file, or is larger than the limit.
    pub fn open(path: &Path, limit: ByteLimit) -> Result<Self, FileError> {
        let source = source(path).map_err(|error| FileError::reading(path, error))?;
        Ok(Self {
            source,
            limit: limit.0,
            rest: limit.0,
        })
    }

    /// Reads the rest of the file as text.
    ///
    /// # Errors
    /// A read fails, the text is not UTF-8, or the file is larger than the limit.
    pub fn into_text(mut self, path: &Path) -> Result<String, FileError> {
        let mut text = String::new();
        self.read_to_string(&mut text)
            .map_err(|error| FileError::reading(path, error))?;
        Ok(text)
    }
}

impl Read for InputFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        match self.rest.checked_sub(count as u64) {
            Some(rest) => self.rest = rest,
            None => {
                let limit = self.limit >> 20;
                return Err(io::Error::other(format!("it is larger than {limit} MiB")));
            }
        }
        Ok(count)
    }
}

fn source(path: &Path) -> io::Result<Box<dyn Read>> {
    if is_stdin(path) {
        return Ok(Box::new(io::stdin()));
    }
    // Opening a named pipe would wait for its writer, so its kind is checked before.
    let kind = fs::metadata(path)?.file_type();
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !kind.is_file() {
        let reason = "it is not a regular file; `-` reads the standard input";
        return Err(io::Error::other(reason));
    }
    Ok(Box::new(File::open(path)?))
}

/// Reads a text file, or the standard input if the path is `-`.
///
/// # Errors
/// The file can't be read, is not a regular file, is larger than the limit, or is not UTF-8.
pub fn read_text(path: &Path, limit: ByteLimit) -> Result<String, FileError> {
    InputFile::open(path, limit)?.into_text(path)
}
