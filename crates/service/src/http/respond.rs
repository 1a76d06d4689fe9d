//! Requests to responses, and the responses that several endpoints share.

use std::net::IpAddr;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};

/// Time after which a refused client may try again, seconds.
const RETRY_AFTER_SECONDS: &str = "5";

/// Answers the requests of one listener.
pub trait Respond: 'static {
    /// Returns the response to a request of the client with this address.
    fn respond(
        &self,
        request: Request<Incoming>,
        client: IpAddr,
    ) -> impl Future<Output = Response<Full<Bytes>>>;
}

/// Response to a client beyond the limit of connections.
pub(super) fn too_many_clients() -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, "too many clients\n");
    set(&mut response, RETRY_AFTER, RETRY_AFTER_SECONDS);
    set(&mut response, CONNECTION, "close");
    response
}

/// Response with a plain text.
pub(crate) fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    if !body.is_empty() {
        set(&mut response, CONTENT_TYPE, "text/plain; charset=utf-8");
    }
    response
}

/// Response with a JSON document.
pub(crate) fn json(status: StatusCode, document: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(format!("{document}\n"))));
    *response.status_mut() = status;
    set(&mut response, CONTENT_TYPE, "application/json");
    response
}

/// Sets a header field.
pub(crate) fn set(response: &mut Response<Full<Bytes>>, name: HeaderName, value: &'static str) {
    let value = HeaderValue::from_static(value);
    response.headers_mut().insert(name, value);
}
