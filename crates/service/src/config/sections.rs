//! The sections of the configuration, with their defaults.

use std::net::SocketAddr;
use std::path::PathBuf;

use rehearsal_worker::Role;
use rehearsal_worker::duration::Duration;
use rehearsal_worker::options::WorkerOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::level_filters::LevelFilter;

/// Configuration of a worker process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ServiceConfig {
    /// Name of the process, which it keeps over restarts. Default: the name of the machine
    pub name: Option<String>,
    /// Parts of the pipeline that the process serves. Default: all
    pub roles: Vec<Role>,
    /// Logs on standard error.
    pub log: LogSection,
    /// Endpoint of metrics and health.
    pub http: HttpSection,
    /// Store and queues.
    pub store: StoreSection,
    /// Inventory of images.
    pub inventory: InventorySection,
    /// Client of the Scanner.
    pub scanner: ScannerSection,
    /// Receiver of events.
    pub notify: NotifySection,
    /// Webhooks for exports and SBOMs.
    pub events: EventsSection,
    /// Worker itself, the same in all processes.
    pub worker: WorkerOptions,
}

/// Least severity of what is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LogLevel {
    /// Errors only.
    Error,
    /// Conditions that need attention, too.
    Warn,
    /// Changes of runs, too.
    Info,
    /// Segments and conflicts, too.
    Debug,
}

impl LogLevel {
    /// Returns the level of the logging library.
    pub const fn filter(self) -> LevelFilter {
        match self {
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
        }
    }
}

/// Choice of the form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LogChoice {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Lines for people.
    Text,
    /// One object in each line.
    Json,
}

/// Logs on standard error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct LogSection {
    /// Least severity of what is logged: `error`, `warn`, `info` or `debug`
    pub level: LogLevel,
    /// Form of the lines: `text`, `json`, or `auto` for text on a terminal and JSON elsewhere
    pub format: LogChoice,
}

/// Endpoint of metrics and health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct HttpSection {
    /// Address of `/metrics`, `/healthz` and `/readyz`. Schedule names are in the metrics
    #[schemars(with = "String")]
    pub listen: SocketAddr,
}

/// Store and queues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct StoreSection {
    /// SQLite file, which several processes of one machine may share
    #[schemars(with = "String")]
    pub file: PathBuf,
    /// Whether each commit reaches the disk before its answer; otherwise a loss of power may undo
    /// the last commits
    pub durable: bool,
    /// Maximum bytes of the file, 1048576 or more, so that it leaves space on the disk. Default: no
    /// limit
    pub max_bytes: Option<u64>,
    /// Time for which runs and exports that are over are kept, 1h or more
    pub retention: Duration,
}

/// Inventory of images.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct InventorySection {
    /// File of images, one JSON object in each line, which is read at the start. Default: the
    /// images in the store
    #[schemars(with = "Option<String>")]
    pub file: Option<PathBuf>,
}

/// Scanner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ScannerSection {
    /// URL that reports are requested from. A process that scans needs it
    pub url: Option<String>,
    /// File with the token for `Authorization: Bearer`. Default: no token
    #[schemars(with = "Option<String>")]
    pub token_file: Option<PathBuf>,
    /// PEM file with the authorities that are trusted instead of the machine's
    #[schemars(with = "Option<String>")]
    pub ca_file: Option<PathBuf>,
    /// Whether the Scanner may be on this machine; then, and only then, `http` is possible
    pub allow_loopback: bool,
    /// Maximum bytes of a report
    #[schemars(range(min = 1_024, max = 1_073_741_824))]
    pub max_report_bytes: u32,
}

/// Receiver of events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct NotifySection {
    /// URL that events are posted to. Default: events are only logged, at level `debug`
    pub url: Option<String>,
    /// File with the key that signs events. Default: they are not signed
    #[schemars(with = "Option<String>")]
    pub key_file: Option<PathBuf>,
    /// PEM file with the authorities that are trusted instead of the machine's
    #[schemars(with = "Option<String>")]
    pub ca_file: Option<PathBuf>,
    /// Whether the receiver may be on this machine; then, and only then, `http` is possible
    pub allow_loopback: bool,
}

