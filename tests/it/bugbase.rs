//! Bug base: regression tests of fixed bugs.
//!
//! A file is a bug file of `sweep` or a scenario of `shrink`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rehearsal::rehearsal::NoHooks;
use rehearsal::replay::{Replay, ReplayCase, text};

use super::program::scratch;

/// Interval before and after the first violation that a regression prints.
const AROUND: Duration = Duration::from_secs(30);

/// Maximum real time of a replay.
const HANG: Duration = Duration::from_secs(120);

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "toml")
    });
    files.sort();
    files
}

/// Replays all bugs and returns those that fail, with the events around each failure.
fn returned(directory: &Path) -> Vec<String> {
    let again = |file: PathBuf| {
        let case = ReplayCase::read(&file).unwrap_or_else(|error| panic!("{error}"));
        let replay = Replay {
            case,
            hooks: || NoHooks,
            around: AROUND,
            hang: HANG,
        };
        let replayed = replay.run(|_| {}).unwrap();
        let back = replayed.trial.failure.is_some();
        back.then(|| {
            let told = anstream::adapter::strip_str(&text(&replay.case, &replayed)).to_string();
            format!(
                "{} is back; replay: rehearsal replay {}\n{told}",
                file.display(),
                file.display()
            )
        })
    };
    files(directory).into_iter().filter_map(again).collect()
}

#[test]
fn bugbase_files_replayed_pass() {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bugbase");
    assert!(!files(&base).is_empty(), "there is nothing to run again");
    let back = returned(&base);
    assert!(back.is_empty(), "\n{}", back.join("\n"));
}

#[test]
fn bugbase_regression_prints_trace() {
    let base = scratch("bugbase");
    let scenario = "name = \"back\"\nduration = \"5m\"\n[fleet]\nimages = 3\n\
                    [[schedule]]\nid = \"s\"\n\
                    whenCron = \"*/4 * * * *\"\n[[expect]]\nname = \"no work\"\nquery = \
                    'sum(scheduler_runner_segments_total) == 0'\nwhen = \"always\"\n";
    fs::write(base.join("back.toml"), scenario).unwrap();
    let back = returned(&base);
    assert_eq!(back.len(), 1);
    for expected in [
        "back.toml is back; replay: rehearsal replay",
        "▶ no work",
        "receives the answer to commit",
    ] {
        assert!(back[0].contains(expected), "{}", back[0]);
    }
}
