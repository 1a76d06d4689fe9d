//! Whole worker processes over a SQLite file, in real time.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rehearsal_service::config::{Secrets, ServiceConfig};
use rehearsal_service::demo::{demo_options, run_demo};
use rehearsal_service::webhook::SigningKeys;
use rehearsal_service::{StartError, WorkerProcess, run_local};
use rehearsal_sqlite::SqliteStore;
use rehearsal_worker::model::{RunState, Trigger};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::spawn_local;
use tokio::time::sleep;
use tokio_rusqlite::rusqlite::Connection;

/// Maximum time for what a process does by itself. It takes a few seconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Secrets that must appear nowhere.
const TOKEN: &str = "planted-scanner-token";
const EVENT_KEY: &str = "planted-event-key-0123456789";

fn config(directory: &Path) -> ServiceConfig {
    let mut config = ServiceConfig {
        name: Some("worker-1".to_owned()),
        worker: demo_options(),
        ..ServiceConfig::default()
    };
    config.http.listen.set_port(0);
    config.store.file = directory.join("scheduler.db");
    config.store.durable = false;
    config
}

fn secrets(config: &ServiceConfig) -> Secrets {
    let variable = |name: &str| match name {
        "REHEARSAL_SCANNER_TOKEN" => Some(TOKEN.to_owned()),
        "REHEARSAL_EVENTS_KEY" => Some(EVENT_KEY.to_owned()),
        _ => None,
    };
    Secrets::read(config, variable).unwrap()
}

/// Sends a request and returns status and text of the response.
async fn send(address: SocketAddr, request: &str, body: &str) -> (u16, String) {
    send_with(address, request, "", body).await
}

/// Sends a request with more header fields, each after a line end.
async fn send_with(address: SocketAddr, request: &str, fields: &str, body: &str) -> (u16, String) {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let text = format!(
        "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}{fields}\r\n\
         \r\n{body}"
    );
    connection.write_all(text.as_bytes()).await.unwrap();
    let mut response = String::new();
    connection.read_to_string(&mut response).await.unwrap();
    let status = response.split(' ').nth(1).unwrap().parse().unwrap();
    (status, response)
}

/// Repeats `check` until it holds.
async fn eventually(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !check().await {
        assert!(began.elapsed() < PATIENCE, "{what} takes too long");
        sleep(Duration::from_millis(50)).await;
    }
}

/// A demonstration that a test looks at while it runs.
struct RunningDemo {
    address: SocketAddr,
    webhooks: Option<SocketAddr>,
    store: SqliteStore,
}

/// Runs a demonstration with this configuration until `test` ends.
fn with_demo(config: ServiceConfig, test: impl AsyncFnOnce(&RunningDemo)) {
    let secrets = secrets(&config);
    run_local(async {
        let (announced, started) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let demo = spawn_local(async move {
            let stop = async {
                let _ = stopped.await;
            };
            run_demo(config, &secrets, stop, |process: &WorkerProcess| {
                let address = process.metrics_address().unwrap();
                let store = process.store().clone();
                let webhooks = process.webhook_address().unwrap();
                let _ = announced.send(RunningDemo {
                    address,
                    webhooks,
                    store,
                });
            })
            .await
        });
        test(&started.await.unwrap()).await;
        stop.send(()).unwrap();
        demo.await.unwrap().unwrap();
    })
    .unwrap();
}

#[test]
fn demonstration_completes_runs_and_stops() {
    let directory = TempDir::new().unwrap();
    let config = config(directory.path());
    with_demo(config.clone(), async |demo| {
        eventually("a completed run", async || {
            let runs = demo.store.runs(Some(RunState::Completed), None, 10).await;
            !runs.unwrap().is_empty()
        })
        .await;
        let (status, page) = send(demo.address, "GET /metrics", "").await;
        assert_eq!(status, 200);
        let is_counted = |line: &str| {
            let sample = line.strip_prefix("scheduler_runner_segments_total{");
            sample.is_some_and(|sample| sample.contains("Completed") && !sample.ends_with(" 0"))
        };
        assert!(page.lines().any(is_counted), "{page}");
        for port in ["queue", "store"] {
            let sample = format!("scheduler_store_calls_total{{port=\"{port}\"}} ");
            let mut lines = page.lines().filter_map(|line| line.strip_prefix(&sample));
            let calls: u64 = lines.next().expect(&page).parse().unwrap();
            assert!(calls > 0, "{page}");
        }
        assert_eq!(send(demo.address, "GET /healthz", "").await.0, 200);
        let (status, ready) = send(demo.address, "GET /readyz", "").await;
        assert_eq!(status, 200, "{ready}");
    });
    // The next process of that name is another incarnation, and finds the schedules.
    with_demo(config, async |demo| {
        eventually("the second incarnation", async || {
            demo.store.incarnations(10).await.unwrap().len() >= 2
        })
        .await;
        assert_eq!(demo.store.schedule_documents().await.unwrap().len(), 3);
    });
}

#[test]
fn runs_that_are_over_for_long_enough_are_purged() {
    let directory = TempDir::new().unwrap();
    let mut config = config(directory.path());
    let completed = async |store: &SqliteStore| {
        let runs = store
            .runs(Some(RunState::Completed), None, 100)
            .await
            .unwrap();
        runs.iter().map(|run| run.created_at).collect::<Vec<_>>()
    };
    let mut first = None;
    with_demo(config.clone(), async |demo| {
        eventually("a completed run", async || {
            !completed(&demo.store).await.is_empty()
        })
        .await;
        first = completed(&demo.store).await.pop();
    });
    let first = first.unwrap();
    with_demo(config.clone(), async |demo| {
        eventually("the second run", async || {
            send(demo.address, "GET /readyz", "").await.0 == 200
        })
        .await;
        assert!(completed(&demo.store).await.contains(&first));
    });
    config.store.retention = rehearsal_worker::duration::Duration::ZERO;
    with_demo(config, async |demo| {
        eventually("the purge", async || {
            !completed(&demo.store).await.contains(&first)
        })
        .await;
    });
}

