//! Any bytes that a client sends to the metrics endpoint end in responses or in a closed
//! connection, never in a panic, and at once.

#![no_main]

use std::future::pending;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use futures_lite::future::zip;
use libfuzzer_sys::fuzz_target;
use rehearsal::live::{MetricsService, serve_connection};
use rehearsal::metrics::{Family, Labels, Registry};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().expect("a runtime"));

static SERVICE: LazyLock<MetricsService> = LazyLock::new(|| {
    let registry = Registry::new();
    let counter = registry.counter(&Family::counter("x_total"), Labels::none());
    counter.expect("an empty registry").add(7);
    MetricsService::new(registry)
});

/// A connection that hangs is closed after this time, which is a finding.
const HANG: Duration = Duration::from_secs(1);

fuzz_target!(|request: &[u8]| {
    let began = Instant::now();
    let (client, server) = duplex(4 * 1024);
    let respond = |request| SERVICE.response(request);
    let server = serve_connection(server, respond, HANG, pending());
    let client = async {
        let (mut answers, mut requests) = tokio::io::split(client);
        // The server may close before it has read everything.
        let send = async {
            let _ = requests.write_all(request).await;
            let _ = requests.shutdown().await;
        };
        let mut received = Vec::new();
        let receive = answers.read_to_end(&mut received);
        let (_, end) = zip(send, receive).await;
        end.expect("memory takes every byte");
        received
    };
    let ((), received) = RUNTIME.block_on(zip(server, client));
    assert!(received.is_empty() || received.starts_with(b"HTTP/1."));
    assert!(began.elapsed() < HANG, "the connection hung");
});
