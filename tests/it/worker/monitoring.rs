//! Two workers under a real Prometheus, with the guide's configuration, the bundled rules and the
//! bundled dashboard.
//!
//! Every duration in rules and configuration is divided by 60, so that minutes are seconds, and the
//! store's clock is put forward to the next minute for each fire. The numbers in the rules, which
//! are compared with durations that workers measure, stay.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rehearsal::bundled;
use serde_json::{Value, json};
use tokio_rusqlite::rusqlite::Connection;

use super::admin::AdminStore;
use super::running::{RunningWorker, eventually};
use crate::dashboard;
use crate::program::{scratch, signal};
use crate::prometheus::Prometheus;
use crate::scanner_stub::{ScannerStub, report};

const GUIDE: &str = include_str!("../../../docs/ops/scheduler-worker-operations.md");

const STALLED: &str = "SchedulerPlannerStalled";

const SCHEDULES: &str = r#"
[[schedule]]
id = "nightly"
tenant = "acme"
whenCron = "* * * * *"
overlap = "allow"

[[schedule]]
id = "refresh"
tenant = "acme"
mode = "content-refresh"
whenCron = "30 2 29 2 *"
"#;

/// Divides every duration by 60: `2h` becomes `2m`, `6m` becomes `6s`, `30s` becomes `500ms`.
/// Numbers that belong to a name, such as that of `increase15m`, stay.
fn shortened(text: &str) -> String {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut short = String::new();
    for word in text.split_inclusive(|c: char| !is_name(c)) {
        let (duration, after) = word.split_at(word.trim_end_matches(|c| !is_name(c)).len());
        let digits = duration.trim_end_matches(|c: char| !c.is_ascii_digit());
        let number: Option<u64> = digits.parse().ok();
        let divided = match (number, &duration[digits.len()..]) {
            (Some(number), "h") => format!("{number}m"),
            (Some(number), "m") => format!("{number}s"),
            (Some(number), "s") => format!("{}ms", number * 1_000 / 60),
            _ => duration.to_owned(),
        };
        short.push_str(&divided);
        short.push_str(after);
    }
    short
}

/// The guide's `prometheus.yml`, with these targets and this file of rules.
fn prometheus_config(targets: &[SocketAddr], rules: &Path) -> String {
    let (_, block) = GUIDE.split_once("```yaml\n# prometheus.yml\n").unwrap();
    let config = shortened(block.split_once("```").unwrap().0);
    let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
    let replaced = config
        .replace("/etc/prometheus/rules/*.yaml", rules.to_str().unwrap())
        .replace("worker-1:9464, worker-2:9464", &targets.join(", "));
    assert!(
        !replaced.contains("9464") && !replaced.contains("/etc/"),
        "{replaced}"
    );
    replaced
}

/// Puts the store's clock, which never goes back, forward by a minute.
fn put_clock_forward(store: &Path) {
    let connection = Connection::open(store).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    let put = "UPDATE clock SET last_ns = last_ns + 60000000000";
    assert_eq!(connection.execute(put, []).unwrap(), 1);
}

/// Twenty images, as lines of JSON.
fn images() -> String {
    let image = |number: u8| {
        let image = json!({
            "tenant": "acme",
            "digest": format!("sha256:{}", format!("{number:02x}").repeat(32)),
            "registry": "registry.example",
            "repository": "shop/web",
        });
        format!("{image}\n")
    };
    (0..20).map(image).collect()
}

/// Starts a Scanner that does not know one image, fails every tenth request, and finds something
/// new in each report.
fn start_scanner() -> ScannerStub {
    let requests = AtomicU64::new(1);
    ScannerStub::start(move |image| {
        let number = requests.fetch_add(1, Ordering::Relaxed);
        let finding = |severity: &str| {
            json!({
                "vulnerability": format!("CVE-2026-{number}-{severity}"),
                "component": "pkg:generic/openssl",
                "severity": severity,
                "kev": severity == "critical",
            })
        };
        match number % 10 {
            _ if image.starts_with("sha256:07") => (404, Value::Null),
            0 => (500, Value::Null),
            _ => {
                let findings = [finding("critical"), finding("high")];
                (200, report(image, number, &findings))
            }
        }
    })
}

/// Writes the configuration of both workers.
fn write_config(directory: &Path, scanner: &ScannerStub) {
    let (store, url) = (directory.join("scheduler.db"), scanner.url());
    let config = format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n\
         [store]\nfile = \"{}\"\ndurable = false\n\
         [scanner]\nurl = \"{url}\"\nallowLoopback = true\n\
         [worker]\nsegmentSize = 4\ntriggerPoll = \"1s\"\nplannerPoll = \"1s\"\n\
         relayPoll = \"1s\"\nbacklogRefresh = \"3s\"\nbackoffInitial = \"1s\"\n\
         sweepInterval = \"1s\"\n",
        store.display()
    );
    fs::write(directory.join("worker.toml"), config).unwrap();
}

/// Whether an alert is in this state.
fn is_alert(prometheus: &Prometheus, name: &str, state: &str) -> bool {
    let rules = prometheus.rules();
    let mut named = rules.iter().filter(|rule| rule["name"] == name);
    named.any(|rule| rule["state"] == state)
}

