//! Webhooks as their senders see them.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Frame};
use hyper::header::RETRY_AFTER;
use hyper::{HeaderMap, Method, Request, StatusCode};
use rehearsal_sqlite::{Database, DatabaseOptions, SqliteInventory};
use rehearsal_worker::model::{Selector, TenantId, Trigger};
use rehearsal_worker::ports::{Export, ImpactQuery, ImpactRequest, PortError, PortResult};
use tempfile::NamedTempFile;
use tokio::time::advance;

use super::receiver::BODY_BYTES_MAX;
use super::signature::tests::{signed, signed_at};
use super::{ExportInbox, SigningKeys, WebhookReceiver};
use crate::log::LogFormat;
use crate::log::tests::logged;

/// Address from which requests come.
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
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

/// Runs a test whose clock moves only when nothing else does.
pub fn paused<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(future)
}

fn webhooks(inbox: &MemoryInbox) -> WebhookReceiver<MemoryInbox> {
    let keys = SigningKeys::new([b"old key".to_vec(), KEY.to_vec()]);
    WebhookReceiver::new(inbox.clone(), None, keys, 1_000)
}

fn request<B>(path: &str, headers: HeaderMap, body: B) -> Request<B> {
    let request = Request::post(path).body(body);
    let mut request = request.unwrap();
    *request.headers_mut() = headers;
    request
}

fn export_request<B>(body: B) -> Request<B> {
    request("/events/conselier-export", HeaderMap::new(), body)
}

async fn post(
    webhooks: &WebhookReceiver<MemoryInbox>,
    headers: HeaderMap,
    body: &[u8],
) -> (u16, String, HeaderMap) {
    post_to(webhooks, "/events/conselier-export", CLIENT, headers, body).await
}

async fn post_to(
    webhooks: &WebhookReceiver<MemoryInbox>,
    path: &str,
    client: IpAddr,
    headers: HeaderMap,
    body: &[u8],
) -> (u16, String, HeaderMap) {
    let request = request(path, headers, Full::new(Bytes::copy_from_slice(body)));
    let response = webhooks.response(request, client).await;
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
        let response = webhooks.response(export_request(body), CLIENT).await;
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
        let response = webhooks.response(export_request(SilentBody), CLIENT).await;
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
            webhooks.response(request, CLIENT).await.status().as_u16()
        };
        assert_eq!(status(Method::GET, "/events/excitor-export").await, 405);
        assert_eq!(status(Method::POST, "/metrics").await, 404);
        assert_eq!(status(Method::POST, "/events/excitor-export").await, 401);
    });
}

#[test]
fn address_is_limited_before_the_body_is_read_and_others_are_not() {
    paused(async {
        let keys = SigningKeys::new([KEY.to_vec()]);
        let webhooks = WebhookReceiver::new(MemoryInbox::default(), None, keys, 2);
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        for client in [CLIENT, loopback] {
            // Unsigned requests and other paths count, too.
            let unsigned = post_to(&webhooks, "/other", client, HeaderMap::new(), b"").await;
            assert_eq!(unsigned.0, 404);
            let path = "/events/conselier-export";
            let signed_post = || post_to(&webhooks, path, client, signed(KEY, EXPORT), EXPORT);
            assert_eq!(signed_post().await.0, 202);
            let (status, _, fields) = signed_post().await;
            assert_eq!((status, fields[RETRY_AFTER].to_str().unwrap()), (429, "60"));
            // This body would take 10 s.
            let silent = webhooks.response(export_request(SilentBody), client);
            let began = tokio::time::Instant::now();
            assert_eq!(silent.await.status(), StatusCode::TOO_MANY_REQUESTS);
            assert_eq!(began.elapsed(), Duration::ZERO);
        }
        let other = IpAddr::from([203, 0, 113, 10]);
        let path = "/events/conselier-export";
        let answer = post_to(&webhooks, path, other, signed(KEY, EXPORT), EXPORT).await;
        assert_eq!(answer.0, 202);
        advance(Duration::from_secs(60)).await;
        assert_eq!(post(&webhooks, signed(KEY, EXPORT), EXPORT).await.0, 202);
    });
}

