//! Contract tests of the ports, on one SQLite file in real time.

mod bench;
mod planted;
mod properties;