/// Queries of the guide's key metrics.
fn key_metrics() -> Vec<String> {
    let (_, table) = GUIDE.split_once("| question | query |\n").unwrap();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let queries = rows.filter_map(|row| row.split('`').nth(1));
    queries.map(str::to_owned).collect()
}

/// Whether a query has a result with a number.
fn has_data(prometheus: &Prometheus, query: &str) -> bool {
    let found = prometheus.query(query).unwrap_or_default();
    let number = |series: &Value| series["value"][1].as_str().unwrap().parse::<f64>().unwrap();
    found.iter().any(|series| number(series).is_finite())
}

#[test]
fn rules_fire_and_dashboard_has_data_over_two_real_workers() {
    let directory = scratch("monitored-workers");
    let scanner = start_scanner();
    write_config(&directory, &scanner);
    let store = AdminStore(directory.join("scheduler.db"));
    let (images_file, schedules) = (directory.join("images.jsonl"), directory.join("s.toml"));
    fs::write(&images_file, images()).unwrap();
    fs::write(&schedules, SCHEDULES).unwrap();
    store.text(&["inventory", "import", images_file.to_str().unwrap()]);
    store.text(&["schedules", "apply", schedules.to_str().unwrap()]);
    let config = directory.join("worker.toml");
    let others = ["trigger", "dispatcher", "runner", "relay", "sweeper"];
    let first = RunningWorker::start(&config, "worker-1", &others, &[]);
    let planner = RunningWorker::start(&config, "worker-2", &["planner", "runner"], &[]);
    let rules = directory.join("rules.yaml");
    fs::write(&rules, shortened(bundled::RULES)).unwrap();
    let text = prometheus_config(&[first.address, planner.address], &rules);
    let Some(prometheus) = Prometheus::configured("monitoring-prometheus", &text) else {
        return;
    };
    eventually("scrape of both workers", || {
        prometheus
            .query("up == 1")
            .is_some_and(|series| series.len() == 2)
    });

    for schedule in ["nightly", "refresh"] {
        store.text(&["runs", "start", schedule, "--occurrence", "first"]);
    }
    let completed = || {
        let runs = store.json(&["runs", "list", "--state", "completed"]);
        runs["runs"].as_array().unwrap().len()
    };
    eventually("two completed runs", || completed() >= 2);

    assert!(is_alert(&prometheus, STALLED, "inactive"));

    // The planners stop while schedules fire.
    assert!(signal("STOP", planner.process.id()));
    eventually("alert about stopped planners", || {
        put_clock_forward(&store.0);
        sleep(Duration::from_secs(2));
        is_alert(&prometheus, STALLED, "firing")
    });
    let planning = store.json(&["runs", "list", "--state", "planning"]);
    assert!(
        !planning["runs"].as_array().unwrap().is_empty(),
        "{planning}"
    );
    // The sweeper cancels the run of a deleted schedule.
    store.text(&["runs", "start", "refresh", "--occurrence", "second"]);
    store.text(&["schedules", "delete", "refresh"]);
    assert!(signal("CONT", planner.process.id()));
    eventually("end of the alert", || {
        is_alert(&prometheus, STALLED, "inactive")
    });
    eventually("completed run of the outage", || completed() >= 3);

    let rules = prometheus.rules();
    assert!(rules.len() >= 10, "{rules:?}");
    for rule in rules {
        assert_eq!(
            (&rule["health"], &rule["lastError"]),
            (&json!("ok"), &Value::Null),
            "{rule}"
        );
    }
    // The counters that only an incident raises exist from the start, as 0.
    let shown = dashboard::queries("4s").into_iter().chain(key_metrics());
    let mut dataless: BTreeSet<String> = shown.collect();
    let began = Instant::now();
    while !dataless.is_empty() && began.elapsed() < Duration::from_secs(10) {
        dataless.retain(|query| !has_data(&prometheus, query));
    }
    assert!(dataless.is_empty(), "no data for {dataless:#?}");
    // An operator cancels a run. The command is not scraped, so a worker takes its share of the
    // open runs over. The run may have completed by now.
    store.text(&["runs", "start", "nightly", "--occurrence", "second"]);
    store.run(&["runs", "cancel", "run:acme:nightly:manual:second"]);
    for query in [
        "sum(scheduler_runner_images_failed_total) > 0",
        "sum(scheduler_runs_cancelled_total) > 0",
        "sum(scheduler_scanner_requests_total{outcome=\"server_error\"}) > 0",
        "sum(scheduler_runner_delta_kev_total) > 0",
        "sum(scheduler_runs_active) == 0",
        "max(scheduler_runner_backlog) == 0",
    ] {
        eventually(query, || has_data(&prometheus, query));
    }
}

#[test]
fn durations_are_divided_and_names_stay() {
    let rules =
        "interval: 30s\nrecord: a:increase15m\nexpr: >-\n  rate(b{le=\"120\"}[15m] offset 2h)\n";
    let short =
        "interval: 500ms\nrecord: a:increase15m\nexpr: >-\n  rate(b{le=\"120\"}[15s] offset 2m)\n";
    assert_eq!(shortened(rules), short);
}
