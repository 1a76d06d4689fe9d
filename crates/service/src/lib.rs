//! The Scheduler Worker as a service: everything around the pipelines that needs real time.
//!
//! ```text
//!   one thread, one runtime
//!   ┌──────────────────────────────────────────────────────────────────────┐
//!   │ WorkerService ── tasks of the worker ──> ports ──> store, Scanner, … │
//!   │ WorkerEndpoints ── /metrics, /healthz, /readyz                       │
//!   │ ExportWebhooks ── /events/… ──> store                                │
//!   └──────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! All tasks of a process run on one thread. So no other task runs between the answer of a service
//! and the metrics that it changes, and the worker's futures need not be `Send`. A runtime with
//! several threads was rejected for that: a process scans many images at a time, but it waits for
//! nearly all of that time, and a second process uses a second core.

#![forbid(unsafe_code)]

pub mod client;
pub mod config;
mod health;
pub mod http;
pub mod log;
mod observed_store;
pub mod webhook;
mod worker_service;

pub use health::{Health, STORE_TIMEOUT};
pub use observed_store::ObservedStore;
pub use worker_service::{ServiceError, WorkerService, run_local};
