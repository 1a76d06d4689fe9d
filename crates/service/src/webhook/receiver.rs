//! Webhooks by which Conselier and Excitor publish their exports.
//!
//! ```text
//!   POST /events/conselier-export, /events/excitor-export
//!        202  published, or published before ("duplicate": true)
//!        400  signed, but no export       408  the body did not arrive in 10 s
//!        401  no valid signature          413  the body has more than 1 MiB
//!        429  more than 120 requests of one key in 60 s, with Retry-After
//!        503  the store did not answer, with Retry-After: publish again
//!   another method 405, another path 404
//! ```
//!
//! The signature is verified over the raw bytes before anything of them is read. A repeat by the
//! same identifier changes nothing, so a sender repeats until it gets 202, and a replay has no
//! effect.

use std::cell::RefCell;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{ALLOW, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use rehearsal_worker::model::Trigger;
use rehearsal_worker::ports::Export;
use serde_json::json;
use tokio::time::timeout;

use super::export_document::{ExportInbox, read_export};
use super::rate_limit::RateLimit;
use super::signature::SigningKeys;
use crate::http::{Respond, json, set, text};

/// Maximum number of bytes of a body.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Maximum time in which a body must arrive.
const BODY_TIME: Duration = Duration::from_secs(10);
/// Maximum number of requests of one key in a window.
const REQUESTS_MAX: usize = 120;
/// Window of the limit of requests.
const WINDOW: Duration = Duration::from_secs(60);

type Answer = Response<Full<Bytes>>;

/// Receiver of the webhooks.
pub struct ExportWebhooks<I> {
    inbox: I,
    keys: SigningKeys,
    limit: RefCell<RateLimit>,
}

impl<I: ExportInbox> ExportWebhooks<I> {
    /// Creates a receiver that accepts what one of these keys signed.
    pub fn new(inbox: I, keys: SigningKeys) -> Self {
        let limit = RefCell::new(RateLimit::new(keys.len(), REQUESTS_MAX, WINDOW));
        Self { inbox, keys, limit }
    }

    /// Returns the response to a request.
    pub async fn response<B>(&self, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let trigger = match request.uri().path() {
            "/events/conselier-export" => Trigger::Conselier,
            "/events/excitor-export" => Trigger::Excitor,
            _ => return text(StatusCode::NOT_FOUND, "not found\n"),
        };
        if request.method() != Method::POST {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only POST\n");
            set(&mut response, ALLOW, "POST");
            return response;
        }
        let (head, body) = request.into_parts();
        let body = match received(body).await {
            Ok(body) => body,
            Err(response) => return response,
        };
        let Some(key) = self.keys.verify(&head.headers, &body) else {
            return text(StatusCode::UNAUTHORIZED, "no valid signature\n");
        };
        let admitted = self.limit.borrow_mut().admit(key);
        if let Err(wait) = admitted {
            let response = text(StatusCode::TOO_MANY_REQUESTS, "too many requests\n");
            return retry_after(response, wait);
        }
        match read_export(trigger, &body) {
            Ok(export) => self.publish(export).await,
            Err(error) => json(StatusCode::BAD_REQUEST, &json!({ "error": error })),
        }
    }

    async fn publish(&self, export: Export) -> Answer {
        let id = export.id.clone();
        let trigger = export.trigger.as_str();
        let Ok(is_new) = self.inbox.publish(export).await else {
            let response = text(
                StatusCode::SERVICE_UNAVAILABLE,
                "the store does not answer\n",
            );
            return retry_after(response, Duration::from_secs(5));
        };
        tracing::info!(
            export = &*id,
            trigger,
            duplicate = !is_new,
            "export received"
        );
        let document = json!({ "exportId": &*id, "duplicate": !is_new });
        json(StatusCode::ACCEPTED, &document)
    }
}

impl<I: ExportInbox> Respond for ExportWebhooks<I> {
    async fn respond(&self, request: Request<Incoming>) -> Answer {
        self.response(request).await
    }
}

/// Reads a body within the limits.
async fn received<B>(body: B) -> Result<Bytes, Answer>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let too_large = || text(StatusCode::PAYLOAD_TOO_LARGE, "at most 1 MiB\n");
    // The announced length is enough to refuse.
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(too_large());
    }
    match timeout(BODY_TIME, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(text(StatusCode::BAD_REQUEST, "the body is incomplete\n")),
        Err(_) => Err(text(
            StatusCode::REQUEST_TIMEOUT,
            "the body takes too long\n",
        )),
    }
}

