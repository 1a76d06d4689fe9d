//! Delivery of events.

use std::sync::Arc;

use rehearsal_worker::model::event::{EventAttributes, EventPayload};
use rehearsal_worker::model::{Event, EventId, EventKind, ImageDigest, RunId, Timestamp};
use rehearsal_worker::ports::{EventPublisher, PortError};

use super::super::{EventWebhook, HttpClient, TargetUrl, TrustedRoots};
use super::{ScriptedServer, local};
use crate::webhook::SigningKeys;

fn event(number: u8) -> Arc<Event> {
    let (run, image) = (
        RunId::from("run:acme:nightly:cron:x"),
        ImageDigest::new([number; 32]),
    );
    Arc::new(Event {
        event_id: EventId::of(EventKind::ReportReady, &run, &image),
        kind: EventKind::ReportReady,
        tenant: "acme".into(),
        ts: Timestamp::from_seconds(1_700_000_000),
        payload: EventPayload::ReportReady {
            image_digest: image,
            findings: u64::from(number),
        },
        attributes: EventAttributes { run, image },
    })
}

fn keys() -> SigningKeys {
    SigningKeys::new([b"a key".to_vec()])
}

#[test]
fn events_are_delivered_in_order_and_signed() {
    local(async {
        let server = ScriptedServer::start();
        let webhook = EventWebhook::new(server.client(), keys());
        let events = [event(1), event(2), event(3)];
        server.answer(204, &[], "");
        webhook.publish(&events).await.unwrap();
        let requests = server.requests();
        assert_eq!(requests.len(), 3);
        for (event, (headers, body)) in events.iter().zip(&requests) {
            assert_eq!(headers["webhook-id"], event.event_id.to_string());
            assert!(keys().verify(headers, body).is_some());
            assert_eq!(&body[..], serde_json::to_vec(event).unwrap());
        }
    });
}

#[test]
fn only_2xx_is_success_and_no_event_overtakes_another() {
    local(async {
        let server = ScriptedServer::start();
        let webhook = EventWebhook::new(server.client(), keys());
        for status in [301, 400, 429, 500, 503] {
            server.answer(200, &[], "");
            server.answer(status, &[], "");
            let before = server.requests().len();
            let published = webhook.publish(&[event(1), event(2), event(3)]).await;
            assert_eq!(published, Err(PortError::Unknown), "{status}");
            assert_eq!(server.requests().len() - before, 2, "{status}");
        }
    });
}

#[test]
fn redirect_of_the_receiver_is_not_followed() {
    local(async {
        let (server, other) = (ScriptedServer::start(), ScriptedServer::start());
        let webhook = EventWebhook::new(server.client(), keys());
        for status in [301, 302, 307, 308] {
            server.answer(status, &[("location", &other.url())], "");
            let published = webhook.publish(&[event(1)]).await;
            assert_eq!(published, Err(PortError::Unknown), "{status}");
        }
        assert_eq!((server.requests().len(), other.requests().len()), (4, 0));
    });
}

#[test]
fn receiver_without_a_listener_is_unavailable() {
    local(async {
        let target = TargetUrl::new("http://127.0.0.1:9/", true).unwrap();
        let webhook = EventWebhook::new(HttpClient::new(target, &TrustedRoots::none()), keys());
        assert_eq!(
            webhook.publish(&[event(1)]).await,
            Err(PortError::Unavailable)
        );
    });
}
