//! Requests and responses of `/metrics`.

use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HOST, VARY};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Version};
use rehearsal_metrics::exposition::{ExpositionFormat, render};
use rehearsal_metrics::{CollectContext, Registry};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use super::negotiation::{accepts_gzip, preferred_format};
use super::respond::{Respond, set, text};

/// Maximum number of pages that clients have not received yet.
const PAGES_MAX: usize = 128;
/// Methods of `/metrics`.
const METHODS: &str = "GET, HEAD, OPTIONS";

/// Service of `/metrics`: one response for each request.
pub struct MetricsService {
    registry: Registry,
    began: Instant,
    pages: Arc<Semaphore>,
}

impl MetricsService {
    /// Service for the metrics of a registry.
    pub fn new(registry: Registry) -> Self {
        Self {
            registry,
            began: Instant::now(),
            pages: Arc::new(Semaphore::new(PAGES_MAX)),
        }
    }

    /// Returns the response to a request. It does not read the body.
    pub async fn response<B>(&self, request: Request<B>) -> Response<Full<Bytes>> {
        let (head, _) = request.into_parts();
        let hosts = head.headers.get_all(HOST).iter().count();
        if hosts > 1 || hosts == 0 && head.version == Version::HTTP_11 {
            return text(StatusCode::BAD_REQUEST, "one Host is needed\n");
        }
        match (head.method, head.uri.path()) {
            (Method::GET | Method::HEAD, "/metrics") => self.exposition(&head.headers).await,
            (Method::OPTIONS, "/metrics" | "*") => allowing(text(StatusCode::NO_CONTENT, "")),
            (_, "/metrics") => {
                let text = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
                allowing(text)
            }
            _ => text(StatusCode::NOT_FOUND, "see /metrics\n"),
        }
    }

    async fn exposition(&self, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let (format, is_gzip) = (preferred_format(headers), accepts_gzip(headers));
        let permit = Arc::clone(&self.pages).acquire_owned().await.ok();
        let (registry, began) = (self.registry.clone(), self.began);
        let page = spawn_blocking(move || Page {
            bytes: page(&registry, began, format, is_gzip),
            _permit: permit,
        });
        // A callback of the registry panicked.
        let Ok(page) = page.await else {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            return text(status, "a metric can't be collected\n");
        };
        let mut response = Response::new(Full::new(Bytes::from_owner(page)));
        set(&mut response, CONTENT_TYPE, format.content_type());
        set(&mut response, VARY, "Accept, Accept-Encoding");
        if is_gzip {
            set(&mut response, CONTENT_ENCODING, "gzip");
        }
        response
    }
}

impl Respond for MetricsService {
    async fn respond(&self, request: Request<Incoming>, _client: IpAddr) -> Response<Full<Bytes>> {
        self.response(request).await
    }
}

/// Body of a response with its permit, which it keeps until it is sent.
struct Page {
    bytes: Vec<u8>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Page {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn page(registry: &Registry, began: Instant, format: ExpositionFormat, is_gzip: bool) -> Vec<u8> {
    let text = render(format, registry, &CollectContext::at(began.elapsed())).into_bytes();
    if !is_gzip {
        return text;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let encoded = encoder.write_all(&text).and_then(|()| encoder.finish());
    encoded.expect("memory takes every byte")
}

fn allowing(mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    set(&mut response, ALLOW, METHODS);
    response
}

#[cfg(test)]
mod tests {
    use futures_lite::future::{poll_once, yield_now};

    use super::*;

    #[test]
    fn request_beyond_the_limit_of_pages_waits_for_one_to_be_sent() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            let service = MetricsService::new(Registry::new());
            let request = || {
                let request = Request::get("/metrics").header(HOST, "x");
                service.response(request.body(()).unwrap())
            };
            let mut pages = Vec::new();
            for _ in 0..PAGES_MAX {
                pages.push(request().await);
            }
            let mut next = Box::pin(request());
            for _ in 0..3 {
                assert!(poll_once(&mut next).await.is_none());
                yield_now().await;
            }
            pages.pop();
            assert_eq!(next.await.status(), StatusCode::OK);
        });
    }
}
