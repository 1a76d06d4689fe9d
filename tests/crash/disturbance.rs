//! Disturbances of a running command.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::check::{content, files};
use crate::fixture::{FIXTURE, Known};
use crate::program::{rehearsal, rehearsal_under, rehearsal_within};

/// ID of an unprivileged user and group: file permissions do not apply to root.
const UNPRIVILEGED_USER: u32 = 65_534;

/// Size of the file system while nothing fills it, in KiB.
const SIZE: usize = 65_536;

/// Kind of a disturbance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// SIGKILL.
    Kill,
    /// A limit of the size of files, as a full disk is.
    SizeLimit,
    /// A file system without space.
    FullDisk,
    /// The directory becomes read-only.
    Permission,
    /// The directory is removed.
    Remove,
}

impl Disturbance {
    pub const ALL: [Self; 5] = [
        Self::Kill,
        Self::SizeLimit,
        Self::FullDisk,
        Self::Permission,
        Self::Remove,
    ];

    /// Prepares the directory of the outputs.
    ///
    /// # Errors
    /// The reason for which this system does not permit the disturbance.
    pub fn begin(self, out: &Path) -> Result<Option<Mount>, String> {
        match self {
            Self::FullDisk => Mount::new(out).map(Some),
            Self::Permission if is_root() => {
                let path = FIXTURE.inputs().join("small.toml");
                let mut command = unprivileged();
                let ran = command.arg("cat").arg(path).stdout(Stdio::null()).status();
                match ran.is_ok_and(|status| status.success()) {
                    true => Ok(None),
                    false => Err("root may write everywhere, and `setpriv` does not work".into()),
                }
            }
            _ => Ok(None),
        }
    }

    /// Gives the outputs to the user that runs the commands.
    pub fn own(self, out: &Path) {
        if self == Self::Permission && is_root() {
            let owner = format!("{UNPRIVILEGED_USER}:{UNPRIVILEGED_USER}");
            let status = Command::new("chown").arg("-R").arg(owner).arg(out).status();
            assert!(status.unwrap().success());
        }
    }

    /// Runs the command and disturbs it. Returns its exit code; none if a signal ended it.
    pub fn run(
        self,
        words: &[String],
        out: &Path,
        known: &Known,
        random: &mut ChaCha8Rng,
    ) -> Option<i32> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let sizes = known.content.values().map(Vec::len);
        let (largest, all) = (sizes.clone().max().unwrap(), sizes.sum::<usize>());
        match self {
            Self::SizeLimit => {
                let kibibytes = random.random_range(0..=largest / 1_024 + 1);
                let limit = format!("-f {kibibytes}");
                return wait(start(&mut rehearsal_within(&limit, &words)));
            }
            Self::FullDisk => {
                let begun: usize = content(out)
                    .values()
                    .map(|file| file.len() / 4_096 + 1)
                    .sum();
                resize(out, begun * 4 + random.random_range(0..=all / 1_024 + 64));
                return wait(start(&mut self.command(&words)));
            }
            Self::Kill | Self::Permission | Self::Remove => {}
        }
        let mut child = start(&mut self.command(&words));
        match random.random() {
            true => thread::sleep(known.time.mul_f64(random.random_range(0.0..1.1))),
            false => await_files(
                &mut child,
                out,
                random.random_range(1..=known.content.len() + 1),
            ),
        }
        match self {
            Self::Kill => drop(child.kill()),
            Self::Permission => set_mode(out, 0o500),
            _ => {
                // The command may create files meanwhile.
                while out.exists() && fs::remove_dir_all(out).is_err() {
                    thread::sleep(Duration::from_millis(1));
                }
            }
        }
        wait(child)
    }

    /// Ends the disturbance.
    pub fn end(self, out: &Path) {
        match self {
            Self::FullDisk => resize(out, SIZE),
            Self::Permission => set_mode(out, 0o755),
            _ => {}
        }
    }

    /// Runs the command where nothing disturbs it.
    pub fn run_undisturbed(self, words: &[String], out: &Path) -> Option<i32> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.own(out);
        wait(start(&mut self.command(&words)))
    }

    /// Command of the program, as a user to whom file permissions apply.
    fn command(self, words: &[&str]) -> Command {
        match self == Self::Permission && is_root() {
            true => rehearsal_under(unprivileged(), words),
            false => rehearsal(words),
        }
    }
}

fn start(command: &mut Command) -> Child {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
    quiet.stderr(Stdio::null()).spawn().unwrap()
}

fn wait(mut child: Child) -> Option<i32> {
    child.wait().unwrap().code()
}

/// Waits until a command has created a number of files, temporary ones included, or has ended.
fn await_files(child: &mut Child, out: &Path, count: usize) {
    let is_new = |path: &PathBuf| path.file_name().is_some_and(|name| name != ".lock");
    let before: BTreeSet<PathBuf> = files(out).into_iter().collect();
    let mut created = BTreeSet::new();
    while created.len() < count && child.try_wait().unwrap().is_none() {
        let new = files(out).into_iter().filter(is_new);
        created.extend(new.filter(|path| !before.contains(path)));
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Launcher of commands as the unprivileged user.
fn unprivileged() -> Command {
    let user = UNPRIVILEGED_USER.to_string();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &user, "--regid", &user, "--clear-groups"]);
    command
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A file system of its own, for a full disk. It is unmounted in the end.
pub struct Mount(PathBuf);

impl Mount {
    fn new(out: &Path) -> Result<Self, String> {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "tmpfs"]).arg(out);
        match command.output() {
            Ok(output) if output.status.success() => Ok(Self(out.to_owned())),
            _ => Err("this system does not permit to mount a file system".into()),
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let status = Command::new("umount").arg(&self.0).status();
        assert!(status.is_ok_and(|status| status.success()));
    }
}

/// Sets the size of a mounted file system, or the next larger one that what it has fits into.
fn resize(out: &Path, kibibytes: usize) {
    let mut reason = String::new();
    // 0 would be no limit.
    let accepted = (kibibytes.max(1)..).step_by(16).take(16).any(|kibibytes| {
        let size = format!("remount,size={kibibytes}k");
        let mut command = Command::new("mount");
        let ran = command.args(["-o", &size]).arg(out).output().unwrap();
        reason = String::from_utf8_lossy(&ran.stderr).into_owned();
        ran.status.success()
    });
    assert!(accepted, "size {kibibytes} KiB: {reason}");
}