/// Webhooks over the inventory of a file.
struct SbomWebhooks {
    webhooks: WebhookReceiver<MemoryInbox>,
    inventory: SqliteInventory,
    _file: NamedTempFile,
}

impl SbomWebhooks {
    async fn create() -> Self {
        let file = NamedTempFile::new().unwrap();
        let database = Database::open(file.path(), DatabaseOptions::default()).await;
        let inventory = SqliteInventory::new(database.unwrap());
        let keys = SigningKeys::new([KEY.to_vec()]);
        let images = Some(inventory.clone());
        Self {
            webhooks: WebhookReceiver::new(MemoryInbox::default(), images, keys, 1_000),
            inventory,
            _file: file,
        }
    }

    async fn post(&self, headers: HeaderMap, body: &[u8]) -> (u16, String) {
        let path = "/events/sbom-ready";
        let (status, body, _) = post_to(&self.webhooks, path, CLIENT, headers, body).await;
        (status, body)
    }

    /// Sends an event now, in the form that is protected against replay.
    async fn send(&self, message: &str, body: &[u8]) -> (u16, String) {
        self.post(signed_at(KEY, message, 0, body), body).await
    }

    /// Number of digests with a component.
    async fn with_component(&self, product_key: &str) -> usize {
        let request = ImpactRequest {
            tenant: &TenantId::from("acme"),
            selector: &Selector::All,
            product_keys: &[product_key.into()],
            usage_only: false,
        };
        self.inventory
            .resolve(&request)
            .await
            .unwrap()
            .digests
            .len()
    }
}

/// SBOM event of an image in a repository.
fn sbom_event(repository: &str, component: &str, more: &str) -> Vec<u8> {
    let digest = "ab".repeat(32);
    let event = format!(
        "{{\"tenant\":\"acme\",\"digest\":\"sha256:{digest}\",\
         \"registry\":\"registry.example\",\"repository\":\"{repository}\",\
         \"components\":[{{\"productKey\":\"{component}\"}}]{more}}}"
    );
    event.into_bytes()
}

fn local<T>(future: impl Future<Output = T>) -> T {
    crate::worker_service::run_local(future).unwrap()
}

#[test]
fn sbom_event_puts_replaces_and_removes_one_image() {
    local(async {
        let webhooks = SbomWebhooks::create().await;
        let accepted = |answer: (u16, String)| {
            assert_eq!(answer.0, 202, "{}", answer.1);
            assert!(answer.1.contains("\"duplicate\":false"), "{}", answer.1);
        };
        accepted(
            webhooks
                .send("1", &sbom_event("shop/web", "pkg:a", ""))
                .await,
        );
        accepted(
            webhooks
                .send("2", &sbom_event("shop/cart", "pkg:a", ""))
                .await,
        );
        accepted(
            webhooks
                .send("3", &sbom_event("shop/web", "pkg:b", ""))
                .await,
        );
        assert_eq!(webhooks.with_component("pkg:a").await, 1);
        assert_eq!(webhooks.with_component("pkg:b").await, 1);
        let removed = sbom_event("shop/web", "pkg:b", ",\"removed\":true");
        accepted(webhooks.send("4", &removed).await);
        assert_eq!(webhooks.with_component("pkg:b").await, 0);
        // The image of the same digest in another repository stays.
        assert_eq!(webhooks.with_component("pkg:a").await, 1);
    });
}

