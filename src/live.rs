//! Real time: the `/metrics` endpoint of a process outside of the simulator.

mod connection;
pub mod endpoint;
mod limits;
mod negotiation;
mod server;
mod service;

pub use connection::serve_connection;
pub use endpoint::MetricsEndpoint;
pub use limits::EndpointLimits;
pub use service::MetricsService;
