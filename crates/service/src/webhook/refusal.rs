//! Why a webhook is not taken, and the response that says so.

use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::json;

use crate::http::{json, set, text};

/// Time after which a sender repeats what the store did not take.
const STORE_WAIT: Duration = Duration::from_secs(5);

/// Reason why a webhook is not taken.
#[derive(Debug, PartialEq, Eq)]
pub enum WebhookRefusal {
    /// No event has this path.
    UnknownPath,
    /// The method is not POST.
    WrongMethod,
    /// The body is larger than the limit.
    TooLarge,
    /// The client ended the body too early.
    Incomplete,
    /// The body did not arrive in its time.
    TooSlow,
    /// No valid signature, or not in the form that the event needs.
    Unauthorized(&'static str),
    /// The limit is used up for this time.
    TooManyRequests(Duration),
    /// The body is no such event; what is wrong with it.
    Malformed(String),
    /// The store does not answer.
    Unavailable,
}

impl WebhookRefusal {
    /// Returns the response of this refusal.
    pub fn response(self) -> Response<Full<Bytes>> {
        match self {
            Self::UnknownPath => text(StatusCode::NOT_FOUND, "not found\n"),
            Self::WrongMethod => {
                let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only POST\n");
                set(&mut response, ALLOW, "POST");
                response
            }
            Self::TooLarge => text(StatusCode::PAYLOAD_TOO_LARGE, "at most 1 MiB\n"),
            Self::Incomplete => text(StatusCode::BAD_REQUEST, "the body is incomplete\n"),
            Self::TooSlow => text(StatusCode::REQUEST_TIMEOUT, "the body takes too long\n"),
            Self::Unauthorized(reason) => text(StatusCode::UNAUTHORIZED, reason),
            Self::TooManyRequests(wait) => {
                let response = text(StatusCode::TOO_MANY_REQUESTS, "too many requests\n");
                retry_after(response, wait)
            }
            Self::Malformed(error) => json(StatusCode::BAD_REQUEST, &json!({ "error": error })),
            Self::Unavailable => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                retry_after(text(status, "the store does not answer\n"), STORE_WAIT)
            }
        }
    }
}

/// Adds the time until the next attempt, in whole seconds.
fn retry_after(mut response: Response<Full<Bytes>>, wait: Duration) -> Response<Full<Bytes>> {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}
