//! `rehearsal admin`, as a program over one store.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use rehearsal::model::observation::QueueName;
use rehearsal::service::AdminConnection;
use rehearsal::service::config::ServiceConfig;
use rehearsal::service::run_local;
use rehearsal::worker::model::{ImpactSet, PlannerMessage};
use rehearsal::worker::ports::Queue;
use serde_json::{Value, json};

use crate::program::{rehearsal, scratch, text};

const SCHEDULES: &str = r#"
[[schedule]]
id = "nightly"
tenant = "acme"
whenCron = "30 2 29 2 *"

[[schedule]]
id = "weekly"
tenant = "acme"
enabled = false
whenCron = "0 3 * * 0"
timeZone = "Europe/Vienna"
selector = { scope = "namespaces", namespaces = ["shop"] }
"#;

/// A store, and the commands on it.
pub struct AdminStore(pub PathBuf);

impl AdminStore {
    pub fn run(&self, arguments: &[&str]) -> Output {
        let store = format!("store.file={}", self.0.display());
        let arguments = [&["admin", "--set", &store], arguments].concat();
        rehearsal(&arguments).output().unwrap()
    }

    pub fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
        text(&output.stdout).to_owned()
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        let document = self.text(&[arguments, &["--format", "json"]].concat());
        let document: Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["schema"], "rehearsal.admin@1");
        document
    }

    /// The message of a command that ends with this exit code.
    pub fn error(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let message = text(&output.stderr).to_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
        message
    }
}

fn store_with_schedules(name: &str) -> (AdminStore, PathBuf) {
    let directory = scratch(name);
    let file = directory.join("schedules.toml");
    fs::write(&file, SCHEDULES).unwrap();
    let store = AdminStore(directory.join("scheduler.db"));
    store.text(&["schedules", "apply", file.to_str().unwrap()]);
    (store, file)
}

