//! A sweep's directory: the result, the numbers of each seed, and a file for each bug.
//!
//! ```text
//!  sweep.json      the result, written anew every other second
//!  seeds.jsonl     the numbers of each seed, a line each, in order
//!  running.txt     the seeds being tried: what stands here after an abort was its victim or cause
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

/// Between two writes of the result.
const SAVE_INTERVAL: Duration = Duration::from_secs(2);

const RESULT: &str = "sweep.json";
const SEEDS: &str = "seeds.jsonl";
const RUNNING: &str = "running.txt";
const BUGS: &str = "bugs";

/// A file of a sweep's directory that can't be written.
#[derive(Debug, thiserror::Error)]
#[error("can't write {}: {error}", path.display())]
pub struct WriteError {
    path: PathBuf,
    error: io::Error,
}

/// A sweep's directory, open for writing.
pub struct SweepDirectory {
    path: PathBuf,
    seeds: BufWriter<File>,
    saved: Instant,
    /// The bug files that were written, and for which failure.
    bugs: Vec<(PathBuf, SweepFailure)>,
}

/// The seeds being tried, in a file.
pub struct RunningSeeds {
    state: Mutex<(BTreeSet<u64>, Option<File>)>,
}

impl RunningSeeds {
    /// A seed is about to be tried. That it can't be written is no reason not to try it.
    pub fn begin(&self, seed: u64) {
        self.change(|seeds| seeds.insert(seed));
    }

    /// It was.
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
            // A full disk is told of when the result is saved.
            drop(written);
        }
    }
}

impl SweepDirectory {
    /// Opens a directory, made if need be, for a sweep that has got as far as `result`, with the
    /// rows of its seeds. Rows of other seeds go.
    ///
    /// # Errors
    /// It can't be written.
    pub fn create(path: &Path, result: &SweepResult, rows: &[SeedRow]) -> Result<Self, WriteError> {
        let bugs = path.join(BUGS);
        fs::create_dir_all(&bugs).map_err(|error| failed(&bugs, error))?;
        let seeds = path.join(SEEDS);
        let draft = seeds.with_extension("jsonl.new");
        let file = File::create(&draft).map_err(|error| failed(&draft, error))?;
        let mut directory = Self {
            path: path.to_owned(),
            seeds: BufWriter::new(file),
            saved: Instant::now(),
            bugs: Vec::new(),
        };
        for row in rows.iter().filter(|row| result.seeds.contains(row.seed)) {
            directory.write_row(row)?;
        }
        // Until all of them stand in it, the old file keeps them.
        let replaced = directory.seeds.flush();
        let replaced = replaced.and_then(|()| fs::rename(&draft, &seeds));
        replaced.map_err(|error| failed(&seeds, error))?;
        Ok(directory)
    }

    /// Writes a result that was merged, with the rows of its parts.
    ///
    /// # Errors
    /// It can't be written.
    pub fn merged(
        path: &Path,
        result: &SweepResult,
        mut rows: Vec<SeedRow>,
    ) -> Result<Self, WriteError> {
        rows.sort_by_key(|row| row.seed);
        let mut directory = Self::create(path, result, &rows)?;
        directory.save(result)?;
        Ok(directory)
    }

    /// The file of the seeds being tried.
    ///
    /// # Errors
    /// It can't be written.
    pub fn running(&self) -> Result<RunningSeeds, WriteError> {
        let path = self.path.join(RUNNING);
        let file = File::create(&path).map_err(|error| failed(&path, error))?;
        Ok(RunningSeeds {
            state: Mutex::new((BTreeSet::new(), Some(file))),
        })
    }

