//! The worker's instruments, from outside.

mod allocation;
mod backlog;
mod exposition;
mod readings;
mod recording;
mod worker;
