//! Runs the program as a user or a script does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Path of the program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_rehearsal");

/// Command with these arguments.
pub fn rehearsal(arguments: &[&str]) -> Command {
    isolated(Command::new(PROGRAM), arguments)
}

/// Command with these arguments, which another program runs.
pub fn rehearsal_under(mut launcher: Command, arguments: &[&str]) -> Command {
    launcher.arg(PROGRAM);
    isolated(launcher, arguments)
}

/// Command with these arguments, within a limit of bash's `ulimit`, such as `-f 64` for files of
/// 64 KiB.
pub fn rehearsal_within(limit: &str, arguments: &[&str]) -> Command {
    let mut bash = Command::new("bash");
    bash.args(["-c", &format!("ulimit {limit}; exec \"$0\" \"$@\"")]);
    rehearsal_under(bash, arguments)
}

/// Adds the arguments. The caller's terminal and variables must not influence these tests: options
/// of the tests begin like those of the worker, which refuses unknown ones.
fn isolated(mut command: Command, arguments: &[&str]) -> Command {
    command.args(arguments).stdin(Stdio::null());
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM", "CI"] {
        command.env_remove(variable);
    }
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("REHEARSAL_") {
            command.env_remove(variable);
        }
    }
    command
}

/// Sends a signal to a process. Returns whether the process was there.
pub fn signal(name: &str, process: u32) -> bool {
    let mut kill = Command::new("kill");
    kill.args(["-s", name, &process.to_string()]);
    kill.stderr(Stdio::null()).status().unwrap().success()
}

/// Output of the program with these arguments.
pub fn run(arguments: &[&str]) -> Output {
    rehearsal(arguments).output().unwrap()
}

/// Standard output as text.
pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The commands that the help of this command lists, `help` itself left out.
fn commands_below(command: &[&str]) -> Vec<String> {
    let output = run(&[command, &["--help"]].concat());
    assert!(output.status.success());
    let help = text(&output.stdout);
    let Some((_, list)) = help.split_once("\nCommands:\n") else {
        return Vec::new();
    };
    let (list, _) = list.split_once("\n\n").unwrap_or((list, ""));
    let names = list.lines().filter_map(|line| {
        let name = line.strip_prefix("  ")?;
        let starts_entry = !name.starts_with(' ');
        starts_entry.then(|| name.split(' ').next().unwrap().to_owned())
    });
    names.filter(|name| name != "help").collect()
}

/// Every command with its parents, such as `scenario check`.
pub fn all_commands() -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for name in commands_below(&[]) {
        let below = commands_below(&[&name]);
        all.extend(below.into_iter().map(|sub| vec![name.clone(), sub]));
        all.push(vec![name]);
    }
    assert!(all.len() >= 14, "the help lists too few commands: {all:?}");
    all
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
