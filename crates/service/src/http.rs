//! HTTP/1.1 servers of a process: connections, limits and the endpoints themselves.

mod connection;
pub mod endpoint;
mod limits;
mod metrics_service;
mod negotiation;
mod respond;
mod server;
mod worker_endpoints;

pub use connection::serve_connection;
pub use endpoint::MetricsEndpoint;
pub use limits::EndpointLimits;
pub use metrics_service::MetricsService;
pub use respond::Respond;
pub(crate) use respond::{json, set, text};
pub use server::{listen_at, serve};
pub use worker_endpoints::WorkerEndpoints;
