//! Running other programs, and a scratch copy of the repository.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Reason why a command of `xtask` failed, as its user reads it.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

pub type Result<T> = std::result::Result<T, Failure>;

/// Adds the file or the program to an I/O error.
pub trait Context<T> {
    fn context(self, what: impl fmt::Display) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl fmt::Display) -> Result<T> {
        self.map_err(|error| Failure(format!("{what}: {error}")))
    }
}

/// Root of the repository.
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .parent()
        .expect("xtask is a folder of the repository")
}

/// Cargo, in the repository's root.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Cargo with a release profile that builds in half of the time: without link-time optimisation.
///
/// `.ci/run` exports the same variables, so all release builds of CI are one.
pub fn cargo_without_lto() -> Command {
    let mut command = cargo();
    command
        .env("CARGO_PROFILE_RELEASE_LTO", "false")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false");
    command
}

/// Git, in the repository's root.
pub fn git() -> Command {
    let mut command = Command::new("git");
    command.current_dir(root());
    command
}

/// Runs a program whose output the user sees.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().context(program(command))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure(format!("{} failed: {status}", line(command))))
    }
}

/// Standard output of a program that must succeed, without the last line break.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.context(program(command))?;
    let Output {
        status,
        stdout,
        stderr,
    } = output;
    if status.success() {
        Ok(String::from_utf8_lossy(&stdout).trim_end().to_owned())
    } else {
        let stderr = String::from_utf8_lossy(&stderr);
        Err(Failure(format!(
            "{} failed: {status}\n{stderr}",
            line(command)
        )))
    }
}

fn program(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn line(command: &Command) -> String {
    let arguments = command
        .get_args()
        .map(|argument| argument.to_string_lossy());
    let words: Vec<_> = std::iter::once(command.get_program().to_string_lossy())
        .chain(arguments)
        .collect();
    words.join(" ")
}

/// Results of a function for each item, in no particular order, with one thread for each core.
pub fn on_all_cores<I: Sync, T: Send>(items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let items = std::iter::from_fn(|| items.get(next.fetch_add(1, Ordering::Relaxed)));
        items.map(&work).collect::<Vec<T>>()
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("no panic"))
            .collect()
    })
}

/// Files of the repository that git knows or would add, with their paths below its root.
pub fn listed_files() -> Result<Vec<String>> {
    let listed = output(git().args(["ls-files", "-co", "--exclude-standard"]))?;
    let files = listed.lines().map(str::to_owned);
    // A file deleted but not yet committed is listed too.
    Ok(files.filter(|file| root().join(file).is_file()).collect())
}

/// A folder below `target/` that is empty at first and removed at the end.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Result<Self> {
        let path = root().join("target").join(format!("xtask-{name}"));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).context(path.display())?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Copies every file of the repository.
    pub fn copy_repository(&self) -> Result<()> {
        for file in listed_files()? {
            let (from, to) = (root().join(&file), self.0.join(&file));
            fs::create_dir_all(to.parent().expect("below the copy")).context(to.display())?;
            fs::copy(&from, &to).context(from.display())?;
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
