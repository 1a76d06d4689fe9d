//! `/metrics` over HTTP: serves the exposition of a registry.
//!
//! ```text
//!   GET, HEAD /metrics   200, the exposition, in the format that `Accept` prefers, gzipped where
//!                        `Accept-Encoding` allows it
//!   OPTIONS /metrics     204, with the methods
//!   another method       405, with the methods
//!   another path         404
//!   no HTTP              400; a head of more than 8 KiB or 64 fields: 431
//!   too many clients     503, with `Retry-After`
//! ```
//!
//! The endpoint has a thread with a runtime of its own, so that neither waits for the other: the
//! program may compute or block, and clients may be slow. Two more threads render pages, because
//! rendering a large registry would hold up the clients of the others.
//!
//! | limit | value |
//! |---|---|
//! | open connections | 2,048, or half of the process's open files if that is fewer |
//! | time for a request and its response | 45 s |
//! | pages that clients have not received yet | 128; further requests wait within their time |
//! | head of a request | 8 KiB, 64 fields |
//! | body of a request | is not read |
//! | time for open responses when the endpoint is dropped | 5 s |
//!
//! The 45 s run from the start of a connection to the end of its first request's head, and from
//! there, with the response, to the end of the next head. So they bound slow and idle clients
//! alike.
//!
//! hyper parses requests and frames responses.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::rc::Rc;
use std::thread::{Builder, JoinHandle};

use rehearsal_metrics::Registry;
use tokio::sync::watch;
use tokio::task::LocalSet;

use super::limits::EndpointLimits;
use super::metrics_service::MetricsService;
use super::server;

/// Maximum number of threads that render pages.
const RENDER_THREADS: usize = 2;

/// HTTP server for the metrics of one registry. It stops when it is dropped, after it has finished
/// its open responses.
///
/// ```
/// use rehearsal_metrics::Registry;
/// use rehearsal_service::http::MetricsEndpoint;
///
/// let endpoint = MetricsEndpoint::start("127.0.0.1:0", Registry::new())?;
/// println!("http://{}/metrics", endpoint.address());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct MetricsEndpoint {
    address: SocketAddr,
    is_stopping: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl MetricsEndpoint {
    /// Serves a registry at an address, with the default limits. Port 0 selects a free one.
    ///
    /// # Errors
    /// The address can't be bound, or the thread can't be created.
    pub fn start(address: impl ToSocketAddrs, registry: Registry) -> io::Result<Self> {
        Self::start_with(address, registry, EndpointLimits::default())
    }

    /// Serves a registry at an address, with these limits.
    ///
    /// # Errors
    /// The address can't be bound, or the thread can't be created.
    pub fn start_with(
        address: impl ToSocketAddrs,
        registry: Registry,
        limits: EndpointLimits,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(RENDER_THREADS)
            .build()?;
        let listener = {
            let _context = runtime.enter();
            server::listen_at_any(address.to_socket_addrs()?)?
        };
        let address = listener.local_addr()?;
        let (is_stopping, stopping) = watch::channel(false);
        let thread = Builder::new()
            .name("metrics-endpoint".to_owned())
            .spawn(move || {
                let service = Rc::new(MetricsService::new(registry));
                let serving = server::serve(listener, service, limits, stopping);
                LocalSet::new().block_on(&runtime, serving);
                // A page that is still being rendered has no client any more.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            address,
            is_stopping,
            thread: Some(thread),
        })
    }

    /// Returns the address of the listener.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for MetricsEndpoint {
    fn drop(&mut self) {
        self.is_stopping.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic of the server was printed by its thread.
            let _ = thread.join();
        }
    }
}
