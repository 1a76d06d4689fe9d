//! The metrics layer, from outside.

mod kit;
mod laws;
mod registry;
mod threads;
