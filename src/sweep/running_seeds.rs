//! Seeds in progress, in a file that names them after an abort.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::files::{ByteLimit, ExistingFile, FileError, read_text, remove_file, write_with};

const FILE: &str = "running.txt";

/// Last line of the list. The file is overwritten in place; what follows is of an earlier list.
const END: &str = "end";

/// File of the seeds in progress.
pub struct RunningSeeds {
    path: PathBuf,
    state: Mutex<(BTreeSet<u64>, File)>,
}

impl RunningSeeds {
    /// Creates the file in the directory of a sweep.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn create(directory: &Path) -> Result<Self, FileError> {
        let path = directory.join(FILE);
        let file = write_with(&path, ExistingFile::Replace, |out| writeln!(out, "{END}"))?;
        Ok(Self {
            path,
            state: Mutex::new((BTreeSet::new(), file)),
        })
    }

    /// Adds a seed that starts. Write errors are ignored: the list is a help for the user only.
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
        let written = file
            .seek(SeekFrom::Start(0))
            .and_then(|_| file.write_all(format!("{text}{END}\n").as_bytes()));
        // Saving the result reports a full disk.
        drop(written);
    }

    /// Removes the file.
    pub fn remove(&self) {
        // A remaining file is empty and harmless.
        let _ = remove_file(&self.path);
    }
}

/// Reads the seeds that were in progress when the sweep was interrupted.
pub fn read_running(directory: &Path) -> Vec<u64> {
    let text = read_text(&directory.join(FILE), ByteLimit::DOCUMENT).unwrap_or_default();
    let seeds = text.lines().take_while(|line| *line != END);
    seeds.filter_map(|line| line.parse().ok()).collect()
}
