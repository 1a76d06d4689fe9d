//! Tests of the worker through its public interface.

mod allocation;
mod backlog;
mod documents;
mod exposition;
mod readings;
mod recording;
mod worker;
