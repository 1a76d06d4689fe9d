//! Endpoints of a worker process for its operators: metrics, liveness and readiness.
//!
//! ```text
//!   GET, HEAD /healthz   200 while the process serves requests; no service is asked
//!   GET, HEAD /readyz    200, or 503, with every reason as JSON
//!   /metrics             see the metrics endpoint
//! ```

use std::net::IpAddr;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;

use super::metrics_service::MetricsService;
use super::respond::{Respond, json, text};
use crate::health::Health;

/// Endpoints of one worker process.
pub struct WorkerEndpoints {
    metrics: MetricsService,
    health: Health,
}

impl WorkerEndpoints {
    /// Creates the endpoints.
    pub fn new(metrics: MetricsService, health: Health) -> Self {
        Self { metrics, health }
    }

    /// Returns the response to a request. It does not read the body.
    pub async fn response<B>(&self, request: Request<B>) -> Response<Full<Bytes>> {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        match request.uri().path() {
            "/healthz" if is_read => text(StatusCode::OK, "alive\n"),
            "/readyz" if is_read => self.readiness(),
            _ => self.metrics.response(request).await,
        }
    }

    fn readiness(&self) -> Response<Full<Bytes>> {
        let reasons = self.health.reasons();
        let status = match reasons.is_empty() {
            true => StatusCode::OK,
            false => StatusCode::SERVICE_UNAVAILABLE,
        };
        json(
            status,
            &json!({ "ready": reasons.is_empty(), "reasons": reasons }),
        )
    }
}

impl Respond for WorkerEndpoints {
    async fn respond(&self, request: Request<Incoming>, _client: IpAddr) -> Response<Full<Bytes>> {
        self.response(request).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt;
    use hyper::header::HOST;
    use rehearsal_metrics::Registry;
    use tokio::time::advance;

    use super::*;

    async fn get(endpoints: &WorkerEndpoints, path: &str) -> (u16, String) {
        let request = Request::get(path).header(HOST, "x").body(()).unwrap();
        let response = endpoints.response(request).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn paused<T>(future: impl Future<Output = T>) -> T {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(future)
    }

    #[test]
    fn readiness_names_every_reason_and_liveness_needs_no_service() {
        paused(async {
            let health = Health::default();
            let metrics = MetricsService::new(Registry::new());
            let endpoints = WorkerEndpoints::new(metrics, health.clone());
            let not_ready = |reasons: &str| {
                (
                    503,
                    format!("{{\"ready\":false,\"reasons\":[{reasons}]}}\n"),
                )
            };
            let ready = (200, "{\"ready\":true,\"reasons\":[]}\n".to_owned());
            assert_eq!(
                get(&endpoints, "/readyz").await,
                not_ready(
                    "\"the store has not assigned an incarnation number\",\
                     \"the store has not answered yet\""
                )
            );
            assert_eq!(
                get(&endpoints, "/healthz").await,
                (200, "alive\n".to_owned())
            );
            health.registered();
            health.store_answered();
            assert_eq!(get(&endpoints, "/readyz").await, ready);
            advance(Duration::from_secs(10)).await;
            assert_eq!(get(&endpoints, "/readyz").await, ready);
            advance(Duration::from_millis(1_001)).await;
            assert_eq!(
                get(&endpoints, "/readyz").await,
                not_ready("\"the store has not answered for 11 s\"")
            );
            health.store_answered();
            health.set_permanent_error(Some("no such table: run".to_owned()));
            assert_eq!(
                get(&endpoints, "/readyz").await,
                not_ready("\"the store fails permanently: no such table: run\"")
            );
            health.set_permanent_error(None);
            health.stopping();
            assert_eq!(
                get(&endpoints, "/readyz").await,
                not_ready("\"the process is stopping\"")
            );
            assert_eq!(get(&endpoints, "/metrics").await.0, 200);
            assert_eq!(get(&endpoints, "/other").await.0, 404);
        });
    }
}
