//! Runs the program as a user or a script does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Command with these arguments.
pub fn rehearsal(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rehearsal"));
    command.args(arguments).stdin(Stdio::null());
    // The caller's terminal must not influence these tests.
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM", "CI"] {
        command.env_remove(variable);
    }
    command
}

/// Output of the program with these arguments.
pub fn run(arguments: &[&str]) -> Output {
    rehearsal(arguments).output().unwrap()
}

/// Standard output as text.
pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Scratch directory of this test process.
pub fn scratch(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// Small scenario: ten minutes of a few images, whose seeds take milliseconds.
pub const SMALL: &str = r#"
name = "small"
duration = "10m"
drain = "2h"

[fleet]
images = 12
components = 20

[[schedule]]
id = "often"
whenCron = "*/4 * * * *"
"#;

/// Expectation that fails when a process crashes.
pub const NO_CRASH: &str = r#"
[[expect]]
name = "every process can always be scraped"
query = 'min(up) == 1'
when = "always"
under = "any-profile"
"#;
