//! Contract tests of the ports, on the simulated services in virtual time; model tests also on
//! SQLite.

mod docs;
mod model;
mod planted;
mod planted_commit;
mod planted_notify;
mod planted_queue;
mod planted_store;
mod planted_table;
mod properties;
mod simulated;