#[test]
fn signed_export_starts_a_run() {
    let directory = TempDir::new().unwrap();
    let mut config = config(directory.path());
    config.events.listen = Some(([127, 0, 0, 1], 0).into());
    with_demo(config, async |demo| {
        let address = demo.webhooks.unwrap();
        let body = r#"{"exportId":"export-1","changedProductKeys":["pkg:generic/library-7"]}"#;
        let path = "POST /events/conselier-export";
        assert_eq!(send(address, path, body).await.0, 401);
        // Schedules hear of exports from their creation on.
        eventually("the schedules", async || {
            demo.store.schedule_documents().await.unwrap().len() == 3
        })
        .await;
        let keys = SigningKeys::new([EVENT_KEY.as_bytes().to_vec()]);
        let fields = keys.sign("message-1", body.as_bytes()).unwrap();
        let fields = fields
            .map(|(name, value)| format!("\r\n{name}: {value}"))
            .concat();
        for duplicate in [false, true] {
            let (status, answer) = send_with(address, path, &fields, body).await;
            assert_eq!(status, 202, "{answer}");
            assert!(
                answer.contains(&format!("\"duplicate\":{duplicate}")),
                "{answer}"
            );
        }
        eventually("the run of the export", async || {
            let runs = demo
                .store
                .runs(Some(RunState::Completed), None, 100)
                .await
                .unwrap();
            runs.iter().any(|run| run.trigger == Trigger::Conselier)
        })
        .await;
    });
}

#[test]
fn permanent_error_of_the_store_makes_the_process_unready() {
    let directory = TempDir::new().unwrap();
    let mut config = config(directory.path());
    let file = config.store.file.clone();
    // Commits that are never answered hold up the stop.
    config.worker.stop_grace = Duration::ZERO;
    with_demo(config, async |demo| {
        eventually("readiness", async || {
            send(demo.address, "GET /readyz", "").await.0 == 200
        })
        .await;
        let connection = Connection::open(&file).unwrap();
        connection.execute_batch("DROP TABLE outbox").unwrap();
        eventually("the error", async || {
            send(demo.address, "GET /readyz", "").await.0 == 503
        })
        .await;
        let (_, reasons) = send(demo.address, "GET /readyz", "").await;
        assert!(
            reasons.contains("fails permanently: schema: no such table: outbox"),
            "{reasons}"
        );
        let (_, page) = send(demo.address, "GET /metrics", "").await;
        let line = "scheduler_store_errors_total{";
        assert!(page.lines().any(|found| found.starts_with(line)), "{page}");
        // The process lives, and is not restarted for what a restart does not mend.
        assert_eq!(send(demo.address, "GET /healthz", "").await.0, 200);
    });
}

#[test]
fn planted_secrets_are_in_no_page_error_or_dump() {
    let directory = TempDir::new().unwrap();
    let mut config = config(directory.path());
    config.events.listen = Some(([127, 0, 0, 1], 0).into());
    let dump = format!("{config:?} {:?}", secrets(&config));
    let pages = Rc::new(RefCell::new(dump));
    let read = Rc::clone(&pages);
    with_demo(config, async move |demo| {
        eventually("a completed run", async || {
            let runs = demo.store.runs(Some(RunState::Completed), None, 1).await;
            !runs.unwrap().is_empty()
        })
        .await;
        for path in ["/metrics", "/healthz", "/readyz", "/other"] {
            let (_, page) = send(demo.address, &format!("GET {path}"), "").await;
            read.borrow_mut().push_str(&page);
        }
    });
    let stored = std::fs::read(directory.path().join("scheduler.db")).unwrap();
    pages
        .borrow_mut()
        .push_str(&String::from_utf8_lossy(&stored));
    for secret in [TOKEN, EVENT_KEY] {
        assert!(!pages.borrow().contains(secret), "{secret}");
    }
}

#[test]
fn process_that_cannot_start_says_why() {
    let directory = TempDir::new().unwrap();
    let error = |change: &dyn Fn(&mut ServiceConfig)| {
        let mut config = config(directory.path());
        change(&mut config);
        let opened = async {
            WorkerProcess::open(config.clone(), &secrets(&config))
                .await
                .err()
        };
        let error: Option<StartError> = run_local(opened).unwrap();
        error.expect("it starts").to_string()
    };
    let scanner = |url: &'static str| {
        move |config: &mut ServiceConfig| config.scanner.url = Some(url.to_owned())
    };
    let message = error(&scanner("http://user:hunter2@scanner.example/"));
    assert!(
        message.starts_with("scanner.url: ") && !message.contains("hunter2"),
        "{message}"
    );
    let message = error(&scanner("http://scanner.example/"));
    assert!(message.contains("its scheme is not `https`"), "{message}");
    let message = error(&scanner("http://127.0.0.1/"));
    assert!(
        message.contains("`allowLoopback` does not allow"),
        "{message}"
    );
    let message = error(&|config| config.store.file = "no/such/directory/x.db".into());
    assert!(
        message.starts_with("store.file: no/such/directory/x.db"),
        "{message}"
    );
    let message = error(&|config| config.inventory.file = Some("no/such/file".into()));
    assert!(message.starts_with("inventory.file: "), "{message}");
    let message = error(&|config| config.http.listen = ([203, 0, 113, 1], 80).into());
    assert!(
        message.starts_with("http.listen: 203.0.113.1:80: "),
        "{message}"
    );
}
