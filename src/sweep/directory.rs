//! Directory of a sweep: the result, the numbers of each seed, and a file for each bug.
//!
//! ```text
//!  sweep.json      the result, rewritten every two seconds
//!  seeds.jsonl     the numbers of each seed, one line per seed, in order
//!  running.txt     the seeds in progress; after an abort, its possible causes
//!  bugs/*.toml     a bug file for each cause
//!  .lock           the process that writes into the directory
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::bug::SCHEMA;
use super::rows::{RowWriter, read_rows};
use super::{Bug, ResultError, SeedRow, SweepFailure, SweepResult, Trial};
use crate::files::{
    ByteLimit, DirectoryLock, ExistingFile, FileError, create_directory, read_text, remove_drafts,
    remove_file, write,
};

/// Delay between two writes of the result.
const SAVE_INTERVAL: Duration = Duration::from_secs(2);

const RESULT: &str = "sweep.json";
const BUGS: &str = "bugs";

/// Directory of a sweep, locked and open for writing.
pub struct SweepDirectory {
    lock: DirectoryLock,
    rows: RowWriter,
    saved: Instant,
    /// Bug files written so far, with their failures.
    bugs: Vec<(PathBuf, SweepFailure)>,
}

impl SweepDirectory {
    /// Begins in a locked directory, with the given result and its rows. Files of an earlier sweep
    /// are replaced.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn create(
        lock: DirectoryLock,
        result: &SweepResult,
        rows: &[SeedRow],
    ) -> Result<Self, FileError> {
        // Without it, no reader takes the new rows for those of the old result.
        remove_file(&lock.directory().join(RESULT))?;
        Self::resume(lock, result, rows)
    }

    /// Continues a sweep in its locked directory. `result` and `rows` are those that it has.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn resume(
        lock: DirectoryLock,
        result: &SweepResult,
        rows: &[SeedRow],
    ) -> Result<Self, FileError> {
        let path = lock.directory();
        create_directory(&path.join(BUGS))?;
        remove_drafts(path)?;
        remove_drafts(&path.join(BUGS))?;
        let rows = RowWriter::create(path, rows)?;
        let mut directory = Self {
            lock,
            rows,
            saved: Instant::now(),
            bugs: Vec::new(),
        };
        directory.finish(result)?;
        Ok(directory)
    }

    /// Path of the directory.
    pub fn path(&self) -> &Path {
        self.lock.directory()
    }

    /// Appends the row of a seed, and saves the result if it is due.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn add(&mut self, trial: &Trial, result: &SweepResult) -> Result<(), FileError> {
        self.rows.append(&trial.row)?;
        if self.saved.elapsed() >= SAVE_INTERVAL {
            self.save(result)?;
        }
        Ok(())
    }

    /// Saves the rows, the bug files and the result, in this order: a result is never without them.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn save(&mut self, result: &SweepResult) -> Result<(), FileError> {
        self.rows.sync()?;
        for failure in &result.failures {
            self.write_bug(failure, result)?;
        }
        let path = self.path().join(RESULT);
        write(&path, ExistingFile::Replace, result.to_json())?;
        self.saved = Instant::now();
        Ok(())
    }

    /// Saves the result, and removes the bug files of others.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn finish(&mut self, result: &SweepResult) -> Result<(), FileError> {
        self.save(result)?;
        self.remove_other_bugs()
    }

    fn write_bug(&mut self, failure: &SweepFailure, result: &SweepResult) -> Result<(), FileError> {
        let known = self
            .bugs
            .iter()
            .position(|(_, known)| known.cause.is_same(&failure.cause));
        if let Some(index) = known {
            if self.bugs[index].1.soonest_seed == failure.soonest_seed {
                return Ok(());
            }
            // A seed that fails earlier replaces it.
            remove_file(&self.bugs.swap_remove(index).0)?;
        }
        let path = self.bug_path(failure);
        let text = bug(failure, result, &self.path().join(BUGS)).to_toml();
        write(&path, ExistingFile::Replace, text)?;
        self.bugs.push((path, failure.clone()));
        Ok(())
    }

    /// Removes bug files that are not of this result: an earlier sweep or an abort has left them.
    fn remove_other_bugs(&self) -> Result<(), FileError> {
        let directory = self.path().join(BUGS);
        let unreadable = |error| FileError::reading(&directory, error);
        for entry in fs::read_dir(&directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let is_own = self.bugs.iter().any(|(own, _)| *own == path);
            if !is_own && Bug::read(&path).is_ok() {
                remove_file(&path)?;
            }
        }
        Ok(())
    }

    /// Path of the bug file of a failure.
    pub fn bug_path(&self, failure: &SweepFailure) -> PathBuf {
        let name = format!("{}-{}.toml", failure.cause.name, failure.soonest_seed);
        self.path().join(BUGS).join(name)
    }
}

/// Bug file of a failure, to be written in `directory`.
fn bug(failure: &SweepFailure, result: &SweepResult, directory: &Path) -> Bug {
    let subject = &result.subject;
    let scenario_directory = Path::new(&subject.path).parent().unwrap_or(Path::new(""));
    Bug {
        schema: SCHEMA.into(),
        version: subject.version.clone(),
        seed: failure.soonest_seed,
        profile: subject.profile.clone(),
        set: subject.set.clone(),
        event_budget: subject.event_budget,
        drawn: failure.soonest.drawn.clone(),
        message: failure.soonest.message.clone(),
        trace: failure.trace.clone(),
        directory: relative(directory, scenario_directory),
        scenario: subject.text.clone(),
        cause: failure.cause.clone(),
    }
}

/// Relative path from one directory to another; absolute if there is none.
fn relative(from: &Path, to: &Path) -> String {
    let absolute = |path: &Path| std::path::absolute(path.join("")).unwrap_or(path.to_owned());
    let to = absolute(to);
    let way = pathdiff::diff_paths(&to, absolute(from)).unwrap_or(to);
    way.display().to_string()
}

/// Whether a directory has no result of a sweep yet.
pub fn is_fresh(path: &Path) -> bool {
    !path.join(RESULT).exists()
}

/// Reads the result from a file, or from the directory of a sweep.
///
/// # Errors
/// The file can't be read, or is not a result of this version.
pub fn read_result(path: &Path) -> Result<SweepResult, ResultError> {
    let path = match path.is_dir() {
        true => path.join(RESULT),
        false => path.to_owned(),
    };
    let text = read_text(&path, ByteLimit::RESULT)?;
    SweepResult::parse(&path, &text)
}

/// Reads the result of a sweep with its rows, in seed order. `path` is the directory, or the file
/// of the result in it.
///
/// # Errors
/// A file can't be read or is damaged, or the rows are not those of the result.
pub fn read_sweep(path: &Path) -> Result<(SweepResult, Vec<SeedRow>), ResultError> {
    let result = read_result(path)?;
    let directory = match path.is_dir() {
        true => path,
        false => path.parent().unwrap_or(Path::new("")),
    };
    let rows = read_rows(directory, &result)?;
    Ok((result, rows))
}
