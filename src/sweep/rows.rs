//! File of the rows of a sweep: an append-only journal, one line per seed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::{ResultError, RowChecksum, SeedRow, SweepResult};
use crate::files::{ByteLimit, ExistingFile, FileError, InputFile, write_with};

const FILE: &str = "seeds.jsonl";

/// Maximum length of a line in bytes.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Rows of a sweep, open for appending.
pub struct RowWriter {
    path: PathBuf,
    out: BufWriter<File>,
}

impl RowWriter {
    /// Replaces the rows in a sweep's directory.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn create(directory: &Path, rows: &[SeedRow]) -> Result<Self, FileError> {
        let path = directory.join(FILE);
        let file = write_with(&path, ExistingFile::Replace, |out| {
            rows.iter()
                .try_for_each(|row| writeln!(out, "{}", row.to_line()))
        })?;
        Ok(Self {
            path,
            out: BufWriter::new(file),
        })
    }

    /// Appends a row.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn append(&mut self, row: &SeedRow) -> Result<(), FileError> {
        let written = writeln!(self.out, "{}", row.to_line());
        written.map_err(|error| FileError::writing(&self.path, error))
    }

    /// Makes all rows durable.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn sync(&mut self) -> Result<(), FileError> {
        let synced = self
            .out
            .flush()
            .and_then(|()| self.out.get_ref().sync_data());
        synced.map_err(|error| FileError::writing(&self.path, error))
    }
}

/// Reads the rows of a result from its directory, in seed order. Rows of other seeds, which an
/// abort may leave at the end, are dropped.
///
/// # Errors
/// The file can't be read, or the rows are not those of the result.
pub fn read_rows(directory: &Path, result: &SweepResult) -> Result<Vec<SeedRow>, ResultError> {
    let path = directory.join(FILE);
    if !path.exists() && result.seeds.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = BTreeMap::new();
    let mut checksum = RowChecksum::default();
    let mut damage = None;
    let unreadable = |error| FileError::reading(&path, error);
    let mut lines = BufReader::new(InputFile::open(&path, ByteLimit::ROWS)?);
    let mut line = String::new();
    for number in 1_u64.. {
        line.clear();
        let mut limited = lines.by_ref().take(LINE_BYTES_MAX);
        limited.read_line(&mut line).map_err(unreadable)?;
        // An abort may leave an incomplete last line.
        let Some(whole) = line.strip_suffix('\n') else {
            break;
        };
        match serde_json::from_str::<SeedRow>(whole) {
            Ok(row) if result.seeds.contains(row.seed) => {
                checksum = checksum.merged(RowChecksum::of(whole));
                rows.insert(row.seed, row);
            }
            Ok(_) => {}
            Err(error) => damage = damage.or(Some((number, error))),
        }
    }
    let seeds = result.seeds.len();
    let is_whole = rows.len() as u64 == seeds;
    if is_whole && result.row_checksum.is_none_or(|known| known == checksum) {
        return Ok(rows.into_values().collect());
    }
    let reason = match damage {
        Some((number, error)) => format!("line {number} is damaged ({error})"),
        None if is_whole => "its rows are of another sweep than sweep.json".into(),
        None => format!(
            "sweep.json is the result of {seeds} seeds, and {} of them have a row",
            rows.len()
        ),
    };
    Err(ResultError::Rows { path, reason })
}