#[test]
fn schedules_are_applied_listed_changed_and_deleted() {
    let (store, file) = store_with_schedules("admin-schedules");
    let list = store.json(&["schedules", "list"]);
    let states = |list: &Value| {
        let rows = list["schedules"].as_array().unwrap().iter();
        rows.map(|row| row["state"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(states(&list), ["enabled", "disabled"]);
    assert_eq!(list["schedules"][1]["timeZone"], "Europe/Vienna");
    let table = store.text(&["schedules", "list"]);
    let mut lines = table.lines();
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("schedule  tenant  state     whenCron"),
        "{table}"
    );
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("nightly   acme    enabled   30 2 29 2 *"),
        "{table}"
    );
    let path = file.to_str().unwrap();
    let apply = || store.json(&["schedules", "apply", path])["schedules"].clone();
    let unchanged = json!([
        {"schedule": "nightly", "result": "unchanged"},
        {"schedule": "weekly", "result": "unchanged"},
    ]);
    assert_eq!(apply(), unchanged);
    fs::write(&file, SCHEDULES.replace("30 2", "45 2")).unwrap();
    assert_eq!(apply()[0]["result"], "replaced");
    let shown = store.json(&["schedules", "show", "nightly"]);
    assert_eq!(shown["schedule"]["whenCron"], "45 2 29 2 *");
    store.text(&["schedules", "disable", "nightly"]);
    store.text(&["schedules", "enable", "weekly"]);
    assert_eq!(
        states(&store.json(&["schedules", "list"])),
        ["disabled", "enabled"]
    );
    store.text(&["schedules", "delete", "nightly"]);
    assert_eq!(
        states(&store.json(&["schedules", "list"])),
        ["deleted", "enabled"]
    );
    assert!(
        store
            .error(2, &["schedules", "apply", path])
            .contains("`nightly` was deleted")
    );
    assert!(
        store
            .error(2, &["schedules", "show", "daily"])
            .contains("no schedule `daily`")
    );
}

#[test]
fn errors_of_a_file_of_schedules_change_nothing() {
    let (store, file) = store_with_schedules("admin-errors");
    let path = file.to_str().unwrap();
    let foreign = SCHEDULES.replace("30 2", "45 2").replace(
        "id = \"weekly\"\ntenant = \"acme\"",
        "id = \"weekly\"\ntenant = \"globex\"",
    );
    fs::write(&file, foreign).unwrap();
    let message = store.error(2, &["schedules", "apply", path]);
    assert!(
        message.contains("`weekly` belongs to the tenant `acme`"),
        "{message}"
    );
    fs::write(
        &file,
        SCHEDULES.replace("tenant = \"acme\"\nenabled", "enabled"),
    )
    .unwrap();
    let message = store.error(2, &["schedules", "apply", path]);
    assert!(message.contains("`weekly` has no `tenant`"), "{message}");
    fs::write(&file, SCHEDULES.replace("timeZone", "zone")).unwrap();
    let message = store.error(2, &["schedules", "apply", path]);
    assert!(message.contains("schedules.toml:12:1"), "{message}");
    let shown = store.json(&["schedules", "show", "nightly"]);
    assert_eq!(shown["schedule"]["whenCron"], "30 2 29 2 *");
}

#[test]
fn runs_are_started_cancelled_and_retried_once_for_each_occurrence() {
    let (store, _) = store_with_schedules("admin-runs");
    let start = || store.json(&["runs", "start", "nightly", "--occurrence", "now"]);
    let id = "run:acme:nightly:manual:now";
    assert_eq!(start()["runs"][0]["run"], id);
    assert_eq!(start()["runs"][0]["state"], "planning");
    assert_eq!(
        store.json(&["runs", "list"])["runs"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert!(
        store
            .error(2, &["runs", "retry", id])
            .contains("is not over")
    );
    assert_eq!(
        store.json(&["runs", "cancel", id])["runs"][0]["state"],
        "cancelled"
    );
    assert!(store.error(2, &["runs", "cancel", id]).contains("is over"));
    store.text(&["runs", "retry", id, "--occurrence", "again"]);
    let listed = store.json(&[
        "runs",
        "list",
        "--state",
        "planning",
        "--schedule",
        "nightly",
    ]);
    assert_eq!(listed["runs"][0]["run"], "run:acme:nightly:manual:again");
    assert_eq!(
        store.json(&["runs", "show", id])["run"]["state"],
        "cancelled"
    );
    assert!(
        store
            .error(2, &["runs", "show", "x"])
            .contains("there is no run `x`")
    );
    assert!(
        store
            .error(2, &["runs", "start", "x"])
            .contains("there is no schedule `x`")
    );
    assert_eq!(
        store.text(&["runs", "list", "--state", "error"]),
        "no runs\n"
    );
}

#[test]
fn next_fires_are_listed() {
    let (store, _) = store_with_schedules("admin-fires");
    let fires = store.json(&["fires", "--next", "2"]);
    let fires = fires["fires"].as_array().unwrap();
    // The other schedule is disabled.
    assert_eq!(fires.len(), 2);
    assert!(
        fires[0]["at"]
            .as_str()
            .unwrap()
            .ends_with("-02-29T02:30:00Z")
    );
    assert_eq!(
        (&fires[0]["kind"], &fires[0]["count"]),
        (&json!("next"), &json!(1))
    );
    assert_eq!(store.text(&["fires", "--schedule", "weekly"]), "no fires\n");
    assert!(
        store
            .error(2, &["fires", "--schedule", "x"])
            .contains("no schedule `x`")
    );
}

/// Plants a dead letter of a run into the planner queue.
fn plant_dead_letter(store: &Path, run: &str) {
    let mut config = ServiceConfig::default();
    store.clone_into(&mut config.store.file);
    run_local(async {
        let connection = AdminConnection::open(config, false).await.unwrap();
        let message = PlannerMessage {
            run: run.into(),
            schedule: "nightly".into(),
            tenant: "acme".into(),
            impact: ImpactSet::default(),
        };
        let queue = &connection.ports.planner_queue;
        queue.enqueue(&message, run).await.unwrap();
        let lease = queue.lease(Duration::from_secs(60), Duration::ZERO).await;
        let delivery = lease.unwrap().unwrap().delivery;
        queue.dead_letter(delivery, "poison").await.unwrap();
    })
    .unwrap();
}

#[test]
fn dead_letters_are_listed_shown_and_redriven() {
    let (store, _) = store_with_schedules("admin-dead-letters");
    assert_eq!(store.text(&["dead-letters", "list"]), "no deadLetters\n");
    for run in ["run:acme:nightly:cron:a", "run:acme:nightly:cron:b"] {
        plant_dead_letter(&store.0, run);
    }
    let list = store.json(&["dead-letters", "list"]);
    let letters = list["deadLetters"].as_array().unwrap();
    assert_eq!(letters.len(), 2);
    assert_eq!(
        (&letters[0]["queue"], &letters[0]["reason"]),
        (&json!("planner"), &json!("poison"))
    );
    let number = letters[0]["number"].to_string();
    let shown = store.json(&["dead-letters", "show", &number]);
    assert_eq!(shown["deadLetter"]["run"], "run:acme:nightly:cron:a");
    let redrive = [
        "dead-letters",
        "redrive",
        "--run",
        "run:acme:nightly:cron:b",
    ];
    let redriven = json!([
        {"queue": QueueName::Planner.as_str(), "redriven": 1},
        {"queue": QueueName::Runner.as_str(), "redriven": 0},
    ]);
    assert_eq!(store.json(&redrive)["queues"], redriven);
    let left = store.json(&["dead-letters", "list", "--queue", "planner"]);
    assert_eq!(left["deadLetters"].as_array().unwrap().len(), 1);
    assert!(
        store
            .error(2, &["dead-letters", "show", "99"])
            .contains("no dead letter `99`")
    );
}

fn image_line(digest: &str, repository: &str) -> String {
    let image = json!({
        "tenant": "acme",
        "digest": digest,
        "registry": "registry.example",
        "repository": repository,
        "components": [{"productKey": "pkg:deb/debian/openssl", "usedByEntrypoint": true}],
    });
    format!("{image}\n")
}

#[test]
fn images_are_imported_and_removed() {
    let directory = scratch("admin-inventory");
    let store = AdminStore(directory.join("scheduler.db"));
    let (file, digest) = (
        directory.join("images.jsonl"),
        format!("sha256:{}", "ab".repeat(32)),
    );
    let path = file.to_str().unwrap();
    let lines = image_line(&digest, "shop/web") + &image_line(&digest, "shop/cart");
    fs::write(&file, &lines).unwrap();
    for _ in 0..2 {
        let imported = store.json(&["inventory", "import", path]);
        assert_eq!(imported["inventory"], json!({"imported": 2}));
    }
    fs::write(&file, lines.replacen("shop/cart", "", 1)).unwrap();
    let message = store.error(2, &["inventory", "import", path]);
    assert!(
        message.contains("images.jsonl: line 2: field `repository` is missing or empty"),
        "{message}"
    );
    let remove = ["inventory", "remove", "acme", &digest];
    assert_eq!(store.json(&remove)["inventory"], json!({"removed": 2}));
    let message = store.error(2, &remove);
    assert!(
        message.contains("there is no image `sha256:ab"),
        "{message}"
    );
    let message = store.error(1, &["inventory", "import", "no/such/file"]);
    assert!(message.contains("can't read no/such/file: "), "{message}");
}

#[test]
fn store_that_does_not_exist_is_not_created() {
    let store = AdminStore(scratch("admin-missing").join("scheduler.db"));
    assert!(
        store
            .error(2, &["runs", "list"])
            .contains("there is no such file")
    );
    assert!(!store.0.exists());
    let message = store.error(2, &["--set", "worker.lease=1s", "runs", "list"]);
    assert!(message.contains("worker.lease: `lease` is 1s"), "{message}");
}
