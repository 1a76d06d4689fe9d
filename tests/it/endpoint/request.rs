//! Requests of every kind: methods, targets, versions, formats, encodings, sizes.

use std::io::Read;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use rehearsal::live::{EndpointLimits, MetricsEndpoint};
use rehearsal::metrics::{CollectContext, Family, Labels, Registry};

use super::client::{Answer, Client, ask};
use super::{serve, worker_registry};

/// Line of a page.
const SEGMENTS: &str =
    "scheduler_runner_segments_total{mode=\"analysisOnly\",status=\"Completed\"} 1";

fn is_page(answer: &Answer) -> bool {
    answer.status == 200 && answer.text().lines().any(|line| line == SEGMENTS)
}

#[test]
fn format_is_negotiated() {
    let endpoint = serve(&worker_registry());
    let text = "text/plain; version=0.0.4; charset=utf-8";
    let open_metrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    for (accept, format) in [
        ("*/*", text),
        ("image/png", text),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
            open_metrics,
        ),
    ] {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n");
        let answer = ask(endpoint.address(), request);
        assert!(is_page(&answer), "{accept}: {answer:?}");
        assert_eq!(answer.field("content-type"), Some(format), "{accept}");
        assert_eq!(answer.field("vary"), Some("Accept, Accept-Encoding"));
        assert_eq!(answer.text().ends_with("# EOF\n"), format == open_metrics);
    }
}

#[test]
fn page_is_gzipped_if_the_client_accepts_it() {
    let endpoint = serve(&worker_registry());
    let [gzip, plain] = ["gzip", "gzip;q=0"].map(|accept| {
        let fields = format!("Host: x\r\nAccept-Encoding: {accept}\r\n\r\n");
        ask(
            endpoint.address(),
            format!("GET /metrics HTTP/1.1\r\n{fields}"),
        )
    });
    assert_eq!(gzip.field("content-encoding"), Some("gzip"));
    assert_eq!(plain.field("content-encoding"), None);
    let mut unpacked = String::new();
    GzDecoder::new(&gzip.body[..])
        .read_to_string(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, plain.text());
    assert!(
        gzip.body.len() * 4 < unpacked.len(),
        "{} bytes",
        gzip.body.len()
    );
}

#[test]
fn every_form_of_a_request_target_gets_the_page() {
    let endpoint = serve(&worker_registry());
    for target in [
        "/metrics",
        "/metrics?name[]=x&y",
        "http://x/metrics",
        "http://x:9090/metrics?a",
        "HTTPS://x/metrics",
    ] {
        let answer = ask(
            endpoint.address(),
            format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"),
        );
        assert!(is_page(&answer), "{target}: {answer:?}");
    }
    for target in [
        "/",
        "/metrics/",
        "/Metrics",
        "//metrics",
        "http://metrics",
        "*",
        "/a%00",
    ] {
        let answer = ask(
            endpoint.address(),
            format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"),
        );
        assert_eq!(answer.status, 404, "{target}");
    }
}

