//! The metrics layer, from outside.

mod laws;
mod registry;
mod threads;
