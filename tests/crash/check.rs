//! Checks of the files that a disturbed command leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rehearsal::replay::ReplayCase;
use rehearsal::sweep::{Bug, read_sweep};

use crate::fixture::{Known, relative};

/// Names of files that may be incomplete: the journal of a sweep, and the list of running seeds.
const JOURNALS: [&str; 2] = ["seeds.jsonl", "running.txt"];

/// All files below a directory, in no order.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let paths = entries.flatten().map(|entry| entry.path());
    let files = paths.flat_map(|path| match path.is_dir() {
        true => files(&path),
        false => vec![path],
    });
    files.collect()
}

/// Content of the files that have a final name, by relative path.
pub fn content(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let named = files(directory).into_iter().filter(|path| !is_hidden(path));
    let read = named.map(|path| (relative(&path, directory), fs::read(&path).unwrap()));
    read.collect()
}

/// Checks that a directory has the known content. A failure names the first other file.
pub fn check_content(out: &Path, known: &Known, place: &str) {
    let found = content(out);
    let names: BTreeSet<&String> = found.keys().chain(known.content.keys()).collect();
    for name in names {
        match (found.get(name), known.content.get(name)) {
            (Some(found), Some(known)) if found == known => {}
            (Some(_), Some(_)) => panic!("{place}: {name} differs from that of an undisturbed run"),
            (Some(_), None) => panic!("{place}: {name} is there, but not after an undisturbed run"),
            (None, _) => panic!("{place}: {name} is absent"),
        }
    }
}

/// Temporary files below a directory.
pub fn drafts(directory: &Path) -> Vec<String> {
    let paths = files(directory).into_iter();
    let drafts = paths.filter(|path| path.extension().is_some_and(|extension| extension == "tmp"));
    drafts.map(|path| relative(&path, directory)).collect()
}

/// Whether a file is the lock, or a temporary one.
fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap();
    name.to_string_lossy().starts_with('.')
}

/// Checks that each file with a final name is complete.
pub fn check_files(out: &Path, known: &Known, place: &str) {
    for (name, found) in content(out) {
        let file = name.rsplit('/').next().unwrap();
        if known.replaces && JOURNALS.contains(&file) {
            continue;
        }
        let expected = known.content.get(&name);
        if expected.is_some_and(|expected| *expected == found) {
            continue;
        }
        assert!(known.replaces, "{place}: {name} is incomplete");
        let path = out.join(&name);
        if file == "sweep.json" {
            read_sweep(out).unwrap_or_else(|error| panic!("{place}: {error}"));
        } else if name.starts_with("bugs/") {
            Bug::read(&path).unwrap_or_else(|error| panic!("{place}: {error}"));
        } else {
            ReplayCase::read(&path).unwrap_or_else(|error| panic!("{place}: {error}"));
        }
    }
}

/// Copies the files of a directory.
pub fn copy(from: &Path, to: &Path) {
    for path in files(from).into_iter().filter(|path| !is_hidden(path)) {
        let target = to.join(relative(&path, from));
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&path, &target).unwrap();
    }
}
