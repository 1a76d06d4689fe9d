//! Receivers of events: a webhook, or the log.
//!
//! The webhook gets one POST for each event, in order, and an event follows only when the one
//! before was answered with 2xx. The requests are signed as Standard Webhooks are, with the
//! event's identifier as the message's, so that a receiver drops duplicates by it.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use rehearsal_worker::model::Event;
use rehearsal_worker::ports::{EventPublisher, PortError, PortResult};
use tokio::time::timeout;

use super::http_client::{HttpClient, HttpError};
use crate::log::LogInterval;
use crate::webhook::SigningKeys;

/// Maximum time for one event.
const EVENT_TIME: Duration = Duration::from_secs(10);
/// Maximum number of bytes of an answer, which is not used.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Receiver over HTTP.
#[derive(Clone)]
pub struct EventWebhook(Rc<WebhookState>);

struct WebhookState {
    client: HttpClient,
    keys: SigningKeys,
    warnings: LogInterval,
}

impl EventWebhook {
    /// Creates a client that signs with the first of the keys.
    pub fn new(client: HttpClient, keys: SigningKeys) -> Self {
        let warnings = LogInterval::default();
        Self(Rc::new(WebhookState {
            client,
            keys,
            warnings,
        }))
    }

    async fn send(&self, event: &Event) -> Result<(), HttpError> {
        let state = &self.0;
        let body = serde_json::to_vec(event).expect("a struct with text keys");
        let signature = state.keys.sign(&event.event_id.to_string(), &body);
        let fields = signature.into_iter().flatten().map(|(name, value)| {
            let value = HeaderValue::try_from(value).expect("digits and base64");
            (HeaderName::from_static(name), value)
        });
        let headers: HeaderMap = fields.collect();
        let sent = timeout(
            EVENT_TIME,
            state.client.post(headers, body, ANSWER_BYTES_MAX),
        )
        .await;
        let late = || HttpError::Incomplete("no answer in 10 s".to_owned());
        let answer = sent.unwrap_or_else(|_| Err(late()))?;
        match answer.status.is_success() {
            true => Ok(()),
            false => Err(HttpError::Incomplete(format!("status {}", answer.status))),
        }
    }
}

impl EventPublisher for EventWebhook {
    async fn publish(&self, events: &[Arc<Event>]) -> PortResult<()> {
        for (index, event) in events.iter().enumerate() {
            if let Err(error) = self.send(event).await {
                let reason = error.to_string();
                if self.0.warnings.is_due(&reason) {
                    let receiver = self.0.client.target();
                    tracing::warn!(%receiver, reason, "events are not delivered");
                }
                return Err(match error {
                    HttpError::Unreachable(_) if index == 0 => PortError::Unavailable,
                    _ => PortError::Unknown,
                });
            }
        }
        Ok(())
    }
}

/// Receiver that only logs, for installations without Notify.
#[derive(Debug, Clone, Copy, Default)]
pub struct EventLog;

impl EventPublisher for EventLog {
    async fn publish(&self, events: &[Arc<Event>]) -> PortResult<()> {
        for event in events {
            let run = event.attributes.run.as_str();
            let image = event.attributes.image.to_string();
            let (id, kind) = (event.event_id.to_string(), event.kind.as_str());
            tracing::debug!(run, image, event = id, kind, "event");
        }
        Ok(())
    }
}

/// The configured receiver.
#[derive(Clone)]
pub enum NotifyClient {
    /// Sends to a receiver.
    Webhook(EventWebhook),
    /// Only logs.
    Log(EventLog),
}

impl EventPublisher for NotifyClient {
    async fn publish(&self, events: &[Arc<Event>]) -> PortResult<()> {
        match self {
            Self::Webhook(webhook) => webhook.publish(events).await,
            Self::Log(log) => log.publish(events).await,
        }
    }
}
