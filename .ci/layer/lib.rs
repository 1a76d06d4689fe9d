//! The crate's lowest two floors.

// The floors above use the rest.
#![allow(dead_code)]

#[path = "../../src"]
mod floors {
    pub mod metrics;
    pub mod model;
}

pub use floors::{metrics, model};