#[test]
fn head_has_the_fields_of_get_and_no_body() {
    let endpoint = serve(&worker_registry());
    let mut client = Client::connect(endpoint.address());
    let page = client.get("/metrics");
    client.send("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    let head = client.head().unwrap();
    assert_eq!(head.status, 200);
    for field in ["content-type", "content-length", "vary"] {
        assert_eq!(head.field(field), page.field(field), "{field}");
    }
    // The next response follows at once.
    assert!(is_page(&client.get("/metrics")));
}

#[test]
fn other_methods_get_those_that_are_allowed() {
    let endpoint = serve(&worker_registry());
    for (request, status) in [
        ("POST /metrics", 405),
        ("DELETE /metrics", 405),
        ("get /metrics", 405),
        ("OPTIONS /metrics", 204),
        ("OPTIONS *", 204),
    ] {
        let answer = ask(
            endpoint.address(),
            format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n"),
        );
        assert_eq!(answer.status, status, "{request}");
        assert_eq!(
            answer.field("allow"),
            Some("GET, HEAD, OPTIONS"),
            "{request}"
        );
    }
    let answer = ask(
        endpoint.address(),
        "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    );
    assert_eq!(answer.status, 404);
}

#[test]
fn client_of_http_1_0_gets_a_page_and_the_end_of_the_connection() {
    let endpoint = serve(&worker_registry());
    let mut client = Client::connect(endpoint.address());
    client.send("GET /metrics HTTP/1.0\r\n\r\n");
    assert!(is_page(&client.answer().unwrap()));
    assert!(client.answer().is_none());
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let endpoint = serve(&worker_registry());
    let mut client = Client::connect(endpoint.address());
    let [page, other] =
        ["/metrics", "/other"].map(|path| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
    client.send([page.as_str(), &other, &page, &other].concat());
    let statuses = [(); 4].map(|()| client.answer().unwrap().status);
    assert_eq!(statuses, [200, 404, 200, 404]);
}

#[test]
fn invalid_request_is_refused_and_the_next_client_served() {
    let endpoint = serve(&worker_registry());
    let with = |fields: &str| format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
    let long_target = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(100_000));
    for (request, status) in [
        ("\u{1}\u{2}nonsense\r\n\r\n", 400),
        ("GET /metrics HTTP/1.1\r\n\r\n", 400),
        (&with("Host: y\r\n"), 400),
        (&with("no colon\r\n"), 400),
        (&with("Content-Length: 1\r\nContent-Length: 2\r\n"), 400),
        (&with("Transfer-Encoding: nonsense\r\n"), 400),
        (&with(&format!("X: {}\r\n", "x".repeat(9_000))), 431),
        (&with(&format!("X: {}\r\n", "x".repeat(1_000_000))), 431),
        (&with(&"X: x\r\n".repeat(100)), 431),
        (&long_target, 431),
    ] {
        let mut client = Client::connect(endpoint.address());
        client.send(request);
        let answer = client.answer().unwrap();
        assert_eq!(answer.status, status, "{request:.60}");
        assert!(status == 400 || client.answer().is_none(), "it is closed");
    }
    drop(Client::connect(endpoint.address()));
    assert!(is_page(&ask(endpoint.address(), with(""))));
}

#[test]
fn body_of_a_request_is_not_taken_for_a_request() {
    let endpoint = serve(&worker_registry());
    let body = "GET /other HTTP/1.1\r\nHost: x\r\n\r\n";
    let length = format!("Content-Length: {}", body.len());
    let chunk = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for (field, body) in [
        (length.as_str(), body),
        ("Transfer-Encoding: chunked", &chunk),
    ] {
        let mut client = Client::connect(endpoint.address());
        client.send(format!(
            "GET /metrics HTTP/1.1\r\nHost: x\r\n{field}\r\n\r\n{body}"
        ));
        assert!(is_page(&client.answer().unwrap()), "{field}");
        // The connection is used again or closed.
        client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(
            client.answer().is_none_or(|answer| is_page(&answer)),
            "{field}"
        );
    }
}

#[test]
fn large_body_is_refused_without_being_read() {
    let endpoint = serve(&worker_registry());
    let mut client = Client::connect(endpoint.address());
    client.send("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000000\r\n\r\n");
    client.send(vec![b'x'; 100_000]);
    assert_eq!(client.answer().unwrap().status, 405);
    assert!(client.answer().is_none());
}

/// Registry with a gauge whose callback calls this function.
fn observed(call: impl Fn() + Send + Sync + 'static) -> Registry {
    let registry = worker_registry();
    let callback = move |_: &CollectContext, give: &mut dyn FnMut(&Labels, f64)| {
        call();
        give(&Labels::none(), 1.0);
    };
    registry
        .observe(Family::gauge("observed"), Arc::new(callback))
        .unwrap();
    registry
}

#[test]
fn page_that_is_being_rendered_holds_up_no_other_client() {
    let barrier: &'static Barrier = Box::leak(Box::new(Barrier::new(2)));
    let endpoint = serve(&observed(|| {
        barrier.wait();
    }));
    let mut first = Client::connect(endpoint.address());
    first.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(
        Client::connect(endpoint.address()).get("/other").status,
        404
    );
    barrier.wait();
    assert!(is_page(&first.answer().unwrap()));
}

#[test]
fn metric_that_panics_fails_one_request() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let is_first: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(true)));
    let endpoint = serve(&observed(|| {
        assert!(
            !is_first.swap(false, Ordering::Relaxed),
            "the first call fails"
        );
    }));
    let mut client = Client::connect(endpoint.address());
    assert_eq!(client.get("/metrics").status, 500);
    assert!(is_page(&client.get("/metrics")));
}

#[test]
fn connection_is_closed_at_its_deadline() {
    let mut limits = EndpointLimits::default();
    limits.request_time = Duration::from_millis(300);
    let endpoint = MetricsEndpoint::start_with("127.0.0.1:0", worker_registry(), limits).unwrap();
    let began = Instant::now();
    let mut client = Client::connect(endpoint.address());
    client.send("GET /metrics HTTP/1.1\r\nHos");
    assert!(client.answer().is_none());
    let time = began.elapsed();
    assert!(
        time >= limits.request_time && time < Duration::from_secs(10),
        "{time:?}"
    );
}

#[test]
fn dropped_endpoint_finishes_the_open_response() {
    let barrier: &'static Barrier = Box::leak(Box::new(Barrier::new(2)));
    let endpoint = serve(&observed(|| {
        barrier.wait();
        barrier.wait();
    }));
    let address = endpoint.address();
    let idle = Client::connect(address);
    let mut open = Client::connect(address);
    open.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    barrier.wait();
    let stop = thread::spawn(|| drop(endpoint));
    thread::sleep(Duration::from_millis(50));
    barrier.wait();
    let answer = open.answer().unwrap();
    assert!(is_page(&answer));
    assert!(open.answer().is_none());
    stop.join().unwrap();
    assert!(
        std::net::TcpStream::connect(address).is_err(),
        "it still listens"
    );
    drop(idle);
}
