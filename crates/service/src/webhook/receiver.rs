//! Webhooks by which other services publish exports and tell of SBOMs.
//!
//! ```text
//!   POST /events/conselier-export, /events/excitor-export, /events/sbom-ready
//!        202  taken, or taken before ("duplicate": true)
//!        400  signed, but no such event   408  the body did not arrive in 10 s
//!        401  no valid signature          413  the body has more than 1 MiB
//!        429  too many requests of one address or key, with Retry-After
//!        503  the store did not answer, with Retry-After: send again
//!   another method 405, another path 404
//! ```
//!
//! Requests of an address beyond its limit are refused before anything of them is read. The
//! signature is verified over the raw bytes before anything of them is parsed.
//!
//! An export is known by its identifier, so a replay has no effect. An SBOM event is not: a replay
//! would bring an old SBOM back. So it needs the form that is protected against replay, and the
//! store remembers the identifiers of its messages. In both cases a sender repeats until it gets
//! 202.

use std::cell::RefCell;
use std::net::IpAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use rehearsal_sqlite::{ImageLineError, SbomEvent, SqliteInventory};
use rehearsal_worker::model::Trigger;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::address_limit::AddressLimit;
use super::export_document::{ExportInbox, read_export};
use super::rate_limit::RateLimit;
use super::refusal::WebhookRefusal;
use super::signature::{SigningKeys, VerifiedSignature};
use crate::http::{Respond, json};
use crate::log::LogInterval;

/// Maximum number of bytes of a body.
pub(super) const BODY_BYTES_MAX: usize = 1 << 20;
/// Maximum time in which a body must arrive.
const BODY_TIME: Duration = Duration::from_secs(10);
/// Maximum number of requests of one key in a window.
const REQUESTS_MAX: usize = 120;
/// Window of the limits of requests.
const WINDOW: Duration = Duration::from_secs(60);

/// Receiver of the webhooks.
pub struct WebhookReceiver<I> {
    inbox: I,
    inventory: Option<SqliteInventory>,
    keys: SigningKeys,
    address_limit: RefCell<AddressLimit>,
    key_limit: RefCell<RateLimit>,
    warnings: LogInterval,
}

/// Event that a path takes.
enum EventPath<'a> {
    Export(Trigger),
    Sbom(&'a SqliteInventory),
}

impl<I: ExportInbox> WebhookReceiver<I> {
    /// Creates a receiver that accepts what one of these keys signed, and this number of requests
    /// of each address in a minute. Without an inventory it takes no SBOM events.
    pub fn new(
        inbox: I,
        inventory: Option<SqliteInventory>,
        keys: SigningKeys,
        requests_per_address: u32,
    ) -> Self {
        Self {
            inbox,
            inventory,
            address_limit: RefCell::new(AddressLimit::new(requests_per_address, WINDOW)),
            key_limit: RefCell::new(RateLimit::new(keys.len(), REQUESTS_MAX, WINDOW)),
            keys,
            warnings: LogInterval::default(),
        }
    }

    /// Returns the response to a request of this client.
    pub async fn response<B>(&self, request: Request<B>, client: IpAddr) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match self.take(request, client).await {
            Ok(taken) => json(StatusCode::ACCEPTED, &taken),
            Err(refusal) => refusal.response(),
        }
    }

    /// Takes an event, and returns what the sender learns about it.
    async fn take<B>(&self, request: Request<B>, client: IpAddr) -> Result<Value, WebhookRefusal>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.admit(client)?;
        let (head, body) = request.into_parts();
        let event = self.event_path(head.uri.path())?;
        if head.method != Method::POST {
            return Err(WebhookRefusal::WrongMethod);
        }
        let body = received(body).await?;
        let Some(verified) = self.keys.verify(&head.headers, &body) else {
            return Err(WebhookRefusal::Unauthorized("no valid signature\n"));
        };
        let admitted = self.key_limit.borrow_mut().admit(verified.key);
        admitted.map_err(WebhookRefusal::TooManyRequests)?;
        match event {
            EventPath::Export(trigger) => self.publish(trigger, &body).await,
            EventPath::Sbom(inventory) => receive_sbom(inventory, &verified, &body).await,
        }
    }

    /// Counts a request against the limit of its address.
    fn admit(&self, client: IpAddr) -> Result<(), WebhookRefusal> {
        let admitted = self.address_limit.borrow_mut().admit(client);
        if admitted.is_err() && self.warnings.is_due("address") {
            tracing::warn!(%client, "an address sends too many webhooks");
        }
        admitted.map_err(WebhookRefusal::TooManyRequests)
    }

    fn event_path(&self, path: &str) -> Result<EventPath<'_>, WebhookRefusal> {
        let inventory = self.inventory.as_ref();
        let event = match path {
            "/events/conselier-export" => Some(EventPath::Export(Trigger::Conselier)),
            "/events/excitor-export" => Some(EventPath::Export(Trigger::Excitor)),
            "/events/sbom-ready" => inventory.map(EventPath::Sbom),
            _ => None,
        };
        event.ok_or(WebhookRefusal::UnknownPath)
    }

    async fn publish(&self, trigger: Trigger, body: &[u8]) -> Result<Value, WebhookRefusal> {
        let export = read_export(trigger, body).map_err(WebhookRefusal::Malformed)?;
        let (id, trigger) = (export.id.clone(), trigger.as_str());
        let published = self.inbox.publish(export).await;
        let duplicate = !published.map_err(|_| WebhookRefusal::Unavailable)?;
        tracing::info!(export = &*id, trigger, duplicate, "export received");
        Ok(json!({ "exportId": &*id, "duplicate": duplicate }))
    }
}

/// Changes the inventory as an event says.
async fn receive_sbom(
    inventory: &SqliteInventory,
    verified: &VerifiedSignature<'_>,
    body: &[u8],
) -> Result<Value, WebhookRefusal> {
    let message = verified.message.ok_or(WebhookRefusal::Unauthorized(
        "this event needs webhook-id, webhook-timestamp and webhook-signature\n",
    ))?;
    let malformed = |error: ImageLineError| WebhookRefusal::Malformed(error.to_string());
    let event = SbomEvent::read(body).map_err(malformed)?;
    let (image, removed) = (event.image.digest.to_string(), event.is_removed);
    let received = inventory.receive(message, event).await;
    let duplicate = !received.map_err(|_| WebhookRefusal::Unavailable)?;
    tracing::info!(message, image, removed, duplicate, "SBOM event received");
    Ok(json!({ "image": image, "duplicate": duplicate }))
}

impl<I: ExportInbox> Respond for WebhookReceiver<I> {
    async fn respond(&self, request: Request<Incoming>, client: IpAddr) -> Response<Full<Bytes>> {
        self.response(request, client).await
    }
}

/// Reads a body within the limits.
async fn received<B>(body: B) -> Result<Bytes, WebhookRefusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // The announced length is enough to refuse.
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(WebhookRefusal::TooLarge);
    }
    match timeout(BODY_TIME, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(WebhookRefusal::TooLarge),
        Ok(Err(_)) => Err(WebhookRefusal::Incomplete),
        Err(_) => Err(WebhookRefusal::TooSlow),
    }
}