/// Webhooks for exports and SBOMs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct EventsSection {
    /// Address of `/events/conselier-export`, `/events/excitor-export` and `/events/sbom-ready`.
    /// Default: no webhooks
    #[schemars(with = "Option<String>")]
    pub listen: Option<SocketAddr>,
    /// Files with the keys that are valid for signatures, so that senders can change theirs
    #[schemars(with = "Vec<String>")]
    pub key_files: Vec<PathBuf>,
    /// Maximum requests of one client's address in a minute from its first, signed or not
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_requests_per_address: u32,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            name: None,
            roles: Role::ALL.to_vec(),
            log: LogSection::default(),
            http: HttpSection::default(),
            store: StoreSection::default(),
            inventory: InventorySection::default(),
            scanner: ScannerSection::default(),
            notify: NotifySection::default(),
            events: EventsSection::default(),
            worker: WorkerOptions::default(),
        }
    }
}

impl Default for LogSection {
    fn default() -> Self {
        Self {
            level: LogLevel::Info,
            format: LogChoice::Auto,
        }
    }
}

impl Default for HttpSection {
    fn default() -> Self {
        Self {
            listen: ([127, 0, 0, 1], 9464).into(),
        }
    }
}

impl Default for StoreSection {
    fn default() -> Self {
        Self {
            file: "scheduler.db".into(),
            durable: true,
            max_bytes: None,
            retention: Duration::from_hours(30 * 24),
        }
    }
}

impl Default for ScannerSection {
    fn default() -> Self {
        Self {
            url: None,
            token_file: None,
            ca_file: None,
            allow_loopback: false,
            max_report_bytes: 16 << 20,
        }
    }
}

impl Default for EventsSection {
    fn default() -> Self {
        Self {
            listen: None,
            key_files: Vec::new(),
            max_requests_per_address: 600,
        }
    }
}

impl ServiceConfig {
    /// Returns every value that its key does not allow, as the key and the reason.
    pub fn invalid_values(&self) -> Vec<(String, String)> {
        let mut invalid = Vec::new();
        if let Err(errors) = self.worker.validate() {
            let errors = errors.into_iter();
            invalid
                .extend(errors.map(|error| (format!("worker.{}", error.key), error.to_string())));
        }
        if self.store.retention < Duration::from_hours(1) {
            let reason = format!("it is {}, and must be 1h or more", self.store.retention);
            invalid.push(("store.retention".to_owned(), reason));
        }
        if let Some(bytes) = self.store.max_bytes.filter(|bytes| *bytes < 1 << 20) {
            let reason = format!("it is {bytes}, and must be 1048576 or more");
            invalid.push(("store.maxBytes".to_owned(), reason));
        }
        let bytes = self.scanner.max_report_bytes;
        if !(1 << 10..=1 << 30).contains(&bytes) {
            let reason = format!("it is {bytes}, and must lie between 1024 and 1073741824");
            invalid.push(("scanner.maxReportBytes".to_owned(), reason));
        }
        let requests = self.events.max_requests_per_address;
        if !(1..=1_000_000).contains(&requests) {
            let reason = format!("it is {requests}, and must lie between 1 and 1000000");
            invalid.push(("events.maxRequestsPerAddress".to_owned(), reason));
        }
        if self.name.as_deref().is_some_and(|name| !is_name(name)) {
            let reason = "write 1 to 100 letters, digits, `.`, `_` or `-`".to_owned();
            invalid.push(("name".to_owned(), reason));
        }
        if self.roles.is_empty() {
            let reason = "name at least one role, or leave the key out for all".to_owned();
            invalid.push(("roles".to_owned(), reason));
        }
        if self.roles.contains(&Role::Runner) && self.scanner.url.is_none() {
            let reason = "a process with the role `runner` needs it".to_owned();
            invalid.push(("scanner.url".to_owned(), reason));
        }
        invalid
    }
}

fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=100).contains(&name.len()) && name.bytes().all(is_allowed)
}
