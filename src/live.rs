//! The outside world in real time.

pub mod endpoint;

pub use endpoint::MetricsEndpoint;
