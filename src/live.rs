//! Real time: the `/metrics` endpoint of a process outside of the simulator.

pub mod endpoint;

pub use endpoint::MetricsEndpoint;
