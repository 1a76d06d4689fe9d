//! A receiver of events that refuses some of them, and remembers what it has accepted.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::stub_server::{StubResponse, serve};

/// Accepted events.
#[derive(Default)]
pub struct Received {
    /// Events by identifier, as they first arrived.
    pub events: BTreeMap<String, ReceivedEvent>,
    /// Number of deliveries, repeats included.
    pub deliveries: i64,
    /// Identifiers that arrived with different contents.
    pub ambiguous: Vec<String>,
}

/// Part of an event that the test compares.
pub struct ReceivedEvent {
    pub run: String,
    pub image: String,
    /// New findings; none if the event announces a report.
    pub new_findings: Option<i64>,
    /// Hash of the whole text.
    hash: u64,
}

/// Starts a receiver.
pub fn start(seed: u64) -> (Arc<Mutex<Received>>, SocketAddr) {
    let received = Arc::new(Mutex::new(Received::default()));
    let random = Mutex::new(ChaCha8Rng::seed_from_u64(seed));
    let accepted = Arc::clone(&received);
    let respond = move |body: &str| {
        let Ok(event) = serde_json::from_str::<Value>(body) else {
            return StubResponse::empty(400);
        };
        if random.lock().unwrap().random_bool(0.005) {
            return StubResponse::empty(503);
        }
        accepted.lock().unwrap().accept(body, &event);
        StubResponse::empty(204)
    };
    (received, serve(respond))
}

impl Received {
    fn accept(&mut self, body: &str, event: &Value) {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let received = ReceivedEvent {
            run: text(&event["attributes"]["run"]),
            image: text(&event["attributes"]["image"]),
            new_findings: event["payload"]["newFindings"].as_i64(),
            hash: hasher.finish(),
        };
        self.deliveries += 1;
        let id = text(&event["eventId"]);
        let first = self.events.entry(id.clone()).or_insert(received);
        if first.hash != hasher.finish() {
            self.ambiguous.push(id);
        }
    }
}
