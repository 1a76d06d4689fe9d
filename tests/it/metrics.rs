//! The metrics layer, from outside.

mod allocation;
mod exposition;
mod laws;
mod recording;
mod registry;
mod threads;
mod worker;
