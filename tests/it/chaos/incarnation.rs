//! One incarnation of a worker process: its program, its addresses and its last metrics page.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::inventory::{EVENT_KEY, Installation};
use crate::program::rehearsal;
use crate::stub_server::send;

/// Gauge of active runs.
pub const ACTIVE: &str = "scheduler_runs_active";

/// A metrics page, and the time before which everything that was learned is on it.
pub struct Scrape {
    pub asked_at: SystemTime,
    /// Whole numbers by name and labels.
    samples: BTreeMap<String, i64>,
}

/// Cause of the end of an incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By a stop that it carried out.
    Stopped,
    /// By SIGKILL, or because the store was locked when it started.
    Killed,
    /// By a stop after everything was done and scraped.
    AtRest,
}

/// A started program.
pub struct Incarnation {
    pub name: String,
    child: Child,
    output: PathBuf,
    pub log: PathBuf,
    /// Addresses of metrics and webhooks, once it listens.
    pub addresses: Option<[SocketAddr; 2]>,
    pub last: Option<Scrape>,
    /// Time that may pass between a commit and the answer to it.
    pub slack: Duration,
}

/// Account of an incarnation that has ended.
pub struct EndedIncarnation {
    /// Identifier as the store has it; none if the incarnation did not come so far.
    pub id: Option<String>,
    pub end: End,
    pub last: Option<Scrape>,
    pub slack: Duration,
}

impl Incarnation {
    /// Starts the program, with a limit for the bytes of the store if there is one.
    pub fn start(
        installation: &Installation,
        name: &str,
        start: u32,
        max_bytes: Option<u64>,
    ) -> Self {
        let file = |kind: &str| {
            installation
                .directory
                .join(format!("{name}-{start}.{kind}"))
        };
        let (output, log) = (file("out"), file("log"));
        let options = ["worker", "--config", &installation.config, "--set"];
        let mut command = rehearsal(&options);
        command.arg(format!("name={name}"));
        if let Some(bytes) = max_bytes {
            command.arg("--set").arg(format!("store.maxBytes={bytes}"));
        }
        let child = command
            .env("REHEARSAL_EVENTS_KEY", EVENT_KEY)
            .stdout(File::create(&output).unwrap())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self {
            name: name.to_owned(),
            child,
            output,
            log,
            addresses: None,
            last: None,
            slack: Duration::from_secs(2),
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it listens.
    pub fn is_started(&mut self) -> bool {
        if self.addresses.is_none() {
            let output = fs::read_to_string(&self.output).unwrap_or_default();
            let addresses: Vec<SocketAddr> = output
                .lines()
                .filter_map(|line| {
                    line.strip_prefix("http://")?
                        .split('/')
                        .next()?
                        .parse()
                        .ok()
                })
                .collect();
            self.addresses = addresses.try_into().ok();
        }
        self.addresses.is_some()
    }

    /// Reads the metrics page. A process that is busy or gone leaves the last one.
    pub fn scrape(&mut self) {
        let Some([address, _]) = self.addresses else {
            return;
        };
        let asked_at = SystemTime::now();
        let answer = send(address, "GET /metrics HTTP/1.1\r\n", "");
        if let Ok((200, page)) = answer {
            let samples = samples(&page);
            self.last = Some(Scrape { asked_at, samples });
        }
    }

    /// Sets the maximum size of the files that the running process writes. Returns whether the
    /// system can do that.
    pub fn limit_files(&self, bytes: &str) -> bool {
        let mut command = Command::new("prlimit");
        command.args([
            "--pid",
            &self.id().to_string(),
            &format!("--fsize={bytes}:"),
        ]);
        command.output().is_ok_and(|output| output.status.success())
    }

    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Identifier as the store has it.
    pub fn incarnation(&self) -> Option<String> {
        Some(format!("{}#{}", self.name, number(&self.log_text())?))
    }

    /// Ends the account of the program, which has ended.
    pub fn ended(mut self, end: End) -> EndedIncarnation {
        EndedIncarnation {
            id: self.incarnation(),
            end,
            last: self.last.take(),
            slack: self.slack,
        }
    }
}

impl Drop for Incarnation {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Number in the log's line about the start.
fn number(log: &str) -> Option<u32> {
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut started = lines.filter(|line| line["message"] == "started");
    started.next()?["number"].as_u64()?.try_into().ok()
}

fn samples(page: &str) -> BTreeMap<String, i64> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| {
        let (name, value) = line.rsplit_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    });
    pairs.collect()
}

impl Scrape {
    /// Sum of the samples of an instrument that have this label; all with an empty one.
    pub fn sum(&self, instrument: &str, label: &str) -> i64 {
        let is_wanted = |key: &str| {
            let labels = key.strip_prefix(instrument);
            labels.is_some_and(|labels| labels.starts_with('{') && labels.contains(label))
        };
        let wanted = self.samples.iter().filter(|(key, _)| is_wanted(key));
        wanted.map(|(_, value)| *value).sum()
    }
}

impl EndedIncarnation {
    /// Sum of the samples of its last page, see [`Scrape::sum`]; 0 if it was never scraped.
    pub fn sum(&self, instrument: &str, label: &str) -> i64 {
        let last = self.last.as_ref();
        last.map_or(0, |last| last.sum(instrument, label))
    }
}
