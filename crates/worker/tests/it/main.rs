//! Tests of the worker's instruments through its public interface.

mod allocation;
mod backlog;
mod exposition;
mod readings;
mod recording;
mod worker;
