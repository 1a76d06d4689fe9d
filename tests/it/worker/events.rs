//! Webhooks of one process, whose events another one works on, and the secrets of both.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use rehearsal::service::webhook::SigningKeys;
use serde_json::json;

use super::admin::AdminStore;
use super::running::{RunningWorker, eventually};
use crate::program::scratch;
use crate::scanner_stub::{ScannerStub, report};

/// Secrets, each in a file, which must appear nowhere else.
const TOKEN: &str = "planted-scanner-token";
const NOTIFY_KEY: &str = "planted-notify-key-0123456789";
const EVENT_KEY: &str = "planted-event-key-0123456789";

const SCHEDULES: &str = r#"
[[schedule]]
id = "on-advisories"
tenant = "acme"
triggers = ["conselier"]
"#;

/// Writes secrets and configuration. The receiver of events is the Scanner, which takes none.
fn write_config(directory: &Path, scanner: &ScannerStub) {
    let path = |name: &str| directory.join(name).display().to_string();
    for (name, secret) in [
        ("token", TOKEN),
        ("notify", NOTIFY_KEY),
        ("events", EVENT_KEY),
    ] {
        fs::write(path(name), secret).unwrap();
    }
    let (url, store) = (scanner.url(), path("scheduler.db"));
    let (token, notify, events) = (path("token"), path("notify"), path("events"));
    let config = format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n\
         [log]\nlevel = \"debug\"\n\
         [store]\nfile = \"{store}\"\ndurable = false\n\
         [scanner]\nurl = \"{url}\"\nallowLoopback = true\ntokenFile = \"{token}\"\n\
         [notify]\nurl = \"{url}\"\nallowLoopback = true\nkeyFile = \"{notify}\"\n\
         [events]\nkeyFiles = [\"{events}\"]\n\
         [worker]\ntriggerPoll = \"1s\"\nplannerPoll = \"1s\"\nrelayPoll = \"1s\"\n\
         stopGrace = \"0s\"\n"
    );
    fs::write(directory.join("worker.toml"), config).unwrap();
}

/// Sends a request and returns the response.
fn request(address: SocketAddr, first_line: &str, fields: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let text = format!(
        "{first_line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\
         {fields}\r\n{body}"
    );
    stream.write_all(text.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

/// Sends an event with a signature of this key.
fn send_event(address: SocketAddr, path: &str, key: &str, body: &str) -> String {
    let keys = SigningKeys::new([key.as_bytes().to_vec()]);
    let fields = keys.sign(path, body.as_bytes()).unwrap();
    let fields = fields.map(|(name, value)| format!("{name}: {value}\r\n"));
    request(
        address,
        &format!("POST /events/{path}"),
        &fields.concat(),
        body,
    )
}

#[test]
fn image_of_an_sbom_event_is_in_the_next_run_of_another_process_and_no_secret_is_printed() {
    let directory = scratch("worker-events");
    let scanner = ScannerStub::start(|image| {
        let finding = json!({
            "vulnerability": "CVE-2026-1",
            "component": "pkg:generic/new",
            "severity": "high",
            "kev": true,
        });
        (200, report(image, 1, &[finding]))
    });
    write_config(&directory, &scanner);
    let store = AdminStore(directory.join("scheduler.db"));
    let schedules = directory.join("schedules.toml");
    fs::write(&schedules, SCHEDULES).unwrap();
    store.text(&["schedules", "apply", schedules.to_str().unwrap()]);
    let config = directory.join("worker.toml");
    let listen = [
        "events.listen=127.0.0.1:0",
        "events.maxRequestsPerAddress=6",
    ];
    let mut receiver = RunningWorker::start(&config, "receiver", &["trigger"], &listen);
    let roles = ["planner", "dispatcher", "runner", "relay", "sweeper"];
    let worker = RunningWorker::start(&config, "worker", &roles, &[]);
    let address = receiver.webhook_address();

    let digest = format!("sha256:{}", "ab".repeat(32));
    let image = json!({
        "tenant": "acme",
        "digest": digest,
        "registry": "registry.example",
        "repository": "shop/web",
        "components": [{"productKey": "pkg:generic/new"}],
    });
    let image = image.to_string();
    let mut printed = send_event(address, "sbom-ready", "a foreign key", &image);
    assert!(printed.starts_with("HTTP/1.1 401 "), "{printed}");
    for duplicate in [false, true] {
        let answer = send_event(address, "sbom-ready", EVENT_KEY, &image);
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
        assert!(
            answer.contains(&format!("\"duplicate\":{duplicate}")),
            "{answer}"
        );
        printed.push_str(&answer);
    }
    let export = r#"{"exportId":"export-1","changedProductKeys":["pkg:generic/new"]}"#;
    printed.push_str(&send_event(address, "conselier-export", EVENT_KEY, export));
    let run = "run:acme:on-advisories:conselier:export-1";
    eventually("completed run of the export", || {
        let runs = store.json(&["runs", "list", "--state", "completed"]);
        runs["runs"]
            .as_array()
            .unwrap()
            .iter()
            .any(|row| row["run"] == run)
    });
    let shown = store.json(&["runs", "show", run]);
    assert_eq!(shown["run"]["stats"]["completed"], 1, "{shown}");

    // The address has sent 4 of 6 requests.
    for status in ["401", "401", "429"] {
        let answer = request(address, "POST /events/sbom-ready", "", "x");
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert_eq!(
            answer.contains("retry-after: "),
            status == "429",
            "{answer}"
        );
        printed.push_str(&answer);
    }
    for path in ["/metrics", "/readyz", "/healthz", "/other"] {
        printed.push_str(&request(worker.address, &format!("GET {path}"), "", ""));
    }
    for command in [
        &["processes"][..],
        &["runs", "show", run],
        &["schedules", "list"],
    ] {
        printed.push_str(&store.text(command));
    }
    let log = receiver.stop() + &worker.stop();
    assert!(
        log.contains("SBOM event received") && log.contains("\"DEBUG\""),
        "{log}"
    );
    printed.push_str(&log);
    printed.push_str(&String::from_utf8_lossy(&fs::read(&store.0).unwrap()));
    for secret in [TOKEN, NOTIFY_KEY, EVENT_KEY] {
        assert!(!printed.contains(secret), "{secret} was printed");
    }
}
