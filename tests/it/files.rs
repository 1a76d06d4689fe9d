//! Files of all commands: outputs that exist, inputs of any kind, results that don't belong
//! together, and interrupted writes.

mod input;
mod output;
mod rows;
mod signal;
mod user_text;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use rehearsal::sweep::read_result;

use super::program::{self, NO_CRASH, rehearsal, run, scratch, text};

/// Small scenario of which some seeds fail.
static SMALL: LazyLock<String> = LazyLock::new(|| format!("{}{NO_CRASH}", program::SMALL));

/// Scratch directory with the small scenario, and the path of that.
fn small(name: &str) -> (PathBuf, String) {
    let directory = scratch(name);
    let scenario = directory.join("small.toml");
    fs::write(&scenario, SMALL.as_str()).unwrap();
    let scenario = name_of(&scenario);
    (directory, scenario)
}

fn name_of(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Standard error of a command that ends with this exit code.
fn error_of(arguments: &[&str], code: i32) -> String {
    let output = run(arguments);
    let error = text(&output.stderr).to_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
    error
}

/// Sweep into `directory`, which ends with this exit code.
fn sweep(scenario: &str, directory: &Path, more: &[&str], code: i32) -> Output {
    let out = name_of(directory);
    let output = run(&[&["sweep", scenario, "--out", &out], more].concat());
    assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
    output
}

/// Starts a sweep without end and waits for its first saved seeds.
fn start_sweep(scenario: &str, directory: &Path) -> Child {
    let out = name_of(directory);
    let mut command = rehearsal(&["sweep", scenario, "--seeds", "0..10000000", "--out", &out]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    wait_until(|| {
        assert_eq!(child.try_wait().unwrap(), None);
        read_result(directory).is_ok_and(|result| !result.seeds.is_empty())
    });
    child
}

/// Waits until a condition holds.
pub fn wait_until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "it takes too long");
        thread::sleep(Duration::from_millis(20));
    }
}
