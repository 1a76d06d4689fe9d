//! Background services: each is one endless task of a process.
//!
//! A service ends when the token that it checks is cancelled: `intake` for services that take work,
//! `monitoring` for heartbeats and gauges (see [`WorkerContext`](crate::context::WorkerContext)).

pub mod backlog;
pub mod command;
pub mod cron_trigger;
pub mod dispatcher;
pub mod export_trigger;
pub mod heartbeat;
pub mod planner;
pub mod relay;
pub mod runner;
pub mod sweeper;
