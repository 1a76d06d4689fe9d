//! HTTP client of one service.

use std::error::Error;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::resolver::CheckedResolver;
use super::target_url::TargetUrl;
use super::tls::TrustedRoots;

/// Maximum time for a connection to one address.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Time after which an unused connection is closed.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// Client that sends to one URL.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector<CheckedResolver>>, Full<Bytes>>,
    target: TargetUrl,
}

/// Answer of a service.
#[derive(Debug)]
pub struct HttpAnswer {
    /// Status code.
    pub status: StatusCode,
    /// Header fields.
    pub headers: HeaderMap,
    /// Whole body.
    pub body: Bytes,
}

/// Reason why a service gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// There was no connection, so nothing was sent.
    #[error("no connection: {0}")]
    Unreachable(String),
    /// The connection ended before the answer did, or the answer is too large.
    #[error("no complete answer: {0}")]
    Incomplete(String),
}

impl HttpClient {
    /// Creates a client of a service.
    pub fn new(target: TargetUrl, roots: &TrustedRoots) -> Self {
        let resolver = CheckedResolver::new(target.policy());
        Self::with_resolver(target, roots, resolver)
    }

    /// Creates a client with another resolver.
    pub(super) fn with_resolver(
        target: TargetUrl,
        roots: &TrustedRoots,
        resolver: CheckedResolver,
    ) -> Self {
        let mut connector = HttpConnector::new_with_resolver(resolver);
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIME));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(roots.client_config())
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME)
            .build(connector);
        Self { client, target }
    }

    /// Returns the URL to which the client sends.
    pub fn target(&self) -> &TargetUrl {
        &self.target
    }

    /// Posts a JSON document. A redirect is an answer like any other. If the future is dropped, the
    /// connection is closed.
    ///
    /// # Errors
    /// There was no answer, or its body has more than `max_bytes` bytes.
    pub async fn post(
        &self,
        headers: HeaderMap,
        body: Vec<u8>,
        max_bytes: usize,
    ) -> Result<HttpAnswer, HttpError> {
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.target.uri().clone();
        *request.headers_mut() = headers;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        let answer = self.client.request(request).await.map_err(|error| {
            let text = root_cause(&error);
            match error.is_connect() {
                true => HttpError::Unreachable(text),
                false => HttpError::Incomplete(text),
            }
        })?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, max_bytes).collect().await;
        let body = body.map_err(|error| HttpError::Incomplete(root_cause(error.as_ref())))?;
        Ok(HttpAnswer {
            status: head.status,
            headers: head.headers,
            body: body.to_bytes(),
        })
    }
}

/// Returns the text of the first error in a chain: the others say only that there was one.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
