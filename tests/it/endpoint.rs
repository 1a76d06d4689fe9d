//! `/metrics` over HTTP, asked by hand and by a real Prometheus.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rehearsal::live::MetricsEndpoint;
use rehearsal::metrics::{
    CollectContext, Delta, Mode, PlannerStatus, Registry, SchedulerWorkerMetrics, SegmentStatus,
    WorkerMetricsOptions,
};

fn instruments(registry: &Registry) -> SchedulerWorkerMetrics {
    let metrics = SchedulerWorkerMetrics::with_options(registry, WorkerMetricsOptions::default());
    metrics.expect("an empty registry takes every instrument")
}

/// Serves a registry for as long as the test needs it.
fn serve(registry: &Registry) -> SocketAddr {
    let endpoint = MetricsEndpoint::bind("127.0.0.1:0", registry.clone()).unwrap();
    let address = endpoint.address().unwrap();
    thread::spawn(move || while endpoint.serve_one().is_ok() {});
    address
}

/// Sends bytes and reads all that comes back.
fn ask(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    // The server may close before it has read all: what it said comes all the same.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn get(address: SocketAddr, path: &str, accept: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n");
    ask(address, request.as_bytes())
}

#[test]
fn a_page_comes_in_the_format_that_is_preferred() {
    let registry = Registry::new();
    instruments(&registry).segment(Mode::AnalysisOnly, SegmentStatus::Completed);
    let address = serve(&registry);
    let line = "scheduler_runner_segments_total{mode=\"analysisOnly\",status=\"Completed\"} 1";
    for (accept, format) in [
        ("*/*", "text/plain; version=0.0.4"),
        ("text/plain;q=0.5", "text/plain; version=0.0.4"),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
            "application/openmetrics",
        ),
        (
            "application/openmetrics-text;q=0.2,text/plain;q=0.5",
            "text/plain; version=0.0.4",
        ),
        (
            "application/openmetrics-text;q=0",
            "text/plain; version=0.0.4",
        ),
    ] {
        let answer = get(address, "/metrics?name=x", accept);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(
            answer.contains(&format!("Content-Type: {format}")),
            "{accept}: {answer}"
        );
        assert!(answer.lines().any(|own| own == line), "{answer}");
        assert_eq!(
            answer.ends_with("# EOF\n"),
            format.starts_with("application")
        );
    }
    let head = ask(address, b"HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
}

#[test]
fn what_is_no_scrape_is_refused_and_the_next_is_served() {
    let address = serve(&Registry::new());
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(9000));
    let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "X: x\r\n".repeat(100));
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
        ("\u{1}\u{2}nonsense\r\n\r\n", "400"),
        (&long, "431"),
        (&many, "431"),
    ] {
        let answer = ask(address, request.as_bytes());
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request:.40}: {answer}"
        );
    }
    drop(TcpStream::connect(address).unwrap());
    assert!(get(address, "/metrics", "*/*").starts_with("HTTP/1.1 200 OK"));
}

/// A Prometheus of our own, ended with the test.
struct Prometheus {
    child: Child,
    address: SocketAddr,
    directory: PathBuf,
}

impl Prometheus {
    /// None if there is none on this machine; under CI that is a failure.
    fn start(name: &str, target: SocketAddr) -> Option<Self> {
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        let config = directory.join("prometheus.yml");
        let text = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\n\
             scrape_configs:\n- job_name: scheduler-worker\n  \
             static_configs:\n  - targets: ['{target}']\n"
        );
        fs::write(&config, text).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = port.local_addr().unwrap();
        drop(port);
        let started = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                directory.join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match started {
            Ok(child) => Some(Self {
                child,
                address,
                directory,
            }),
            Err(error) => {
                assert!(
                    std::env::var_os("CI").is_none(),
                    "CI needs prometheus: {error}"
                );
                eprintln!("skipped: there is no prometheus on this machine ({error})");
                None
            }
        }
    }

    /// The result of an instant query; none while there is none.
    fn query(&self, query: &str) -> Option<Vec<serde_json::Value>> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        let request = format!("GET /api/v1/query?query={query} HTTP/1.0\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        let body: serde_json::Value = serde_json::from_str(body).ok()?;
        body["data"]["result"].as_array().cloned()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Records something into every given instrument, the same in each round.
fn work(metrics: &SchedulerWorkerMetrics, round: u64) {
    for mode in Mode::ALL {
        metrics.segment(mode, SegmentStatus::Completed);
        metrics.images(mode, Delta(round.is_multiple_of(3)), 64);
        metrics.planner_run(mode, PlannerStatus::Enqueued, round as f64 / 10.0);
        metrics.run_completed(mode, round as f64);
        metrics.runs_active_add(mode, if round.is_multiple_of(2) { 1 } else { -1 });
    }
}

/// Every series that our page shows, by its text on the page without quotes. Prometheus asks for
/// OpenMetrics.
fn shown(registry: &Registry) -> Vec<(String, f64)> {
    use rehearsal::metrics::exposition::{Format, render};
    let page = render(
        Format::OpenMetrics,
        registry,
        &CollectContext::at(Duration::ZERO),
    );
    let lines = page.lines().filter(|line| line.starts_with("scheduler_"));
    let series = lines.filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        Some((series.replace('"', ""), value.parse().ok()?))
    });
    series.collect()
}

/// A series as Prometheus tells of it, written as on our page.
fn written(series: &serde_json::Value) -> Option<(String, f64)> {
    let labels = series["metric"].as_object()?;
    let name = labels.get("__name__")?.as_str()?;
    let own = labels
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "__name__" | "instance" | "job" | "le"));
    let mut parts: Vec<String> = own
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
        .collect();
    // Our page has the bound at the end.
    parts.extend(
        labels
            .get("le")
            .and_then(|bound| Some(format!("le={}", bound.as_str()?))),
    );
    let text = if parts.is_empty() {
        name.to_owned()
    } else {
        format!("{name}{{{}}}", parts.join(","))
    };
    Some((text, series["value"][1].as_str()?.parse().ok()?))
}

#[test]
fn a_real_prometheus_says_what_we_have_recorded() {
    let registry = Registry::new();
    let metrics = instruments(&registry);
    let Some(prometheus) = Prometheus::start("scraped", serve(&registry)) else {
        return;
    };
    // Work goes on while it scrapes, until it has come for the first time.
    let is_scraped = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0;
            while !is_scraped.load(Ordering::Relaxed) && round < 10_000_000 {
                work(&metrics, round);
                round += 1;
                thread::sleep(Duration::from_micros(100));
            }
        });
        let began = Instant::now();
        let query = "scheduler_runner_segments_total";
        while prometheus.query(query).is_none_or(|found| found.is_empty()) {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "it never scraped"
            );
            thread::sleep(Duration::from_millis(100));
        }
        is_scraped.store(true, Ordering::Relaxed);
    });
    let mut due = shown(&registry);
    due.sort_by(|a, b| a.0.cmp(&b.0));
    let began = Instant::now();
    loop {
        let all = prometheus
            .query("%7B__name__%3D~%22scheduler_.%2A%22%7D")
            .unwrap_or_default();
        let mut told: Vec<_> = all.iter().filter_map(written).collect();
        told.sort_by(|a, b| a.0.cmp(&b.0));
        if told == due {
            break;
        }
        if began.elapsed() > Duration::from_secs(20) {
            let wrong = due.iter().zip(&told).find(|(due, told)| due != told);
            panic!("{} series due, {} told; {wrong:?}", due.len(), told.len());
        }
        thread::sleep(Duration::from_millis(200));
    }
    assert!(due.len() > 100, "{} series", due.len());
}
