//! Worker processes that run while a test looks at them.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::program::{rehearsal, signal};

/// Maximum time for what the processes do by themselves.
const PATIENCE: Duration = Duration::from_secs(60);

/// Repeats `check` until it holds.
pub fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let began = Instant::now();
    while !check() {
        assert!(began.elapsed() < PATIENCE, "no {what}");
        sleep(Duration::from_millis(100));
    }
}

/// A worker process, killed on drop.
pub struct RunningWorker {
    pub process: Child,
    /// Address of `/metrics`.
    pub address: SocketAddr,
    stdout: BufReader<ChildStdout>,
    log: PathBuf,
}

impl RunningWorker {
    /// Starts a process with these roles and options. It logs to a file beside its configuration.
    pub fn start(config: &Path, name: &str, roles: &[&str], options: &[&str]) -> Self {
        let name_option = format!("name={name}");
        let mut arguments = vec!["worker", "--config", config.to_str().unwrap()];
        let options = options.iter().copied().chain([&*name_option]);
        arguments.extend(options.flat_map(|option| ["--set", option]));
        arguments.extend(roles.iter().flat_map(|role| ["--role", role]));
        let log = config.with_file_name(format!("{name}.log"));
        let mut command = rehearsal(&arguments);
        command
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap());
        let mut process = command.spawn().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let address = printed_address(&mut stdout);
        let address = address.unwrap_or_else(|| panic!("{}", fs::read_to_string(&log).unwrap()));
        Self {
            process,
            address,
            stdout,
            log,
        }
    }

    /// Address of the webhooks, which the process prints after the first.
    pub fn webhook_address(&mut self) -> SocketAddr {
        printed_address(&mut self.stdout).unwrap()
    }

    /// Stops the process and returns its log.
    pub fn stop(mut self) -> String {
        assert!(signal("TERM", self.process.id()));
        eventually("end of the process", || {
            self.process.try_wait().unwrap().is_some()
        });
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for RunningWorker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The address in the next line with a URL.
fn printed_address(stdout: &mut impl BufRead) -> Option<SocketAddr> {
    let mut line = String::new();
    stdout.read_line(&mut line).ok()?;
    let address = line.strip_prefix("http://")?.split('/').next()?;
    address.parse().ok()
}
