//! Directory of a sweep: the result, the numbers of each seed, and a file for each bug.
//!
//! ```text
//!  sweep.json      the result, rewritten every two seconds
//!  seeds.jsonl     the numbers of each seed, one line per seed, in order
//!  running.txt     the seeds in progress; after an abort, its possible causes
//!  bugs/*.toml     a bug file for each cause
//! ```

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::bug::SCHEMA;
use super::{Bug, ResultError, SeedRow, SweepFailure, SweepResult, Trial};
use crate::file_error::{FileError, read_text, write};

/// Delay between two writes of the result.
const SAVE_INTERVAL: Duration = Duration::from_secs(2);

const RESULT: &str = "sweep.json";
const SEEDS: &str = "seeds.jsonl";
const RUNNING: &str = "running.txt";
const BUGS: &str = "bugs";

/// Directory of a sweep, open for writing.
pub struct SweepDirectory {
    path: PathBuf,
    seeds: BufWriter<File>,
    saved: Instant,
    /// Bug files written so far, with their failures.
    bugs: Vec<(PathBuf, SweepFailure)>,
}

/// File of the seeds in progress.
pub struct RunningSeeds {
    state: Mutex<(BTreeSet<u64>, Option<File>)>,
}

impl RunningSeeds {
    /// Adds a seed that starts. Write errors are ignored: they must not stop the sweep.
    pub fn begin(&self, seed: u64) {
        self.change(|seeds| seeds.insert(seed));
    }

    /// Removes a finished seed.
    pub fn end(&self, seed: u64) {
        self.change(|seeds| seeds.remove(&seed));
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<u64>) -> bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (seeds, file) = &mut *state;
        change(seeds);
        let text: String = seeds.iter().map(|seed| format!("{seed}\n")).collect();
        if let Some(file) = file {
            let written = file
                .seek(SeekFrom::Start(0))
                .and_then(|_| file.write_all(text.as_bytes()))
                .and_then(|()| file.set_len(text.len() as u64));
            // Saving the result reports a full disk.
            drop(written);
        }
    }
}

impl SweepDirectory {
    /// Opens or creates a directory for a sweep with the given result and rows. Rows of seeds that
    /// are not in the result are dropped.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn create(path: &Path, result: &SweepResult, rows: &[SeedRow]) -> Result<Self, FileError> {
        let bugs = path.join(BUGS);
        fs::create_dir_all(&bugs).map_err(|error| FileError::writing(&bugs, error))?;
        let seeds = path.join(SEEDS);
        let draft = seeds.with_extension("jsonl.new");
        let file = File::create(&draft).map_err(|error| FileError::writing(&draft, error))?;
        let mut directory = Self {
            path: path.to_owned(),
            seeds: BufWriter::new(file),
            saved: Instant::now(),
            bugs: Vec::new(),
        };
        for row in rows.iter().filter(|row| result.seeds.contains(row.seed)) {
            directory.write_row(row)?;
        }
        // The old file stays until the new one has all rows.
        let replaced = directory.seeds.flush();
        let replaced = replaced.and_then(|()| fs::rename(&draft, &seeds));
        replaced.map_err(|error| FileError::writing(&seeds, error))?;
        Ok(directory)
    }

    /// Writes a merged result with the rows of its parts.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn merged(
        path: &Path,
        result: &SweepResult,
        mut rows: Vec<SeedRow>,
    ) -> Result<Self, FileError> {
        rows.sort_by_key(|row| row.seed);
        let mut directory = Self::create(path, result, &rows)?;
        directory.save(result)?;
        Ok(directory)
    }

    /// Creates the file of the seeds in progress.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn running(&self) -> Result<RunningSeeds, FileError> {
        let path = self.path.join(RUNNING);
        let file = File::create(&path).map_err(|error| FileError::writing(&path, error))?;
        Ok(RunningSeeds {
            state: Mutex::new((BTreeSet::new(), Some(file))),
        })
    }

    /// Appends the row of a seed, and saves the result if it is due.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn add(&mut self, trial: &Trial, result: &SweepResult) -> Result<(), FileError> {
        self.write_row(&trial.row)?;
        if self.saved.elapsed() >= SAVE_INTERVAL {
            self.save(result)?;
        }
        Ok(())
    }

    fn write_row(&mut self, row: &SeedRow) -> Result<(), FileError> {
        let line = serde_json::to_string(row).map_err(io::Error::from);
        let written = line.and_then(|line| writeln!(self.seeds, "{line}"));
        written.map_err(|error| FileError::writing(&self.path.join(SEEDS), error))
    }

    /// Saves the result and the bug files. The result is replaced atomically.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn save(&mut self, result: &SweepResult) -> Result<(), FileError> {
        let flushed = self.seeds.flush();
        flushed.map_err(|error| FileError::writing(&self.path.join(SEEDS), error))?;
        for failure in &result.failures {
            self.write_bug(failure, result)?;
        }
        let path = self.path.join(RESULT);
        let draft = path.with_extension("json.new");
        let written = fs::write(&draft, result.to_json()).and_then(|()| fs::rename(&draft, &path));
        written.map_err(|error| FileError::writing(&path, error))?;
        self.saved = Instant::now();
        Ok(())
    }

    /// Removes the file of the seeds in progress. Call it after the last `save`.
    pub fn close(self) {
        // A remaining file is empty and harmless.
        let _ = fs::remove_file(self.path.join(RUNNING));
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
            let _ = fs::remove_file(self.bugs.swap_remove(index).0);
        }
        let path = self.bug_path(failure);
        let text = bug(failure, result, &self.path.join(BUGS)).to_toml();
        write(&path, text)?;
        self.bugs.push((path, failure.clone()));
        Ok(())
    }

    /// Path of the bug file of a failure.
    pub fn bug_path(&self, failure: &SweepFailure) -> PathBuf {
        let name = format!("{}-{}.toml", failure.cause.name, failure.soonest_seed);
        self.path.join(BUGS).join(name)
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
    let text = read_text(&path)?;
    SweepResult::parse(&path, &text)
}

/// Reads the rows of a sweep's directory, in seed order; none if the file is missing. An incomplete
/// last line, which an abort may leave, is ignored.
///
/// # Errors
/// The file can't be read, or is damaged before its last line.
pub fn read_rows(path: &Path) -> Result<Vec<SeedRow>, ResultError> {
    let path = path.join(SEEDS);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(_) if !path.exists() => return Ok(Vec::new()),
        Err(error) => return Err(FileError::reading(&path, error).into()),
    };
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let read = |(index, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| ResultError::Foreign {
            path: path.clone(),
            reason: format!("line {} is damaged ({error})", index + 1),
        })
    };
    let rows: Result<Vec<SeedRow>, _> = whole.lines().enumerate().map(read).collect();
    let mut rows = rows?;
    rows.sort_by_key(|row| row.seed);
    Ok(rows)
}

/// Reads the seeds that were in progress when the sweep was interrupted.
pub fn read_running(path: &Path) -> Vec<u64> {
    let text = fs::read_to_string(path.join(RUNNING)).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}
