//! The world as a life meets it.

mod faults;
mod operations;
mod ports;