#[test]
fn replayed_sbom_event_brings_no_old_sbom_back() {
    local(async {
        let webhooks = SbomWebhooks::create().await;
        let (old, new) = (
            sbom_event("shop/web", "pkg:a", ""),
            sbom_event("shop/web", "pkg:b", ""),
        );
        webhooks.send("1", &old).await;
        webhooks.send("2", &new).await;
        let (status, body) = webhooks.send("1", &old).await;
        assert_eq!(status, 202);
        assert!(body.contains("\"duplicate\":true"), "{body}");
        // Upstream's form, and a message that is too old.
        assert_eq!(webhooks.post(signed(KEY, &old), &old).await.0, 401);
        assert_eq!(
            webhooks.post(signed_at(KEY, "3", 400, &old), &old).await.0,
            401
        );
        assert_eq!(webhooks.with_component("pkg:a").await, 0);
        assert_eq!(webhooks.with_component("pkg:b").await, 1);
    });
}

#[test]
fn unsigned_oversized_and_malformed_sbom_events_lose_nothing() {
    local(async {
        let webhooks = SbomWebhooks::create().await;
        let event = sbom_event("shop/web", "pkg:a", "");
        webhooks.send("1", &event).await;
        let changed = sbom_event("shop/web", "pkg:b", "");
        assert_eq!(webhooks.post(HeaderMap::new(), &changed).await.0, 401);
        let foreign = signed_at(b"another key", "2", 0, &changed);
        assert_eq!(webhooks.post(foreign, &changed).await.0, 401);
        let larger = [changed.clone(), vec![b' '; BODY_BYTES_MAX]].concat();
        assert_eq!(webhooks.send("3", &larger).await.0, 413);
        let text = String::from_utf8(changed).unwrap();
        for (body, place) in [
            (
                text.replace("shop/web", ""),
                "field `repository` is missing",
            ),
            (
                text.replace("productKey", "purl"),
                "field `components`: unknown field `purl`",
            ),
            (text.replace("tenant", "owner"), "field `tenant` is missing"),
            (text.replace("}]}", "}]"), "line 1 column "),
        ] {
            let (status, answer) = webhooks.send(place, body.as_bytes()).await;
            assert_eq!(status, 400, "{answer}");
            assert!(answer.contains(place), "{answer}");
        }
        // A sender may correct an event under the same identifier.
        assert_eq!(webhooks.with_component("pkg:a").await, 1);
        assert_eq!(
            webhooks.send("line 1 column ", text.as_bytes()).await.0,
            202
        );
        assert_eq!(webhooks.with_component("pkg:b").await, 1);
    });
}

#[test]
fn receiver_without_an_inventory_takes_no_sbom_events() {
    paused(async {
        let webhooks = webhooks(&MemoryInbox::default());
        let event = sbom_event("shop/web", "pkg:a", "");
        let headers = signed_at(KEY, "1", 0, &event);
        let answer = post_to(&webhooks, "/events/sbom-ready", CLIENT, headers, &event).await;
        assert_eq!(answer.0, 404);
    });
}

#[test]
fn keys_and_signatures_of_webhooks_are_in_no_log() {
    let key = b"planted-event-key";
    let mut signature = String::new();
    let log = logged(LogFormat::Json, || {
        paused(async {
            let keys = SigningKeys::new([key.to_vec()]);
            let webhooks = WebhookReceiver::new(MemoryInbox::default(), None, keys, 3);
            let headers = signed(key, EXPORT);
            headers["x-scheduler-signature"]
                .to_str()
                .unwrap()
                .clone_into(&mut signature);
            assert_eq!(post(&webhooks, headers.clone(), EXPORT).await.0, 202);
            assert_eq!(post(&webhooks, headers.clone(), b"{}").await.0, 401);
            assert_eq!(post(&webhooks, signed(key, b"{"), b"{").await.0, 400);
            assert_eq!(post(&webhooks, headers, EXPORT).await.0, 429);
        });
    });
    assert!(log.contains("export received"), "{log}");
    assert!(log.contains("an address sends too many webhooks"), "{log}");
    let digits = signature.trim_start_matches("sha256=");
    assert!(!log.contains("planted") && !log.contains(digits), "{log}");
}