    /// A seed was tried and added to `result`.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn add(&mut self, trial: &Trial, result: &SweepResult) -> Result<(), WriteError> {
        self.write_row(&trial.row)?;
        if self.saved.elapsed() >= SAVE_INTERVAL {
            self.save(result)?;
        }
        Ok(())
    }

    fn write_row(&mut self, row: &SeedRow) -> Result<(), WriteError> {
        let line = serde_json::to_string(row).map_err(io::Error::from);
        let written = line.and_then(|line| writeln!(self.seeds, "{line}"));
        written.map_err(|error| failed(&self.path.join(SEEDS), error))
    }

    /// Writes everything that is known so far. A reader sees the old result or the new one.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn save(&mut self, result: &SweepResult) -> Result<(), WriteError> {
        let flushed = self.seeds.flush();
        flushed.map_err(|error| failed(&self.path.join(SEEDS), error))?;
        for failure in &result.failures {
            self.write_bug(failure, result)?;
        }
        let path = self.path.join(RESULT);
        let draft = path.with_extension("json.new");
        let written = fs::write(&draft, result.to_json()).and_then(|()| fs::rename(&draft, &path));
        written.map_err(|error| failed(&path, error))?;
        self.saved = Instant::now();
        Ok(())
    }

    /// Everything is saved, and no seed is being tried any more.
    pub fn close(self) {
        // If it stays, it is empty.
        let _ = fs::remove_file(self.path.join(RUNNING));
    }

    fn write_bug(
        &mut self,
        failure: &SweepFailure,
        result: &SweepResult,
    ) -> Result<(), WriteError> {
        let known = self
            .bugs
            .iter()
            .position(|(_, known)| known.cause == failure.cause);
        if let Some(index) = known {
            if self.bugs[index].1.soonest_seed == failure.soonest_seed {
                return Ok(());
            }
            // The seed that fails sooner takes its place.
            let _ = fs::remove_file(self.bugs.swap_remove(index).0);
        }
        let path = self.bug_path(failure);
        let text = bug(failure, result, &self.path.join(BUGS)).to_toml();
        fs::write(&path, text).map_err(|error| failed(&path, error))?;
        self.bugs.push((path, failure.clone()));
        Ok(())
    }

    /// The bug file of a failure.
    pub fn bug_path(&self, failure: &SweepFailure) -> PathBuf {
        let name = format!("{}-{}.toml", failure.cause.name, failure.soonest_seed);
        self.path.join(BUGS).join(name)
    }
}

/// A failure of a sweep as a bug file in `directory`.
fn bug(failure: &SweepFailure, result: &SweepResult, directory: &Path) -> Bug {
    let subject = &result.subject;
    let beside = Path::new(&subject.path).parent().unwrap_or(Path::new(""));
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
        directory: relative(directory, beside),
        scenario: subject.text.clone(),
        cause: failure.cause.clone(),
    }
}

/// The way from one directory to another; absolute if there is no other.
fn relative(from: &Path, to: &Path) -> String {
    let absolute = |path: &Path| std::path::absolute(path.join("")).unwrap_or(path.to_owned());
    let to = absolute(to);
    let way = pathdiff::diff_paths(&to, absolute(from)).unwrap_or(to);
    way.display().to_string()
}

/// Whether no sweep has written a result into a directory yet.
pub fn is_fresh(path: &Path) -> bool {
    !path.join(RESULT).exists()
}

/// The result that stands in a file, or in a sweep's directory.
///
/// # Errors
/// It can't be read, or is no result of this version.
pub fn read_result(path: &Path) -> Result<SweepResult, ResultError> {
    let path = match path.is_dir() {
        true => path.join(RESULT),
        false => path.to_owned(),
    };
    let text = fs::read_to_string(&path).map_err(|error| ResultError::Unreadable {
        path: path.clone(),
        reason: error.to_string(),
    })?;
    SweepResult::parse(&path, &text)
}

/// The numbers of the seeds in a sweep's directory, in order of the seeds; none if it has no such
/// file. Half a line at the end, which an abort may leave, is left out.
///
/// # Errors
/// The file can't be read, or is damaged elsewhere.
pub fn read_rows(path: &Path) -> Result<Vec<SeedRow>, ResultError> {
    let path = path.join(SEEDS);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(_) if !path.exists() => return Ok(Vec::new()),
        Err(error) => {
            let reason = error.to_string();
            return Err(ResultError::Unreadable { path, reason });
        }
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

/// The seeds that were being tried when a sweep into this directory was cut off.
pub fn read_running(path: &Path) -> Vec<u64> {
    let text = fs::read_to_string(path.join(RUNNING)).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

fn failed(path: &Path, error: io::Error) -> WriteError {
    WriteError {
        path: path.to_owned(),
        error,
    }
}
