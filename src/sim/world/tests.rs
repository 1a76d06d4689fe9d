//! The world as an incarnation meets it.

mod faults;
mod operations;
mod ports;
