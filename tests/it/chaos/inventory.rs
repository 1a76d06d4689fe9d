//! Images, schedules and configuration of the fleet under test.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rehearsal_convert::Index;
use serde_json::json;

use crate::program::{rehearsal, text};

/// Tenants, each with as many images.
pub const TENANTS: [&str; 2] = ["acme", "umbrella"];

/// Number of images of a tenant.
pub const IMAGES: u64 = 48;

/// Key with which exports are signed.
pub const EVENT_KEY: &str = "planted-event-key-0123456789";

/// Schedules with their tenants and the exports that they subscribe to.
pub const SCHEDULES: &str = r#"
[[schedule]]
id = "acme-all"
tenant = "acme"
whenCron = "* * * * *"
triggers = ["conselier"]

[[schedule]]
id = "acme-shop"
tenant = "acme"
mode = "contentRefresh"
selector = { scope = "namespaces", namespaces = ["shop"] }
limits = { parallelism = 3, ratePerSecond = 100 }
triggers = ["excitor"]

[[schedule]]
id = "umbrella-all"
tenant = "umbrella"
whenCron = "* * * * *"
overlap = "queueOne"
triggers = ["conselier", "excitor"]
"#;

/// Schedules by tenant and kind of export.
pub const SUBSCRIPTIONS: [(&str, &str, &str); 4] = [
    ("acme", "conselier", "acme-all"),
    ("acme", "excitor", "acme-shop"),
    ("umbrella", "conselier", "umbrella-all"),
    ("umbrella", "excitor", "umbrella-all"),
];

/// Number of an image, which its digest ends with.
pub fn index_of(image: &str) -> u64 {
    let digits = image.get(image.len().saturating_sub(8)..);
    u64::from_str_radix(digits.unwrap_or_default(), 16).unwrap_or_default()
}

/// Whether the Scanner has no report of an image.
pub fn is_refused(image: &str) -> bool {
    index_of(image) % 16 == 5
}

/// Line of the inventory for an image of a tenant.
fn image_line(tenant: usize, index: u64) -> String {
    let number = tenant.index_i64().cast_unsigned() * 1_000 + index;
    let tenant = TENANTS[tenant];
    let image = json!({
        "digest": format!("sha256:{number:064x}"),
        "tenant": tenant,
        "registry": "registry.example",
        "repository": format!("{tenant}/service-{index}"),
        "namespaces": [if index.is_multiple_of(2) { "shop" } else { "office" }],
        "components": [{
            "productKey": format!("pkg:generic/product-{}", index % 4),
            "usedByEntrypoint": true,
        }],
    });
    format!("{image}\n")
}

/// Short delays, and segments so small that processes commit for much of their time. Deliveries
/// have no practical limit: a run that the chaos ends as poison would look like one that a
/// defect ends.
fn configuration(store: &Path, scanner: SocketAddr, notify: SocketAddr) -> String {
    let store = store.display();
    format!(
        r#"
[http]
listen = "127.0.0.1:0"
[events]
listen = "127.0.0.1:0"
[store]
file = "{store}"
[scanner]
url = "http://{scanner}/reports"
allowLoopback = true
[notify]
url = "http://{notify}/events"
allowLoopback = true
[worker]
triggerPoll = "500ms"
plannerPoll = "200ms"
plannerAttempts = 100
segmentSize = 2
segmentsAtOnce = 4
lease = "3s"
leasePatience = "500ms"
maxDeliveryAttempts = 100
backoffInitial = "50ms"
backoffMax = "500ms"
scannerTimeout = "1s"
relayPoll = "500ms"
backlogRefresh = "2s"
sweepInterval = "1s"
stopGrace = "2s"
"#
    )
}

/// A store with images and schedules, and the configuration of its workers.
pub struct Installation {
    pub directory: PathBuf,
    pub store: PathBuf,
    pub config: String,
}

impl Installation {
    /// Writes all files into an empty directory.
    pub fn create(directory: &Path, scanner: SocketAddr, notify: SocketAddr) -> Self {
        let write = |name: &str, content: String| {
            let path = directory.join(name);
            fs::write(&path, content).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let store = directory.join("scheduler.db");
        let installation = Self {
            directory: directory.to_owned(),
            config: write("worker.toml", configuration(&store, scanner, notify)),
            store,
        };
        let schedules = write("schedules.toml", SCHEDULES.to_owned());
        let lines = (0..TENANTS.len())
            .flat_map(|tenant| (0..IMAGES).map(move |index| image_line(tenant, index)));
        let images = write("images.jsonl", lines.collect());
        for arguments in [
            ["schedules", "apply", &schedules],
            ["inventory", "import", &images],
        ] {
            installation.admin(&arguments).unwrap();
        }
        installation
    }

    /// Carries out a command of an operator.
    ///
    /// # Errors
    /// The command failed: the store is full, or a paused process locks it.
    pub fn admin(&self, arguments: &[&str]) -> Result<String, String> {
        let arguments = [&["admin", "--config", &self.config], arguments].concat();
        let output = rehearsal(&arguments).output().unwrap();
        match output.status.success() {
            true => Ok(text(&output.stdout).to_owned()),
            false => Err(text(&output.stderr).to_owned()),
        }
    }
}
