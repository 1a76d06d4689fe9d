//! Shared support of the fuzz targets: a folder for readers of files, and a recorded run.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rehearsal::metrics::TimeSeriesStore;
use rehearsal::report::{RecordedRun, read_recording};

/// Folder of this process for the files that readers are given.
pub static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("rehearsal-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for files");
    folder
});

/// Two hours of two images.
pub static RUN: LazyLock<(RecordedRun, TimeSeriesStore)> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = root.join("tests/compatibility/v0.1/compatibility-3.run");
    read_recording(&path).expect("a recording")
});

/// Writes a file into the folder. Returns its path.
pub fn write(name: &str, content: &[u8]) -> PathBuf {
    let path = FOLDER.join(name);
    fs::write(&path, content).expect("the folder can be written");
    path
}

/// Splits an input at its first zero byte into two files.
pub fn two_files(input: &[u8]) -> (&[u8], &[u8]) {
    let end = input.iter().position(|byte| *byte == 0);
    let (first, rest) = input.split_at(end.unwrap_or(input.len()));
    (first, rest.get(1..).unwrap_or_default())
}
