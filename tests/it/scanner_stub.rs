//! A Scanner over HTTP whose answers a test chooses.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::stub_server::{StubResponse, serve};

/// Server of reports. Its threads end with the program.
pub struct ScannerStub {
    address: SocketAddr,
}

impl ScannerStub {
    /// Starts a server that answers each requested image with a status and a document.
    pub fn start(answer: impl Fn(&str) -> (u16, Value) + Send + Sync + 'static) -> Self {
        let respond = move |body: &str| {
            let request: Value = serde_json::from_str(body).unwrap_or_default();
            let Some(image) = request["image"].as_str() else {
                return StubResponse::empty(400);
            };
            let (status, document) = answer(image);
            StubResponse {
                body: document.to_string(),
                ..StubResponse::empty(status)
            }
        };
        Self {
            address: serve(respond),
        }
    }

    /// URL of the reports.
    pub fn url(&self) -> String {
        format!("http://{}/reports", self.address)
    }
}

/// Report of an image.
pub fn report(image: &str, revision: u64, findings: &[Value]) -> Value {
    json!({
        "image": image,
        "revision": revision,
        "generatedAt": "2026-01-01T00:00:00Z",
        "findings": findings,
    })
}
