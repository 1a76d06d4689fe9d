//! The metrics layer, from outside.

mod allocation;
mod backlog;
mod exposition;
mod laws;
mod readings;
mod recording;
mod registry;
mod threads;
mod worker;
