//! Malformed scenario files with their error messages.
//!
//! `UPDATE_GOLDEN=1 cargo test malformed` regenerates the messages.

use std::fs;
use std::path::{Path, PathBuf};

use rehearsal::scenario::LoadError;

const DIRECTORY: &str = "tests/malformed";

fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(DIRECTORY)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    files.sort();
    files
}

fn message(path: &Path) -> String {
    let loader = rehearsal::check::scenario_loader(&[]);
    match loader.load(path) {
        Ok(_) => panic!("{} was taken for a sound scenario", path.display()),
        Err(LoadError::Invalid(problems)) => format!("{}\n", problems.render(false)),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn malformed_files_match_golden_messages() {
    let files = files();
    assert!(files.len() >= 40, "only {} malformed files", files.len());
    let mut wrong = Vec::new();
    for path in &files {
        let golden = path.with_extension("txt");
        let found = message(path);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, found).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != found {
            wrong.push(format!("{}:\n{found}", path.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "these messages changed:\n\n{}",
        wrong.join("\n")
    );
}