/// Adds the time until the next attempt, in whole seconds.
fn retry_after(mut response: Answer, wait: Duration) -> Answer {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::rc::Rc;
    use std::task::{Context, Poll};

    use hyper::HeaderMap;
    use hyper::body::Frame;
    use rehearsal_worker::ports::{PortError, PortResult};
    use tokio::time::advance;

    use super::super::signature::tests::{signed, signed_at};
    use super::*;

    const KEY: &[u8] = b"a key";
    const EXPORT: &[u8] = br#"{"exportId":"c-1","changedProductKeys":["pkg:a"]}"#;

    /// Inbox in memory, which can be down.
    #[derive(Clone, Default)]
    struct MemoryInbox {
        published: Rc<RefCell<Vec<Export>>>,
        is_down: bool,
    }

    impl ExportInbox for MemoryInbox {
        async fn publish(&self, export: Export) -> PortResult<bool> {
            if self.is_down {
                return Err(PortError::Unavailable);
            }
            let mut published = self.published.borrow_mut();
            if published.iter().any(|known| known.id == export.id) {
                return Ok(false);
            }
            published.push(export);
            Ok(true)
        }
    }

    /// Body of which nothing ever arrives.
    struct SilentBody;

    impl Body for SilentBody {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    fn paused<T>(future: impl Future<Output = T>) -> T {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(future)
    }

    fn webhooks(inbox: &MemoryInbox) -> ExportWebhooks<MemoryInbox> {
        let keys = SigningKeys::new([b"old key".to_vec(), KEY.to_vec()]);
        ExportWebhooks::new(inbox.clone(), keys)
    }

    fn request<B>(headers: HeaderMap, body: B) -> Request<B> {
        let request = Request::post("/events/conselier-export").body(body);
        let mut request = request.unwrap();
        *request.headers_mut() = headers;
        request
    }

    async fn post(
        webhooks: &ExportWebhooks<MemoryInbox>,
        headers: HeaderMap,
        body: &[u8],
    ) -> (u16, String, HeaderMap) {
        let request = request(headers, Full::new(Bytes::copy_from_slice(body)));
        let response = webhooks.response(request).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        (head.status.as_u16(), body, head.headers)
    }

    #[test]
    fn signed_export_is_published_once() {
        paused(async {
            let inbox = MemoryInbox::default();
            let webhooks = webhooks(&inbox);
            let (status, body, _) = post(&webhooks, signed(KEY, EXPORT), EXPORT).await;
            assert_eq!(
                (status, &*body),
                (202, "{\"duplicate\":false,\"exportId\":\"c-1\"}\n")
            );
            let again = post(&webhooks, signed_at(KEY, "msg-1", 0, EXPORT), EXPORT).await;
            assert_eq!(
                (again.0, &*again.1),
                (202, "{\"duplicate\":true,\"exportId\":\"c-1\"}\n")
            );
            let published = inbox.published.borrow();
            assert_eq!(published.len(), 1);
            assert_eq!(published[0].trigger, Trigger::Conselier);
        });
    }

    #[test]
    fn bad_signature_is_refused_before_the_body_is_parsed_and_without_detail() {
        paused(async {
            let webhooks = webhooks(&MemoryInbox::default());
            let expected = (401, "no valid signature\n".to_owned());
            let foreign = signed(b"another key", EXPORT);
            let stale = signed_at(KEY, "msg-1", 400, EXPORT);
            for headers in [HeaderMap::new(), foreign, stale] {
                // What is no JSON is refused in the same way.
                for body in [EXPORT, b"{"] {
                    let (status, body, _) = post(&webhooks, headers.clone(), body).await;
                    assert_eq!((status, body), expected);
                }
            }
            let (status, body, _) = post(&webhooks, signed(KEY, b"{"), b"{").await;
            assert_eq!(status, 400, "{body}");
        });
    }

    #[test]
    fn body_of_more_than_1_mib_is_refused_before_it_is_hashed() {
        paused(async {
            let webhooks = webhooks(&MemoryInbox::default());
            let largest = vec![b'x'; BODY_BYTES_MAX];
            let (status, ..) = post(&webhooks, HeaderMap::new(), &largest).await;
            assert_eq!(status, 401);
            let larger = vec![b'x'; BODY_BYTES_MAX + 1];
            let (status, ..) = post(&webhooks, signed(KEY, &larger), &larger).await;
            assert_eq!(status, 413);
            // Without an announced length.
            let body = UnsizedBody(Full::new(Bytes::from(larger)));
            let response = webhooks.response(request(HeaderMap::new(), body)).await;
            assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        });
    }

    /// Body that does not say how long it is.
    struct UnsizedBody<B>(B);

    impl<B: Body + Unpin> Body for UnsizedBody<B> {
        type Data = B::Data;
        type Error = B::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
            Pin::new(&mut self.0).poll_frame(context)
        }
    }

    #[test]
    fn body_that_does_not_arrive_is_given_up() {
        paused(async {
            let webhooks = webhooks(&MemoryInbox::default());
            let response = webhooks
                .response(request(HeaderMap::new(), SilentBody))
                .await;
            assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
        });
    }

    #[test]
    fn requests_of_one_key_beyond_120_in_60_s_wait() {
        paused(async {
            let webhooks = webhooks(&MemoryInbox::default());
            let headers = signed(KEY, EXPORT);
            for _ in 0..60 {
                assert_eq!(post(&webhooks, headers.clone(), EXPORT).await.0, 202);
            }
            advance(Duration::from_millis(20_500)).await;
            for _ in 0..60 {
                assert_eq!(post(&webhooks, headers.clone(), EXPORT).await.0, 202);
            }
            let (status, _, fields) = post(&webhooks, headers.clone(), EXPORT).await;
            assert_eq!((status, fields[RETRY_AFTER].to_str().unwrap()), (429, "40"));
            // Neither another key nor a bad signature is counted against this one.
            let other = signed(b"old key", EXPORT);
            assert_eq!(post(&webhooks, other, EXPORT).await.0, 202);
            assert_eq!(post(&webhooks, HeaderMap::new(), EXPORT).await.0, 401);
            advance(Duration::from_secs(40)).await;
            assert_eq!(post(&webhooks, headers, EXPORT).await.0, 202);
        });
    }

    #[test]
    fn store_that_is_down_makes_the_sender_repeat() {
        paused(async {
            let inbox = MemoryInbox {
                is_down: true,
                ..MemoryInbox::default()
            };
            let answer = post(&webhooks(&inbox), signed(KEY, EXPORT), EXPORT).await;
            assert_eq!(
                (answer.0, answer.2[RETRY_AFTER].to_str().unwrap()),
                (503, "5")
            );
        });
    }

    #[test]
    fn other_methods_and_paths_are_refused() {
        paused(async {
            let webhooks = webhooks(&MemoryInbox::default());
            let status = async |method: Method, path: &str| {
                let request = Request::builder().method(method).uri(path);
                let request = request.body(Full::new(Bytes::new())).unwrap();
                webhooks.response(request).await.status().as_u16()
            };
            assert_eq!(status(Method::GET, "/events/excitor-export").await, 405);
            assert_eq!(status(Method::POST, "/metrics").await, 404);
            assert_eq!(status(Method::POST, "/events/excitor-export").await, 401);
        });
    }
}
