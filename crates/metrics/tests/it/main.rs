//! Tests of the metrics layer's public interface.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests start threads and measure time"
)]

mod exposition;
mod kit;
mod laws;
mod recording;
mod registry;
mod threads;
